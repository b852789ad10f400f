"""The pages about the inside speak of what is there."""

import re
import tomllib

import pytest
from pages import ROOT

INSIDE = ROOT / "docs" / "inside"
PACKAGE = ROOT / "src" / "runlake"
PAGES = sorted(INSIDE.rglob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]


def paths_named(text):
    """What stands in backticks and looks like a path of the checkout."""
    return re.findall(r"`((?:src|tests|docs|demo|benchmarks|requirements|\.ci)/[\w./*-]*)`", text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_path_that_a_page_names_is_there(page):
    assert [path for path in paths_named(page.read_text("utf-8")) if not list(ROOT.glob(path.rstrip("/")))] == []


def test_the_map_names_every_folder_of_the_package():
    named = set(paths_named((INSIDE / "map.md").read_text("utf-8")))
    folders = {path.parent for path in PACKAGE.rglob("*.py")} - {PACKAGE}
    in_the_wandb_package = PACKAGE / "compat" / "wandb_package"
    wanted = {
        f"{folder.relative_to(ROOT).as_posix()}/" for folder in folders if in_the_wandb_package not in folder.parents
    }
    wanted.discard("src/runlake/compat/wandb_package/wandb/")
    assert wanted <= named


def test_the_map_names_every_folder_of_the_checkout_that_holds_code():
    named = set(paths_named((INSIDE / "map.md").read_text("utf-8")))
    folders = {path.relative_to(ROOT).parts[0] for pattern in ("*/*.py", "*/*.txt") for path in ROOT.glob(pattern)}
    visible = {folder for folder in folders if not folder.startswith(".") and folder != "demo-output"}
    assert {f"{folder}/" for folder in visible - {"docs", "src"}} <= named


def test_what_the_map_says_to_begin_with_lies_in_that_room():
    rooms = re.findall(r"^\| `(src/[\w/]+/)` \| .* \| (.*) \|$", (INSIDE / "map.md").read_text("utf-8"), re.MULTILINE)
    named = [ROOT / room / name for room, names in rooms for name in re.findall(r"`([\w.]+)`", names)]
    assert len(named) > 100
    assert [path for path in named if not path.exists()] == []


def test_the_map_names_the_files_of_the_ground_floor():
    named = set(paths_named((INSIDE / "map.md").read_text("utf-8")))
    files = {path.relative_to(ROOT).as_posix() for path in PACKAGE.glob("*.py")}
    not_worth_a_line = {f"src/runlake/{name}.py" for name in ("__init__", "__main__", "version")}
    assert files - not_worth_a_line <= named


def package_names(requirements):
    return {re.split(r"[<>=\[;]", requirement)[0].strip() for requirement in requirements}


def section(text, heading):
    return re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)[1]


def test_every_dependency_has_a_line_that_says_why():
    page = (INSIDE / "dependencies.md").read_text("utf-8")
    base = set(re.findall(r"^\| ([\w-]+) \| ", section(page, "The base install"), re.MULTILINE)) - {"Package", "---"}
    assert base == package_names(PROJECT["dependencies"])
    further = {}
    for heading in ("Extras", "For demo, tests and checks"):
        for name, where in re.findall(r"^\| ([\w-]+) \| ([\w, ]+) \|", section(page, heading), re.MULTILINE):
            further.setdefault(name, set()).update(where.split(", "))
    further.pop("Package")
    told = {(name, extra) for name, extras in further.items() for extra in extras}
    real = {
        (name, extra)
        for extra, packages in PROJECT["optional-dependencies"].items()
        for name in package_names(packages)
    }
    also_for_tests = {(name, "test") for name in package_names(PROJECT["optional-dependencies"]["test"])}
    assert told <= real
    assert real - told <= also_for_tests
    assert {name for name, _ in real} == {name for name, _ in told}


def test_decisions_are_numbered_from_one_and_say_why():
    decisions = sorted((INSIDE / "decisions").glob("*.md"))
    for number, page in enumerate(decisions, 1):
        text = page.read_text("utf-8")
        assert page.name.startswith(f"{number:04d}-")
        assert text.startswith(f"# {number}. ")
        for word in ("**Decided:**", "**Why.**", "**Price.**"):
            assert word in text, f"{page.name} lacks {word}"


def test_the_promises_are_held_by_tests():
    table = section((INSIDE / "promises.md").read_text("utf-8"), "What holds them")
    rows = [
        line for line in table.splitlines() if line.startswith("| ") and not line.startswith(("| Promise", "| ---"))
    ]
    assert len(rows) >= 5
    assert [row for row in rows if not re.search(r"`(tests|benchmarks)/", row)] == []
