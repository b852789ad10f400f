import hashlib
import re
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import CorruptError, NotFoundError
from runlake.media.stored import STEM_LIMIT_BYTES, file_stem, read_file, store_file


@pytest.mark.parametrize(
    ("key", "stem"),
    [
        ("loss", "loss"),
        ("val/pred", "val/pred"),
        ("val\\pred", "val/pred"),
        ("/etc/passwd", "etc/passwd"),
        ("../../x", "x"),
        ("..", "_"),
        ("", "_"),
        ("a//b/", "a/b"),
        (".hidden", "hidden"),
        ("a b: c?*", "a_b_c_"),
        ("nul\0byte\n", "nul_byte_"),
        ("CON/aux.x", "_CON/_aux.x"),
        ("console", "console"),
        ("Genauigkeit für Äpfel", "Genauigkeit_für_Äpfel"),
        ("损失/图", "损失/图"),
        ("🔥", "_"),
        ("\ud800", "_"),
    ],
)
def test_a_key_becomes_a_safe_file_name(key, stem):
    assert file_stem(key) == stem


@given(st.text())
def test_no_key_leaves_the_folder_or_grows_too_long(key):
    stem = file_stem(key)
    assert 0 < len(stem.encode()) <= STEM_LIMIT_BYTES
    for part in stem.split("/"):
        assert part
        assert not part.startswith(".")
        assert re.fullmatch(r"[\w.-]+", part)


def test_a_very_long_key_is_cut_between_letters():
    assert file_stem("ä" * 500) == "ä" * (STEM_LIMIT_BYTES // 2)


def test_a_file_is_named_after_key_step_and_content(files):
    digest = hashlib.sha256(b"abc").hexdigest()
    assert store_file(files.write, "images", "val/pred", 12, "png", b"abc") == {
        "path": f"media/images/val/pred_12_{digest[:20]}.png",
        "sha256": digest,
        "size": 3,
    }
    assert files == {f"media/images/val/pred_12_{digest[:20]}.png": b"abc"}


def test_a_damaged_file_is_found_and_named(files):
    value = store_file(files.write, "html", "page", 0, "html", b"abc")
    files[value["path"]] = b"abd"
    with pytest.raises(CorruptError, match=re.escape(value["path"])):
        read_file(value, files.open)


def test_a_missing_file_is_what_the_opener_says(files):
    with pytest.raises(NotFoundError, match="no file 'media/x'"):
        read_file({"path": "media/x"}, files.open)


def test_a_dict_without_checksum_is_read_unchecked(files):
    files["media/x"] = b"abc"
    assert read_file({"path": "media/x"}, files.open) == b"abc"


def test_importing_the_data_types_loads_nothing_heavy():
    heavy = ("numpy", "pandas", "polars", "pyarrow", "PIL", "matplotlib")
    script = (
        "import sys, runlake.media.convert, runlake.media.read\n"
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
