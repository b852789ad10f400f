"""Sweeps of the official client over the server: made and read here, run by its agents in a process and on the command
line. Each run costs an agent five seconds: so often it asks."""

import contextlib
from pathlib import Path

import pytest
import yaml
from example_checks import fill_in
from seed_examples import SEED_EXAMPLES

from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.sweep_model import SweepPath
from waiting import wait_until

HERE = Path(__file__).parent
BEST = {"lr": 0.1, "net": {"depth": 2}}
WORST = {"lr": 1e-05, "net": {"depth": 1}}
POINTS = [{"lr": lr, "net": {"depth": depth}} for lr in (0.1, 1e-05) for depth in (1, 2)]

works, refused = pytest.mark.works, pytest.mark.refused


@pytest.fixture(scope="module")
def tour(seat):
    return seat.run(HERE / "sweeps_tour.py", timeout_s=240).answers()


@pytest.fixture
def service(seat):
    return seat.service()


@works("sweep", "agent", "agent(count=)", "Api.sweep", "Sweep.runs", "Sweep.config", "Sweep.expected_run_count")
def test_a_grid_is_run_to_its_end_each_point_once(tour, seat):
    assert tour["empty"] == ["PENDING", [], None, []]
    assert [run for run, _, _ in tour["runs"]] == POINTS
    assert [(score, state) for _, score, state in tour["runs"]] == [
        (1.3, "finished"),
        (2.3, "finished"),
        (1.20001, "finished"),
        (2.20001, "finished"),
    ]
    assert tour["counts"] == [4, 4]
    sweep_id, *about = tour["sweep"]
    assert about == [
        "first try",
        "RUNNING",
        "-summary_metrics.val_acc",
        f"{seat.url}/ada/swept/sweeps/{sweep_id}",
        f"<Sweep ada/swept/{sweep_id} (RUNNING)>",
        "<Runs ada/swept>",
    ]
    config = tour["config"]
    assert (config["method"], config["metric"]) == ("grid", {"name": "val_acc", "goal": "maximize"})
    assert config["parameters"]["lr"]["values"] == [0.1, 1e-05]


@works("Sweep.best_run", "Sweep.order", "Run.sweep", "Run.sweep_name", "Api.runs(include_sweeps=)")
def test_the_best_run_is_that_of_the_metric(tour):
    assert tour["best"] == [BEST, WORST]
    assert tour["best-loss"] == 2.3
    assert tour["filtered"] == [0.1, 1e-05]
    assert tour["run"] == [tour["id"], tour["id"], [tour["sweep"][5]] * 4]


@works("Sweep.agents", "Sweep.agent", "Agent.runs", "Project.sweeps", "Api.from_path")
def test_the_agents_and_sweeps_of_a_project_are_listed(tour):
    host, count, agent, run_ids = tour["agent"]
    assert (count, len(run_ids), agent.endswith("(RUNNING)>"), bool(host)) == (4, 4, True, True)
    assert tour["agent-runs"] is True
    assert tour["sweeps"] == [tour["sweep"][5]] == [tour["from-path"]]
    assert tour["sweeps-len"] == 1


@works("sweep(prior_runs=)")
def test_prior_runs_are_learnt_from_and_one_that_is_missing_is_named(tour, service):
    sweep = service.read_sweep(SweepPath("ada", "swept", tour["prior"]))
    assert (sweep.expected_run_count, len(sweep.prior_run_ids)) == (1, 3)
    assert "no run 'nothing' in ada/swept to learn from" in tour["prior-missing"]["message"]


@works("sweep", note="a wrong configuration is an error that names its keys")
def test_what_is_wrong_with_a_configuration_is_told(tour):
    message = tour["wrong"]["message"]
    assert "method: there is no method 'gird'; did you mean 'grid'?" in message
    assert "early_terminate.type: there is no early termination 'median'" in message
    assert "Could not find sweep" in tour["not-there"]["message"]
    assert "no sweep ada/swept/nothing" in tour["no-agent"]["message"]


@refused("controller", "Sweep.enqueue_run", "Project.sweeps(filters=)", "sweep(controller: local)")
def test_what_is_searched_elsewhere_is_refused(tour):
    assert "the store does the search" in tour["no-controller"]["message"]
    assert tour["no-enqueue"]["error"] == tour["no-filters"]["error"] == "UnsupportedError"


@pytest.mark.parametrize("name", ["best-model-of-a-sweep", "runs-of-a-sweep"])
def test_an_example_of_sweeps_runs_as_written(seat, tour, name):
    code = fill_in(SEED_EXAMPLES[name].replace("<sweep_id>", tour["id"]), "ada/swept/none", "ada/swept/none")
    done = seat.run_code(code)
    if name == "runs-of-a-sweep":
        assert done.printed == "<Runs ada/swept>\n"
    else:
        *_, best, saved = done.printed.splitlines()
        best_run = seat.api.runs("ada/swept", {"sweep": tour["id"], "config.net.depth": 2, "config.lr": 0.1})[0]
        assert best == f"Best run {best_run.name} with 2.3% validation accuracy"
        assert saved == "Best model saved to model-best.h5"
        assert (done.folder / "model-best.h5").read_text() == "2 0.1"


# What takes its time ----------------------------------------------------------------------------------------

STOP_EARLY = """
import time
import wandb

def train():
    with wandb.init() as run:
        for step in range(400):
            run.log({"loss": run.config.level + 1 / (step + 1)})
            time.sleep(0.0 if run.config.level < 3 else 0.1)

config = {
    "method": "grid",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"level": {"values": [1, 2, 3]}},
    "early_terminate": {"type": "hyperband", "min_iter": 5, "eta": 2},
}
sweep_id = wandb.sweep(config, entity="ada", project="early")
wandb.agent(sweep_id, function=train, count=3)
"""

RAISING = """
import wandb

def train():
    with wandb.init() as run:
        run.log({"loss": 1})
        raise ValueError("too deep")

config = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
sweep_id = wandb.sweep(config, entity="ada", project="raising")
wandb.agent(sweep_id, function=train)
"""

SLOW = """
import time
import wandb

def train():
    with wandb.init() as run:
        for step in range(20):
            run.log({"loss": step})
            time.sleep(1)

config = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
sweep_id = wandb.sweep(config, entity="ada", project="PROJECT")
wandb.agent(sweep_id, function=train)
"""

BAYES = """
import wandb

def train():
    with wandb.init() as run:
        run.log({"loss": (run.config.x - 0.3) ** 2})

config = {
    "method": "bayes",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"x": {"min": 0.0, "max": 1.0}},
}
sweep_id = wandb.sweep(config, entity="ada", project="bayes")
wandb.agent(sweep_id, function=train, count=10)
"""

VERIFY = """
import wandb
from wandb.sdk.verify import verify
verify.PROJECT_NAME = "verified"
assert verify.check_sweeps(wandb.Api())
"""

PROGRAM = """
import argparse
import time
import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float)
parser.add_argument("--depth", type=int)
parser.add_argument("--pause", type=float)
asked = parser.parse_args()
with wandb.init(config=vars(asked)) as run:
    for step in range(10):
        run.log({"loss": asked.lr * asked.depth + step})
        time.sleep(asked.pause / 10)
"""

COMMAND_SWEEP = {
    "method": "grid",
    "program": "train.py",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 0.2]}, "depth": {"values": [1, 2]}, "pause": {"value": 0.1}},
}

SCRIPTS = {
    "early": STOP_EARLY,
    "raising": RAISING,
    "deleted": SLOW.replace("PROJECT", "deleted"),
    "canceled": SLOW.replace("PROJECT", "canceled"),
    "bayes": BAYES,
    "verified": VERIFY,
}


@pytest.fixture(scope="module")
def processes(seat):
    """All of these scripts at once: most of the time they wait."""
    scripts = seat.home / "sweep-scripts"
    scripts.mkdir(parents=True)
    started = {}
    for name, code in SCRIPTS.items():
        (scripts / f"{name}.py").write_text(code, encoding="utf-8")
        started[name] = seat.start(scripts / f"{name}.py")
    yield started
    for process in started.values():
        process.kill()
        process.communicate()


def end_of(process, *, timeout_s=240):
    printed, complaints = process.communicate(timeout=timeout_s)
    return process.returncode, printed + complaints


def first_sweep(service, project):
    """The sweep of a project, as soon as one of its runs goes on."""

    def look():
        is_training = any(run.state == "running" for run in runs_of(service, project))
        return is_training and service.list_sweeps("ada", project)[0]

    return wait_until(look)


def runs_of(service, project):
    with contextlib.suppress(NotFoundError):
        return service.list_runs("ada", project).runs
    return []


@pytest.mark.long
@works("agent", note="runs that are to end early are stopped")
def test_a_run_that_does_worse_is_stopped_early_and_its_agent_goes_on(processes, service):
    code, told = end_of(processes["early"])
    assert code == 0, told
    runs = {run.config["level"]: run for run in runs_of(service, "early")}
    assert [runs[level].row_count for level in (1, 2)] == [400, 400]
    assert runs[3].row_count < 400
    assert (runs[3].state, runs[3].stop_requested) == ("killed", True)


@pytest.mark.long
def test_a_function_that_raises_ends_its_agent_after_three_times(processes, service):
    code, told = end_of(processes["raising"])
    assert (code, "Detected 3 failed runs in the first 60 seconds, killing sweep" in told) == (0, True), told
    assert [run.state for run in runs_of(service, "raising")] == ["failed"] * 3


@pytest.mark.long
def test_an_agent_of_a_deleted_sweep_lets_its_run_end_and_leaves(processes, service):
    sweep = first_sweep(service, "deleted")
    service.delete_sweep(sweep.path)
    code, told = end_of(processes["deleted"])
    assert (code, "Sweep was deleted or agent was not found" in told) == (0, True), told
    assert {(run.state, run.row_count) for run in runs_of(service, "deleted")} == {("finished", 20)}


@pytest.mark.long
@works("wandb sweep --cancel")
def test_canceling_stops_the_run_and_its_agent(processes, service, seat):
    sweep = first_sweep(service, "canceled")
    code, told = end_of(seat.start(None, "sweep", "--cancel", sweep.path, command="wandb"))
    assert code == 0, told
    code, told = end_of(processes["canceled"])
    assert code == 0, told
    *others, run = runs_of(service, "canceled")
    assert {other.state for other in others} <= {"finished"}
    assert (run.state, run.stop_requested, run.row_count < 20) == ("killed", True, True)
    assert service.read_sweep(sweep.path).state == "CANCELED"


@pytest.mark.long
@works("wandb verify")
def test_ten_runs_of_bayes_and_the_grid_of_wandb_verify_come_to_their_end(processes, service):
    for name in ("bayes", "verified"):
        code, told = end_of(processes[name])
        assert code == 0, told
    xs = [run.config["x"] for run in runs_of(service, "bayes")]
    assert (len(xs), len(set(xs))) == (10, 10)
    assert min(abs(x - 0.3) for x in xs) < 0.1
    points = sorted((run.config["x"], run.config["y"]) for run in runs_of(service, "verified"))
    assert points == [(x, y) for x in (0.01, 0.05, 0.1) for y in (1, 2, 3)]


@pytest.fixture
def command_line(seat):
    """A folder with a program and the file of a sweep; runs the client's commands in it."""
    folder = seat.folder()
    (folder / "train.py").write_text(PROGRAM, encoding="utf-8")
    started = []

    def start(*arguments, **variables):
        bin_folder = str(seat.python.parent)
        path = f"{bin_folder}:/usr/bin:/bin"
        process = seat.start(None, *arguments, command="wandb", folder=folder, PATH=path, **variables)
        started.append(process)
        return process

    def run(*arguments):
        code, told = end_of(start(*arguments))
        assert code == 0, told
        return told

    def make(config):
        (folder / "sweep.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        told = run("sweep", "--entity", "ada", "--project", "commands", "sweep.yaml")
        return told.split("wandb agent ")[1].split()[0]

    start.run, start.make = run, make
    yield start
    for process in started:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


@pytest.mark.long
@works("wandb sweep", "wandb agent", "wandb sweep --pause", "wandb sweep --resume")
def test_a_sweep_of_the_command_line_is_paused_resumed_and_run_to_its_end(command_line, service):
    path = SweepPath(*command_line.make(COMMAND_SWEEP).split("/"))
    command_line.run("agent", "--count", "1", path)
    command_line.run("sweep", "--pause", path)
    assert service.read_sweep(path).state == "PAUSED"
    agent = command_line("agent", path)
    wait_until(lambda: len(service.read_sweep(path).agents) == 2)
    command_line.run("sweep", "--resume", path)
    code, told = end_of(agent)
    assert code == 0, told
    runs = service.list_runs("ada", "commands", filters={"sweep": path.sweep_id}).runs
    assert sorted((run.config["lr"], run.config["depth"]) for run in runs) == [(0.1, 1), (0.1, 2), (0.2, 1), (0.2, 2)]
    assert {run.state for run in runs} == {"finished"}
    assert service.read_sweep(path).state == "FINISHED"


@pytest.mark.long
@works("wandb sweep --stop")
def test_stopping_lets_what_runs_end_and_canceling_does_not(command_line, service):
    ended = {}
    for verb in ("stop", "cancel"):
        config = {**COMMAND_SWEEP, "parameters": {**COMMAND_SWEEP["parameters"], "pause": {"value": 20.0}}}
        path = SweepPath(*command_line.make(config).split("/"))
        agent = command_line("agent", path)

        def runs(path=path):
            return service.list_runs("ada", "commands", filters={"sweep": path.sweep_id}).runs

        wait_until(lambda: any(run.state == "running" for run in runs()))
        command_line.run("sweep", f"--{verb}", path)
        code, told = end_of(agent)
        assert code == 0, told
        (run,) = runs()
        ended[verb] = (run.row_count == 10, service.read_sweep(path).state)
    assert ended == {"stop": (True, "FINISHED"), "cancel": (False, "CANCELED")}
    assert service.read_run(RunPath("ada", "commands", run.run_id)).stop_requested
