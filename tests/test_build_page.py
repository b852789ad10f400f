"""The build of the page: from Python alone, not twice, never in the way, and into what is handed on."""

import contextlib
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from page_made import make_page

ROOT = Path(__file__).parent.parent
NODE = ROOT / ".venv" / "node"
NOBODY_LISTENS = "http://127.0.0.1:9/"
MOST_PACKED_BYTES = 150_000


def copy_checkout(folder, *names):
    """What is named of the checkout, without what others have made in it."""
    for name in names:
        source, target = ROOT / name, folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("node_modules", "page", "__pycache__"))
        else:
            shutil.copy(source, target)
    return folder


def build(root, *options, node=NODE, **environ):
    command = [sys.executable, str(root / "requirements" / "build_page.py"), str(node), *options]
    ended = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ}, check=False)
    assert ended.stderr == ""
    return ended.returncode, ended.stdout


@pytest.fixture
def checkout(tmp_path):
    folder = copy_checkout(tmp_path / "checkout", "web", "requirements/build_page.py", "requirements/page.txt")
    (folder / "src" / "runlake").mkdir(parents=True)
    return folder


def test_a_checkout_without_the_sources_of_the_page_says_so_and_goes_on(checkout):
    (checkout / "web" / "package.json").unlink()
    assert build(checkout) == (0, "the page is not built: there is no web/package.json\n")


@pytest.mark.slow
@pytest.mark.parametrize(("options", "code"), [((), 0), (("--must",), 1)])
def test_where_node_is_not_to_be_had_one_line_says_so(checkout, tmp_path, options, code):
    away = {"PIP_INDEX_URL": NOBODY_LISTENS, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_CACHE_DIR": "1"}
    ended, said = build(checkout, *options, node=tmp_path / "node", **away)
    first, last = said.splitlines()
    assert (ended, first) == (code, "installing Node, which builds the page")
    assert last.startswith("the page is not built, all else goes on without it: Node cannot be installed (")
    assert not (checkout / "src" / "runlake" / "page").exists()


@pytest.mark.long
def test_the_page_is_built_once_and_the_old_one_stays_where_that_fails(checkout):
    assert build(ROOT, "--must")[0] == 0  # Node is there from here on
    away = {"npm_config_registry": NOBODY_LISTENS, "npm_config_cache": str(checkout / "no-cache")}
    assert build(checkout, "--must") == (0, "building the page\n")
    page = checkout / "src" / "runlake" / "page"
    built = {path.relative_to(page): path.read_bytes() for path in page.rglob("*") if path.is_file()}
    names = {path.as_posix() for path in built}
    assert {"index.html", "index.html.gz", "assets/licenses.txt"} <= names
    assert not any(name.endswith(".map") for name in names)
    assert b"\n@preact/signals\n" in built[Path("assets/licenses.txt")]
    packed = (len(content) for path, content in built.items() if path.name.endswith((".js.gz", ".css.gz")))
    assert 0 < sum(packed) <= MOST_PACKED_BYTES
    assert b"http" not in built[Path("index.html")]
    assert build(checkout, "--must", **away) == (0, "")

    (checkout / "web" / "index.html").write_text("<!doctype html><p>another page")
    (checkout / "web" / "node_modules" / ".package-lock.json").unlink()
    lock = checkout / "web" / "package-lock.json"
    lock.write_text(lock.read_text().replace('"integrity": "sha512-', '"integrity": "sha512-AAAA', 1))
    ended, said = build(checkout, **away)
    assert ended == 0
    assert said.splitlines()[-1].startswith("the page is not built, all else goes on without it: npm-cli.js ci: ")
    assert {path.relative_to(page): path.read_bytes() for path in page.rglob("*") if path.is_file()} == built


@pytest.mark.long
def test_a_wheel_and_a_source_package_hold_the_page_or_say_that_they_do_not(tmp_path):
    names = (".gitignore", "pyproject.toml", "README.md", "LICENSE", "src/runlake", "requirements/warn_without_page.py")
    folder = copy_checkout(tmp_path / "checkout", *names)
    # The sources of the room `server/page` have the name of what is built, so they were left out above.
    shutil.copytree(ROOT / "src/runlake/server/page", folder / "src/runlake/server/page")

    def packed():
        command = [sys.executable, "-m", "hatchling", "build", "-d", str(tmp_path / "dist")]
        ended = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
        with contextlib.ExitStack() as opened:
            (wheel,) = (tmp_path / "dist").glob("*.whl")
            (source,) = (tmp_path / "dist").glob("*.tar.gz")
            in_wheel = opened.enter_context(zipfile.ZipFile(wheel)).namelist()
            in_source = opened.enter_context(tarfile.open(source)).getnames()
        of_page = [name for name in in_wheel if name.startswith("runlake/page/")]
        of_source = [name.partition("/src/")[2] for name in in_source if "/src/runlake/page/" in name]
        return sorted(of_page), sorted(of_source), "this package has no page" in ended.stdout + ended.stderr

    assert packed() == ([], [], True)
    page = make_page(folder / "src" / "runlake" / "page")
    (page / ".built-from").write_text("a digest")
    files = ["icon-3c4d.svg", "licenses.txt", "main-1a2b.js", "main-1a2b.js.gz"]
    held = sorted([*(f"runlake/page/assets/{name}" for name in files), "runlake/page/index.html"])
    assert packed() == (held, held, False)
