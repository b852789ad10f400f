"""Which names of files are written into a folder of whoever fetches them, and where they come to lie."""

import pytest

from runlake.api.files import File
from runlake.errors import UnsafeNameError
from runlake.local_names import place_below, why_refused

LEAD_OUT = ["../up", "a/../../up", "/etc/passwd", ".", "", "a/..", "..", "a\0b"]
OBEYED = [
    ".git/config",
    "sub/.git/hooks/post-checkout",
    ".GIT/config",
    ".Git",
    ".git ",
    ".git.",
    ".git . .",
    ".git::$INDEX_ALLOCATION/config",
    ".git:x",
    "GIT~1/config",
    "git~12",
    ".g\u200cit/config",
    "\ufeff.git/config",
    ".gi\u202et",
    "\uff0egit/config",
    "a\\.git\\config",
    ".hg/hgrc",
    "HG~1",
    ".svn/entries",
    "HEAD",
    "sub/head",
    ".envrc",
    ".env",
    ".bashrc",
    ".ssh/authorized_keys",
    ".vscode/tasks.json",
    ".IDEA/workspace.xml",
    ".npmrc",
    ".pre-commit-config.yaml",
    "sitecustomize.py",
    "lib/usercustomize.py",
    ".gdbinit",
    ".config/fish/config.fish",
]
FINE = [
    "model.h5",
    "model.pth",
    "a/b/c.txt",
    "./a//b",
    "git/config",
    "notes.git",
    ".gitignore",
    ".gitattributes",
    ".github/workflows/x.yml",
    ".hydra/config.yaml",
    "code/train.py",
    "Makefile",
    "conftest.py",
    "head/weights.bin",
    "HEAD.txt",
    "env",
    "a~1.txt",
    "..a",
    "a..",
    "metrics:train.json",
    "naïve – 日本",
    "CON.txt",
]


@pytest.mark.parametrize("name", LEAD_OUT)
def test_a_name_that_leads_out_is_refused(name):
    assert why_refused(name) == "it leads out of the folder"


@pytest.mark.parametrize("name", OBEYED)
def test_a_name_that_programs_obey_is_refused(name):
    assert why_refused(name) is not None


@pytest.mark.parametrize("name", FINE)
def test_all_other_names_are_written(tmp_path, name):
    assert why_refused(name) is None
    assert place_below(tmp_path, name).is_relative_to(tmp_path)


@pytest.mark.parametrize("name", ["a\x1b[2Jb", "a\nb", "a\x9bb", "\ud800"])
def test_a_name_with_control_characters_is_refused(name):
    assert why_refused(name) == "it holds control characters"


@pytest.mark.parametrize(
    "name",
    [
        "C:x",
        "C:\\x",
        "a\\b",
        "..\\up",
        "a:stream",
        "con",
        "sub/COM1.txt",
        "lpt9 .x",
        "NUL",
        "a. ",
        "a.",
        "a?",
        "CONIN$",
    ],
)
def test_on_windows_what_it_reads_otherwise_is_refused_too(name):
    assert why_refused(name, is_windows=True) is not None
    assert why_refused(name, is_windows=False) is None


def test_links_of_the_folder_are_followed_only_within_it(tmp_path):
    root, away = tmp_path / "root", tmp_path / "away"
    for folder in (root / "inner", root / ".git", away):
        folder.mkdir(parents=True)
    for name, target in {"out": away, "in": "inner", "repository": ".git", "up": "..", "self": "."}.items():
        (root / name).symlink_to(target)
    (root / "file").symlink_to(away / "file")
    for name in ("out/x", "up/x", "repository/config", "file", "self"):
        with pytest.raises(UnsafeNameError, match="is not written into"):
            place_below(root, name)
    assert place_below(root, "in/x") == root / "in" / "x"
    (tmp_path / "alias").symlink_to(root)
    assert place_below(tmp_path / "alias", "in/x") == tmp_path / "alias" / "in" / "x"


def test_a_file_of_a_run_is_not_downloaded_there_either(tmp_path):
    class Info:
        name = ".git/config"

    with pytest.raises(UnsafeNameError, match=r"read it without writing it: runlake\.Api\(\)"):
        File(None, None, Info()).download(tmp_path)
    assert list(tmp_path.iterdir()) == []
