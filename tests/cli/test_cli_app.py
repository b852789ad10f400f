"""The frame around the verbs: help, version, mistakes, exec, settings."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import warm

SOURCE = Path(__file__).parents[2] / "src"


@pytest.fixture
def command(monkeypatch):
    """Runs the command as a process of its own."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))

    def run(*arguments, **options):
        done = warm.run([sys.executable, "-m", "runlake", *arguments], capture_output=True, text=True, **options)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_version_is_that_of_the_package(command, runlake):
    import tomllib

    declared = tomllib.loads((SOURCE.parent / "pyproject.toml").read_text("utf-8"))["project"]["version"]
    assert command("--version") == runlake("--version") == (0, f"runlake {declared}\n", "")


def test_the_version_is_printed_without_loading_anything_heavy(command):
    code = (
        "import sys; sys.argv = ['runlake', '--version']; from runlake.cli.main import main; main(); "
        "print(sorted({'typer', 'rich', 'pyarrow', 'pandas', 'numpy', 'sqlalchemy'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[1:] == ["[]"]


def test_the_help_of_a_verb_loads_no_data_package():
    code = "import sys, runlake.cli.app; print(sorted({'pyarrow', 'pandas', 'numpy', 'sqlalchemy'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={"PYTHONPATH": str(SOURCE)}
    )
    assert done.stdout == "[]\n"


def test_help_names_every_verb(runlake):
    ended = runlake("--help")
    verbs = [line.split()[0] for line in ended.out.partition("Commands:\n")[2].splitlines()]
    looking = ["ls", "show", "tail", "export", "verify", "pull", "restore", "diff", "sql", "segments"]
    caring = ["rm", "seal", "check", "repair", "gc", "trash", "undelete", "merge", "move", "import", "sync"]
    of_a_team = ["serve", "login", "logout", "artifact", "user", "key", "team", "project"]
    assert verbs == [*looking, *caring, "sweep", "agent", "exec", "settings", "ui", "view", "mcp", *of_a_team]
    assert (ended.code, ended.err) == (0, "")


def test_no_verb_at_all_is_answered_with_the_help(runlake, command):
    assert runlake() == (0, runlake("--help").out, "")
    assert command() == command("--help")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["lss"], "No such command 'lss'. Did you mean 'ls'?; see: runlake --help"),
        (["--colour", "ls"], "No such option: --colour; see: runlake --help"),
        (["show"], "Missing argument 'RUN|SWEEP|ARTIFACT|VIEW'; see: runlake show --help"),
        (["export", "a", "--format", "xlsx"], None),
        (["ls", "mnist", "--limit", "0"], None),
        (["ls", "mnist", "--filter", "{"], None),
        (["ls", "mnist", "--filter", "[]"], '--filter \'[]\' is no JSON object; write it as in {"state": "finished"}'),
        (["ls", "--filter", "{}", "--order", "name"], None),
        (["export", "a", "-o", "out.xlsx"], None),
    ],
)
def test_a_mistake_is_one_line_and_the_code_2(runlake, arguments, line):
    ended = runlake(*arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert ended.err.startswith("runlake: ")
    assert line is None or ended.err == f"runlake: {line}\n"


def test_a_traceback_is_printed_only_when_asked_for(runlake, monkeypatch):
    monkeypatch.setenv("RUNLAKE_TRACEBACK", "1")
    ended = runlake("ls", "mnist", "--filter", "{")
    assert (ended.code, ended.err.splitlines()[0]) == (2, "Traceback (most recent call last):")
    assert ended.err.splitlines()[-1].startswith("runlake: --filter '{' is no JSON")


def test_the_script_gets_its_arguments_untouched_and_its_exit_code_comes_back(command, tmp_path):
    script = Path("train.py")
    script.write_text("import os, sys, wandb\nprint(sys.argv[1:], os.environ['RUNLAKE_DIR'])\nsys.exit(7)\n")
    arguments = ["--help", "--dir", "x", "-m", "--", "--lr=0.1", "", "a b"]
    ended = command("--dir", "here", "exec", "train.py", *arguments)
    assert ended == (7, f"{arguments} {tmp_path / 'work' / 'here'}\n", "")


@pytest.mark.slow
def test_exec_hands_on_whatever_names_a_store(command, tmp_path, monkeypatch):
    names = '[os.environ.get(name) for name in ("RUNLAKE_DIR", "RUNLAKE_BASE_URL")]'
    Path("train.py").write_text(f"import os\nprint({names})\n")
    monkeypatch.setenv("RUNLAKE_DIR", "given")
    monkeypatch.setenv("RUNLAKE_BASE_URL", "http://given")
    here = str(tmp_path / "work" / "here")
    assert command("exec", "train.py") == (0, "['given', 'http://given']\n", "")
    assert command("--dir", "here", "exec", "train.py") == (0, f"{[here, None]}\n", "")
    assert command("--dir", f"file://{here}", "exec", "train.py") == (0, f"{[here, None]}\n", "")
    assert command("--dir", "http://h:1", "exec", "train.py") == (0, "['given', 'http://h:1']\n", "")


def test_exec_runs_modules(command):
    Path("train.py").write_text("import sys; print(sys.argv[1:])\n")
    assert command("exec", "-m", "train", "--version") == (0, "['--version']\n", "")


def test_exec_explains_itself(runlake):
    assert runlake("exec", "--help").out.startswith("Usage: runlake exec")
    assert runlake("exec").out == runlake("exec", "--help").out


def test_a_script_that_is_not_there_is_a_mistake(command):
    code, out, err = command("exec", "nothing.py")
    assert (code, out, err.startswith("runlake: "), err.count("\n")) == (2, "", True, 1)


def test_settings_say_where_they_come_from(runlake, monkeypatch, tmp_path):
    monkeypatch.setenv("WANDB_PROJECT", "mnist")
    lines = runlake("settings").out.splitlines()
    assert lines[0].split() == ["SETTING", "VALUE", "FROM"]
    assert [line.split() for line in lines[1:6]] == [
        ["store", str(tmp_path / "store"), "RUNLAKE_DIR"],
        ["root_dir", "default"],
        ["base_url", "default"],
        ["entity", "ann", "default"],
        ["project", "mnist", "WANDB_PROJECT"],
    ]


def test_what_is_set_for_wandb_and_has_no_meaning_here_is_listed_without_its_value(runlake, monkeypatch):
    assert "not read" not in runlake("settings").out
    for name in ("WANDB_API_KEY", "WANDB_BASE_URL", "WANDB__SERVICE_WAIT", "WANDB_START_METHOD", "WANDB_MODE"):
        monkeypatch.setenv(name, "online")
    monkeypatch.setenv("WANDB_CACHE_DIR", "")
    ignored = ["WANDB_BASE_URL", "WANDB_START_METHOD", "WANDB__SERVICE_WAIT"]
    assert runlake("settings").out.splitlines()[-1] == f"Set for W&B and not read by runlake: {', '.join(ignored)}"
    assert json.loads(runlake("settings", "--json").out)["ignored"] == ignored


def test_settings_as_json_follow_the_options(runlake, tmp_path):
    document = json.loads(runlake("--dir", "elsewhere", "settings", "--json").out)
    assert document["settings"][0] == {"name": "store", "value": str(tmp_path / "work/elsewhere"), "origin": "argument"}
    assert {tuple(entry) for entry in document["settings"]} == {("name", "value", "origin")}
