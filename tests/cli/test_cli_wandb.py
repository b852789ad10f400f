"""The command `wandb` that shell scripts find below `runlake exec`."""

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from runlake.cli.settings_file import set_settings
from runlake.cli.wandb_command import REFUSED, app
from runlake.compat.finder import WANDB_VERSION
from runlake.errors import BadValueError


class Ended(NamedTuple):
    code: int
    out: str
    err: str


SWEEP = "method: grid\nprogram: train.py\nparameters: {lr: {values: [0.1, 0.2]}}\n"
NEEDS_NOTHING = "wandb: no login is needed: runs are kept in a folder"


@pytest.fixture
def wandb():
    """Runs the command in this process and answers how it ended: exit code, stdout, stderr."""

    def run(*arguments):
        result = CliRunner().invoke(app, list(map(str, arguments)), prog_name="wandb")
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return Ended(result.exit_code, result.stdout, result.stderr)

    return run


def test_the_version_is_said_as_wandb_says_it(wandb):
    assert wandb("--version") == (0, f"wandb, version {WANDB_VERSION}\n", "")


def test_a_sweep_is_begun_and_its_agent_named_where_scripts_look_for_it(wandb):
    Path("sweep.yaml").write_text(SWEEP)
    ended = wandb("sweep", "-p", "digits", "-e", "ann", "--name", "first", "--controller", "sweep.yaml")
    (sweep_id,) = re.findall(r"Created sweep with ID: (\w+)", ended.err)
    assert (ended.code, ended.out) == (0, "")
    assert ended.err.splitlines() == [
        "wandb: Creating sweep from: sweep.yaml",
        f"wandb: Created sweep with ID: {sweep_id}",
        f"wandb: View sweep at: {Path(os.environ['RUNLAKE_DIR']).as_uri()}",
        f"wandb: Run sweep agent with: wandb agent ann/digits/{sweep_id}",
    ]


def test_an_agent_does_the_runs_of_a_sweep(wandb, monkeypatch):
    Path("sweep.yaml").write_text(SWEEP)
    Path("train.py").write_text("import sys; print(*sys.argv[1:], file=open('seen.txt', 'a'))")
    sweep_id = re.findall(r"wandb agent (\S+)", wandb("sweep", "sweep.yaml").err)[0]
    monkeypatch.setenv("RUNLAKE_AGENT_KILL_DELAY_S", "30")
    assert wandb("agent", "--count", 1, "-f", "-t", 7, sweep_id).code == 0
    assert (Path("seen.txt").read_text(), os.environ["RUNLAKE_AGENT_KILL_DELAY_S"]) == ("--lr=0.1\n", "7")
    stopped = wandb("sweep", "--stop", sweep_id)
    assert (stopped.code, stopped.out) == (0, f"{sweep_id}\n")


@pytest.mark.parametrize("arguments", [["abc"], ["--relogin"], ["--no-verify", "abc"], []])
def test_without_a_server_there_is_nothing_to_sign_in_to(wandb, arguments):
    assert wandb("login", *arguments) == (0, "", f"{NEEDS_NOTHING}\n")
    assert wandb("login", "--host", "https://api.wandb.ai") == (
        0, "", f"{NEEDS_NOTHING}, and not sent to https://api.wandb.ai\n",
    )  # fmt: skip


def test_a_key_that_is_there_is_enough(wandb, monkeypatch):
    monkeypatch.setenv("RUNLAKE_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_API_KEY", "k" * 40)
    assert wandb("login") == (0, "", "wandb: there is a key for http://127.0.0.1:9 already\n")


@pytest.mark.parametrize(
    "arguments", [[], ["--sync-all"], ["wandb/latest-run"], ["wandb/offline-run-2026*", "-p", "x"]]
)
def test_without_a_server_there_is_nothing_to_send(wandb, arguments):
    said = "wandb: nothing to send: no server of runlake is named, and runs are in their folder\n"
    assert wandb("sync", *arguments) == (0, "", said)


@pytest.mark.parametrize("arguments", [[], ["--sync-all"], ["./wandb/latest-run"], ["wandb/offline-run-20260101_1-x"]])
def test_folders_of_wandb_mean_all_that_waits(wandb, make_run, monkeypatch, arguments):
    make_run("ann/digits/r1")
    monkeypatch.setenv("RUNLAKE_BASE_URL", "http://127.0.0.1:9")
    assert wandb("sync", *arguments) == (0, "", "nothing to send\n")


def test_the_mode_is_kept_where_it_is_found_from_here(wandb, monkeypatch):
    nothing = "wandb: nothing to switch: no server of runlake is named, and runs are kept in their folder\n"
    assert wandb("offline") == wandb("online") == (0, "", nothing)
    monkeypatch.setenv("RUNLAKE_BASE_URL", "http://127.0.0.1:9")
    users = Path.home() / ".config" / "runlake" / "settings.toml"
    assert wandb("offline") == (0, "", f"wandb: the mode of runs is offline now; it is in {users}\n")
    assert users.read_text() == 'mode = "offline"\n'
    assert wandb("online").code == 0
    assert users.read_text() == ""
    Path(".runlake").mkdir()
    here = Path.cwd() / ".runlake" / "settings.toml"
    assert wandb("disabled") == (0, "", f"wandb: the mode of runs is disabled now; it is in {here}\n")
    assert here.read_text() == 'mode = "disabled"\n'
    assert wandb("enabled") == (0, "", f"wandb: the mode of runs is online now; it is in {here}\n")
    assert here.read_text() == ""


def test_a_folder_is_given_a_store_and_settings_of_its_own(wandb):
    assert wandb("init").code == 2
    assert wandb("init", "-p", "digits", "-e", "team", "-m", "offline").code == 0
    file = Path(".runlake/settings.toml")
    assert file.read_text() == 'mode = "offline"\nentity = "team"\nproject = "digits"\n'
    assert wandb("init", "--reset", "-p", "letters").code == 0
    assert file.read_text() == 'project = "letters"\n'


def test_settings_are_set_without_touching_what_else_stands_there():
    file = Path("settings.toml")
    file.write_text('# mine\nproject = "a"  # said once\nquiet = true\n')
    set_settings(file, {"project": 'b"c', "mode": None})
    assert file.read_text() == 'project = "b\\"c"\n# mine\nquiet = true\n'
    file.write_text("quiet = ")
    with pytest.raises(BadValueError, match="is not TOML"):
        set_settings(file, {"mode": "offline"})
    assert file.read_text() == "quiet = "


@pytest.mark.parametrize("path", [["digits/r1"], ["-p", "digits", "r1"], ["ann/digits:r1"], ["-e", "ann", "digits/r1"]])
def test_the_files_of_a_run_are_fetched(wandb, make_run, path):
    make_run("ann/digits/r1", files={"note.txt": b"fine"})
    assert wandb("pull", *path).code == 0
    assert Path("note.txt").read_bytes() == b"fine"


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_there_is_refused_by_name(wandb, name):
    ended = wandb(name, "anything", "--at-all", "-x", 3)
    assert (ended.code, ended.out) == (7, "")
    assert ended.err.startswith(f"runlake: wandb {name} is not in runlake: ")


def test_a_verb_that_wandb_does_not_have_either_is_named(wandb):
    ended = wandb("lgoin")
    assert (ended.code, ended.out) == (2, "")
    assert re.match(r"runlake: No such command .lgoin.", ended.err)
