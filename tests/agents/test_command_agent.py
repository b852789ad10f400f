"""The command line's agent: the sweep's command as child processes."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from command import invoke
from runlake.cli.failures import ExitCode
from runlake.sweep_model import SweepEdit, SweepPath
from waiting import is_alive, wait_until

TRAIN = """
import argparse, os, runlake, time
parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--depth", type=int)
arguments = parser.parse_args()
with runlake.init(config=vars(arguments)) as run:
    run.log({"loss": arguments.lr})
    print("trained", arguments.depth, flush=True)
"""
LONG = """
import os, runlake, signal, time
with runlake.init() as run:
    print("training", flush=True)
    for step in range(3000):
        run.log({"loss": run.config.lr})
        time.sleep(0.01)
"""
GRID = {
    "method": "grid",
    "program": "train.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"depth": {"values": [1, 2]}, "lr": {"values": [1e-05, 0.5]}},
}


@pytest.fixture
def command():
    """The command in this process: its exit code, what it printed, and what it said beside."""

    def command(*arguments):
        ended = invoke(*arguments)
        return ended.exit_code, ended.stdout, ended.stderr

    return command


@pytest.fixture
def begin(command):
    """Begins a sweep through the command, with a program beside it; answers its id."""

    def begin(config, program=TRAIN):
        Path("train.py").write_text(program)
        Path("sweep.json").write_text(json.dumps(config))
        code, printed, said = command("sweep", "sweep.json", "--json")
        assert code == 0, said
        return json.loads(printed)["sweep_id"]

    return begin


@pytest.fixture
def agent(start):
    return lambda sweep_id, *options: start("-m", "runlake", "agent", sweep_id, *options)


@pytest.mark.slow
def test_a_grid_is_run_to_its_end_by_two_workers(begin, agent, runs_of, sweep_of):
    sweep_id = begin(GRID)
    working = agent(sweep_id, "--workers", "2")
    assert working.wait() == ExitCode.OK
    runs = runs_of(sweep_id)
    assert sorted((run.config["depth"], run.config["lr"], run.state, run.summary["loss"]) for run in runs) == [
        (depth, lr, "finished", lr) for depth in (1, 2) for lr in (1e-05, 0.5)
    ]
    assert (sweep_of(sweep_id).state, len(sweep_of(sweep_id).agents)) == ("FINISHED", 1)
    assert working.said.count("trained 2") == 2
    assert working.said.endswith("ended: the sweep is finished: every point of the grid was run\n")


def test_yaml_names_and_prior_runs(command, agent, begin, runs_of, sweep_of):
    first = begin({**GRID, "run_cap": 1})
    assert agent(first).wait() == 0
    Path("sweep.yaml").write_text("method: grid\nprogram: train.py\nparameters:\n  lr: {values: [1e-5, 0.5]}\n")
    (prior,) = runs_of(first)
    code, printed, note = command("sweep", "sweep.yaml", "--name", "second", "--prior-run", prior.run_id)
    path = printed.strip()
    assert code == 0
    assert note == (f"sweep second is in file://{os.environ['RUNLAKE_DIR']}; start agents with: runlake agent {path}\n")
    sweep = sweep_of(path.split("/")[-1])
    assert (sweep.name, sweep.expected_run_count, sweep.prior_run_ids) == ("second", 1, (prior.run_id,))


@pytest.mark.slow
def test_count_is_exact_whatever_the_workers(begin, agent, runs_of):
    sweep_id = begin(GRID)
    assert agent(sweep_id, "--workers", "3", "--count", "3").wait() == 0
    assert [run.state for run in runs_of(sweep_id)] == ["finished"] * 3


MACROS = {
    "${env}": ["/usr/bin/env"],
    "${interpreter}": [sys.executable],
    "${program}": ["train.py"],
    "${args}": ["--flag=True", "--lr=0.5"],
    "${args_no_boolean_flags}": ["--flag", "--lr=0.5"],
    "${args_no_hyphens}": ["flag=True", "lr=0.5"],
    "${args_no_equals}": ["--flag", "True", "--lr", "0.5"],
    "${args_append_hydra}": ["+flag=True", "+lr=0.5"],
    "${args_override_hydra}": ["++flag=True", "++lr=0.5"],
    "${args_json}": ['{"flag": true, "lr": 0.5}'],
    "${envvar:HOME}/x": None,
}


def test_every_macro_reaches_the_program(begin, agent):
    words = list(MACROS)
    config = {
        "method": "grid",
        "program": "train.py",
        "command": [sys.executable, "train.py", *words, "${args_json_file}"],
        "parameters": {"flag": {"value": True}, "lr": {"value": 0.5}},
    }
    sweep_id = begin(
        config, "import json, sys; print('ARGV', json.dumps([*sys.argv[1:-1], open(sys.argv[-1]).read()]))"
    )
    working = agent(sweep_id, "--count", "1")
    assert working.wait() == 0
    (line,) = [line for line in working.said.splitlines() if line.startswith("ARGV")]
    expected = [word for macro in words for word in MACROS[macro] or [f"{os.environ['HOME']}/x"]]
    assert json.loads(line.removeprefix("ARGV ")) == [*expected, '{"flag": true, "lr": 0.5}']


def test_the_environment_says_which_run_it_is(begin, agent, runs_of):
    names = ["SWEEP_ID", "RUN_ID", "PROJECT", "ENTITY", "SWEEP_PARAM_PATH", "DIR", "BASE_URL"]
    program = f"""
import json, os, runlake
print("ENV", json.dumps([[os.environ.get(prefix + name) for name in {names}] for prefix in ("RUNLAKE_", "WANDB_")]))
runlake.init()
"""
    sweep_id = begin({**GRID, "run_cap": 1}, program)
    working = agent(sweep_id)
    assert working.wait() == 0
    (line,) = [line for line in working.said.splitlines() if line.startswith("ENV")]
    ours, theirs = json.loads(line.removeprefix("ENV "))
    (run,) = runs_of(sweep_id)
    assert ours[:4] == theirs[:4] == [sweep_id, run.run_id, "digits", "ann"]
    assert [Path(path).suffix for path in (ours.pop(4), theirs.pop(4))] == [".json", ".yaml"]
    assert (ours[4:], theirs[4:]) == ([os.environ["RUNLAKE_DIR"], None], [None, None])


SAYS_WANDB = """
import json, sys, wandb
print("WANDB", wandb.__file__, flush=True)
if "runlake" in wandb.__version__:
    with wandb.init() as run:
        run.log({"loss": 1.0})
"""


def test_a_program_that_says_import_wandb_needs_no_exec(begin, agent, runs_of):
    Path("wandb", "run-1").mkdir(parents=True)  # the official client was here
    sweep_id = begin({**GRID, "run_cap": 1}, SAYS_WANDB)
    assert agent(sweep_id).wait() == 0
    assert [run.state for run in runs_of(sweep_id)] == ["finished"]


@pytest.mark.long
def test_a_wandb_that_is_installed_stays_what_it_is(begin, agent, runs_of, monkeypatch, tmp_path):
    theirs = tmp_path / "installed" / "wandb" / "__init__.py"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("__version__ = '0.31.0'")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([os.environ["PYTHONPATH"], str(theirs.parent.parent)]))
    working = agent(begin({**GRID, "run_cap": 1}, SAYS_WANDB))
    working.wait()
    assert f"WANDB {theirs}\n" in working.said


@pytest.mark.slow
def test_commands_that_fail_stop_the_agent(begin, agent, runs_of):
    sweep_id = begin(GRID, "import runlake, sys; runlake.init(); sys.exit(3)")
    working = agent(sweep_id)
    assert working.wait() == ExitCode.NO
    assert [(run.state, run.exit_code) for run in runs_of(sweep_id)] == [("failed", 3)] * 3
    assert "failed with exit code 3" in working.said
    assert "ended: 3 runs failed in the first 60 seconds" in working.said


def test_a_command_that_is_not_there_fails(begin, agent):
    working = agent(begin({**GRID, "command": ["./no-such-program", "${args}"]}))
    assert working.wait() == ExitCode.NO
    assert working.said.count("could not be started: ") == 3


def test_a_sweep_without_a_program_cannot_be_run(begin, agent, sweep_of):
    sweep_id = begin({key: value for key, value in GRID.items() if key != "program"})
    working = agent(sweep_id)
    assert working.wait() == ExitCode.USAGE
    assert working.said == "runlake: command.2: ${program} has no meaning here: the sweep names no program\n"
    assert sweep_of(sweep_id).agents == ()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_the_commands_and_the_agent(begin, agent, runs_of, sweep_of, number):
    sweep_id = begin(GRID, LONG)
    working = agent(sweep_id, "--workers", "2")
    working.wait_until(lambda: working.said.count("training") == 2)
    working.send(number)
    assert working.wait() == ExitCode.INTERRUPTED
    assert [run.state for run in runs_of(sweep_id)] == ["killed", "killed"]
    assert [one.state for one in sweep_of(sweep_id).agents] == ["finished"]
    assert f"{number.name}: the runs are stopped; another one kills them" in working.said


STUBBORN = """
import os, signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print("PIDS", os.getpid(), child.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("is_patient", [False, True], ids=["killed by a second signal", "killed after a while"])
def test_a_command_that_does_not_heed_is_killed_with_what_it_started(begin, agent, monkeypatch, is_patient):
    monkeypatch.setenv("WANDB_AGENT_KILL_DELAY", "0.3" if is_patient else "60")
    working = agent(begin(GRID, STUBBORN))
    working.wait_until(lambda: "PIDS" in working.said)
    pids = [int(pid) for pid in working.said.partition("PIDS ")[2].split()[:2]]
    working.send(signal.SIGTERM)
    if not is_patient:
        working.wait_until(lambda: "the runs are stopped" in working.said)
        working.send(signal.SIGTERM)
    assert working.wait() == ExitCode.INTERRUPTED
    wait_until(lambda: not any(is_alive(pid) for pid in pids), "the runs have ended")


@pytest.mark.slow
def test_what_does_not_do_well_is_stopped_early(begin, agent, runs_of):
    program = """
import runlake, time
with runlake.init() as run:
    for _ in range(3):
        run.log({"loss": run.config.lr})
    if run.config.lr == 3:
        time.sleep(60)
"""
    config = {
        **GRID,
        "early_terminate": {"type": "hyperband", "min_iter": 2, "eta": 2},
        "parameters": {"lr": {"values": [0, 1, 2, 3]}},
    }
    sweep_id = begin(config, program)
    working = agent(sweep_id)
    assert working.wait() == ExitCode.OK
    assert [run.state for run in runs_of(sweep_id)] == ["finished", "finished", "finished", "killed"]
    assert "is stopped: others did better after as many values" in working.said


@pytest.mark.slow
def test_a_sweep_is_paused_and_goes_on_through_the_command(begin, agent, command, runs_of, sweep_of):
    def edit(option, path):
        code, printed, said = command("sweep", path, option)
        assert code == 0, said
        return printed + said

    sweep_id = begin(GRID)
    path = f"ann/digits/{sweep_id}"
    assert edit("--pause", sweep_id).startswith(f"{path}\nsweep {sweep_id} is paused: ")
    working = agent(sweep_id, "--count", "1")
    working.wait_until(lambda: "waiting for work" in working.said)
    assert (sweep_of(sweep_id).state, runs_of(sweep_id)) == ("PAUSED", ())
    edit("--resume", f"digits/{sweep_id}")
    assert working.wait() == 0
    edit("--stop", path)
    assert sweep_of(sweep_id).state == "FINISHED"
    assert agent(sweep_id).wait() == 0
    assert len(runs_of(sweep_id)) == 1


@pytest.mark.slow
def test_a_sweep_that_is_canceled_or_deleted_under_a_command(begin, agent, runs_of, service):
    sweep_id = begin(GRID, LONG)
    path = SweepPath("ann", "digits", sweep_id)
    working = agent(sweep_id)
    working.wait_until(lambda: "training" in working.said)
    service.edit_sweep(path, SweepEdit(state="CANCELED"))
    assert working.wait() == ExitCode.NO
    assert [run.state for run in runs_of(sweep_id)] == ["killed"]
    assert "ended: the sweep was canceled: somebody said so" in working.said

    sweep_id = begin(GRID, LONG.replace("3000", "60"))
    working = agent(sweep_id)
    working.wait_until(lambda: "training" in working.said)
    service.delete_sweep(SweepPath("ann", "digits", sweep_id))
    assert working.wait() == ExitCode.NOT_FOUND
    assert [run.state for run in runs_of(sweep_id)] == ["finished"]


def test_a_wrong_command_line_is_named(command, begin):
    begin(GRID)
    for arguments, code, said in [
        (["nowhere.yaml"], ExitCode.NOT_FOUND, "there is no file 'nowhere.yaml' with a sweep configuration"),
        (["x", "--pause", "--stop"], ExitCode.USAGE, "are for a sweep that is there, one at a time"),
        (["x", "--pause"], ExitCode.NOT_FOUND, "no sweep ann/digits/x"),
    ]:
        ended, _, heard = command("sweep", *arguments)
        assert (ended, said in heard) == (code, True), heard
