"""Names become folders that any disk can hold, and come back as they were."""

import os
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from runlake.errors import PathError
from runlake.model import RunPath
from runlake.store.disk import TEMPORARY_PREFIX, replace_file
from runlake.store.folder_store import FolderStore
from runlake.store.layout import (
    check_file_name,
    check_run_path,
    decode_file_part,
    decode_name,
    encode_file_part,
    encode_name,
)

DEVICES = ["con", "CON", "con.txt", "Aux", "nul.tar.gz", "COM1", "lpt9.x", "prn ", "con .txt"]


def is_good_folder_name(encoded):
    """What Windows, macOS and Linux all keep as it is, and what no listing hides."""
    return (
        0 < len(encoded.encode()) <= 255
        and encoded.isascii()
        and not set(encoded) & set('<>:"/\\|?*\0')
        and not encoded.startswith(".")
        and encoded[-1] not in ". "
        and encoded.partition(".")[0].strip().lower() not in ("con", "aux", "nul", "prn", "com1", "lpt9")
    )


@given(strategies.run_ids)
def test_a_name_is_a_good_folder_and_comes_back(name):
    check_run_path(RunPath("e", "p", name))
    encoded = encode_name(name)
    assert is_good_folder_name(encoded)
    assert "%~" in encoded or decode_name(encoded) == name


@given(strategies.run_ids, strategies.run_ids)
def test_two_names_are_two_folders_even_where_case_is_not_told_apart(one, other):
    assert (encode_name(one).lower() == encode_name(other).lower()) == (one == other)


@pytest.mark.parametrize("letters", ["aA", "éÉ", "a~A", "a%A", "ab.B", "a b"])
def test_all_short_names_of_a_few_letters_are_different_folders(letters):
    names, level = [], [""]
    for _ in range(5):
        level = [name + letter for name in level for letter in letters]
        names += level
    folders = defaultdict(list)
    for name in names:
        folders[encode_name(name).lower()].append(name)
    assert [found for found in folders.values() if len(found) > 1] == []


def test_a_long_name_is_hashed_and_still_case_counts():
    assert encode_name("a" * 200) == "a" * 200
    assert encode_name("a" * 201) == "a" * 100 + "%~" + encode_name("a" * 201)[-40:]
    assert len({encode_name(name).lower() for name in ("a" * 201, "a" * 200 + "A", "a" * 202)}) == 3
    assert is_good_folder_name(encode_name("é" * 200))


@pytest.mark.parametrize("name", DEVICES)
def test_no_name_is_a_device(name, tmp_path):
    assert is_good_folder_name(encode_name(name))
    assert decode_name(encode_name(name)) == name
    assert encode_file_part(name).startswith("%")
    assert decode_file_part(encode_file_part(name)) == name


@pytest.mark.parametrize("name", ["aux-results", "console", "com", "com10", "null"])
def test_names_that_only_begin_like_a_device_stay_as_they_are(name):
    assert (encode_name(name), encode_file_part(name)) == (name, name)


@pytest.mark.parametrize(
    "bad",
    ["", " ", ".", "..", " .. ", "a/b", "../x", "a\\b", "a\0b", "a#b", "a?b", "50%", "a:b", "\n", "x" * 1025, "\ud800"],
)
def test_names_that_cannot_be_are_refused(bad, tmp_path):
    layout = FolderStore(tmp_path)
    for path in (RunPath("e", "p", bad), RunPath("e", bad, "r"), RunPath(bad, "p", "r")):
        with pytest.raises(PathError, match=r"the (entity|project|run id) "):
            layout.make_run_dir(path)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_is_no_text_is_refused():
    with pytest.raises(PathError, match="the run id must be a string, not 7"):
        check_run_path(RunPath("e", "p", 7))


@given(st.data())
def test_runs_are_listed_by_the_names_they_were_made_with(tmp_path_factory, data):
    layout = FolderStore(tmp_path_factory.mktemp("store"))
    short = strategies.run_ids.filter(lambda name: len(name) <= 128)
    paths = {RunPath(*data.draw(st.tuples(short, short, strategies.run_ids))) for _ in range(3)}
    for path in paths:
        layout.make_run_dir(path)
        layout.make_run_dir(path)
    found = {
        RunPath(entity, project, run_id)
        for entity in layout.entities()
        for project in layout.projects(entity)
        for run_id in layout.run_ids(entity, project)
    }
    assert found == paths
    assert {layout.run_path_of(layout.run_dir(path)) for path in paths} == paths
    assert {FolderStore.around(layout.run_dir(path)).root for path in paths} == {layout.root}


def test_an_entity_may_be_called_like_a_file_of_the_store(tmp_path):
    layout = FolderStore(tmp_path)
    (tmp_path / "store.toml").touch()
    for entity in ("artifacts", "store.toml"):
        layout.make_run_dir(RunPath(entity, "p", "r"))
    assert layout.entities() == ["artifacts", "store.toml"]
    assert not (tmp_path / "artifacts").exists()


def test_listing_what_is_not_there_is_empty(tmp_path):
    layout = FolderStore(tmp_path / "none")
    assert (layout.entities(), layout.projects("e"), layout.run_ids("e", "p")) == ([], [], [])


def test_a_folder_that_does_not_say_yet_what_it_stands_for_is_not_listed(tmp_path):
    layout = FolderStore(tmp_path)
    layout.make_run_dir(RunPath("e", "p", "a"))
    layout.run_dir(RunPath("e", "p", "b" * 300)).mkdir()
    assert layout.run_ids("e", "p") == ["a"]


@given(strategies.file_names)
def test_a_file_name_stays_in_the_folder_or_is_refused(name):
    folder = FolderStore(Path("/store")).files_dir(RunPath("e", "p", "r"))
    try:
        file = FolderStore(Path("/store")).file_path(RunPath("e", "p", "r"), name)
    except PathError:
        return
    assert os.path.normpath(file) == str(file)
    parts = file.relative_to(folder).parts
    assert "/".join(map(decode_file_part, parts)) == check_file_name(name)
    for part in parts:
        assert len(part.encode()) <= 255
        assert not set(part) & set('<>:"|?*\\\0')
        assert not part.startswith(TEMPORARY_PREFIX)


@given(strategies.file_parts, strategies.file_parts)
def test_two_file_names_are_two_files(one, other):
    assert (encode_file_part(one) == encode_file_part(other)) == (one == other)


@pytest.mark.parametrize(
    "bad",
    [
        "",
        ".",
        "..",
        "/etc/passwd",
        "//x",
        "a/../..",
        "../a",
        "a/../../b",
        "a\0b",
        "\udc80",
        "x" * 256,
        "é" * 128,
        7,
        None,
    ],
)
def test_a_file_name_that_leaves_the_folder_is_refused(bad):
    with pytest.raises(PathError):
        check_file_name(bad)


@pytest.mark.parametrize(
    ("name", "kept"), [("a//b", "a/b"), ("./a", "a"), ("a/./b/", "a/b"), ("x/../b", "b"), ("...", "...")]
)
def test_a_file_name_is_made_normal(name, kept):
    assert check_file_name(name) == kept


def test_a_file_is_there_whole_or_not_at_all(tmp_path):
    target = tmp_path / "f"
    replace_file(target, b"one")
    replace_file(target, b"two")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        replace_file(tmp_path / "folder", b"three")
    assert sorted(f.name for f in tmp_path.iterdir()) == ["f", "folder"]
    assert target.read_bytes() == b"two"
