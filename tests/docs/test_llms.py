"""What is written for language models is true: every page, verb and name of it is there, and every page is in it."""

import re

import pytest
from pages import ROOT, blocks, make_desk, run_command, run_python, texts
from typer.main import get_command

import runlake
from command import app
from runlake.api.api import Api
from runlake.api.stored_run import StoredRun
from runlake.sdk.run.run import Run
from waiting import wait_for_captures

FILE = ROOT / "docs" / "llms.txt"
SKILL = "docs/guide/skill/SKILL.md"
TEXT = FILE.read_text("utf-8")
BOTH = {"llms.txt": TEXT, "SKILL.md": (ROOT / SKILL).read_text("utf-8")}
THREE_RUNS = """
import runlake

settings = {"silent": True, "disable_system": True, "console": "off"}
for number, lr in enumerate([0.1, 0.01, 0.001]):
    with runlake.init(project="digits", id=f"r{number}", config={"lr": lr}, settings=settings) as run:
        for step in range(100):
            run.log({"loss": lr + 1 / (step + 1)})
"""


def test_it_has_the_form_of_such_a_file():
    lines = TEXT.splitlines()
    assert (lines[0], lines[2][:2]) == ("# runlake", "> ")
    sections = re.split(r"^## .*$", TEXT, flags=re.MULTILINE)[1:]
    for section in sections:
        assert all(re.fullmatch(r"- \[[^]]+\]\([^)]+\): .+", line) for line in section.strip().splitlines())


def test_every_page_it_names_is_there_and_every_page_is_named():
    named = re.findall(r"\]\(([^)]+)\)", TEXT)
    assert [page for page in named if not (FILE.parent / page).is_file()] == []
    guide = {page.relative_to(FILE.parent).as_posix() for page in (ROOT / "docs" / "guide").glob("*.md")}
    assert guide - set(named) == set()


@pytest.mark.parametrize("name", BOTH)
def test_every_verb_and_option_it_names_is_there(name):
    commands = get_command(app).commands
    verbs = re.findall(r"(?:^\$ |`)runlake ([a-z]+)", BOTH[name], re.MULTILINE)
    assert len(verbs) > 5
    assert set(verbs) <= set(commands)
    options = {each for command in commands.values() for option in command.params for each in option.opts}
    assert {option for option in re.findall(r"(?<!-)--[a-z][a-z-]+", BOTH[name])} <= options


@pytest.mark.parametrize("name", BOTH)
def test_every_name_of_the_api_it_names_is_there(name):
    found = re.findall(r"\b(runlake|api|run)\.([a-zA-Z_]+)\(", BOTH[name])
    assert len(found) > 5
    owners = {"runlake": (runlake,), "api": (Api,), "run": (StoredRun, Run)}
    missing = [(owner, each) for owner, each in found if not any(hasattr(one, each) for one in owners[owner])]
    assert missing == []


def test_the_blocks_of_the_skill_run_and_print_what_it_says(tmp_path):
    desk = make_desk(tmp_path)
    run_python(THREE_RUNS, desk)
    wait_for_captures(desk / ".runlake")  # it compares what the runs recorded
    assert run_python("\n".join(texts(SKILL, "python")), desk) == "".join(texts(SKILL, "text"))
    for line in re.findall(r"^\$ (.*)$", "".join(texts(SKILL, "console")), re.MULTILINE):
        run_command(line, desk)
    assert {kind for kind, _ in blocks(SKILL)} == {"console", "python", "text"}


def test_the_skill_says_when_it_is_to_be_used():
    head = re.match(r"---\nname: runlake\ndescription: (.+)\n---\n", BOTH["SKILL.md"])
    assert head
    assert len(head[1]) <= 1024
