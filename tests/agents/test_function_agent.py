"""An agent that calls a function: what the function finds, and what ends it."""

import os
import signal
import time
import warnings
from pathlib import Path

import pytest

import runlake
from runlake.agents.agent import run_agent
from runlake.errors import BadValueError, NotFoundError, PathError, RunlakeWarning
from runlake.model import RunPath
from runlake.scheduler.limits import SweepLimits
from runlake.service.local.limits import LocalLimits
from runlake.service.local.service import LocalService
from runlake.settings import current_folder, resolve
from runlake.sweep_model import SweepEdit, SweepPath

GRID = {"method": "grid", "parameters": {"depth": {"values": [1, 2]}, "lr": {"values": [1e-05, 0.5]}}}
POINTS = [{"depth": depth, "lr": lr} for depth in (1, 2) for lr in (1e-05, 0.5)]


def train(**values):
    with runlake.init() as run:
        run.log({"loss": run.config.depth * run.config.lr, **values})


def test_a_grid_is_run_to_its_end(sweep_of, runs_of):
    sweep_id = runlake.sweep(GRID)
    before = dict(os.environ)
    runlake.agent(sweep_id, train)
    runs = runs_of(sweep_id)
    assert [(run.state, run.config, run.summary["loss"], run.sweep) for run in runs] == [
        ("finished", point, point["depth"] * point["lr"], sweep_id) for point in POINTS
    ]
    sweep = sweep_of(sweep_id)
    assert (sweep.state, sweep.reason) == ("FINISHED", "every point of the grid was run")
    assert [(one.state, list(one.run_ids)) for one in sweep.agents] == [("finished", [run.run_id for run in runs])]
    assert dict(os.environ) == before


def test_the_agent_says_what_it_does(capfd):
    sweep_id = runlake.sweep({**GRID, "name": "first", "run_cap": 1})
    runlake.agent(f"ann/digits/{sweep_id}", train)
    said = [line for line in capfd.readouterr().err.splitlines() if "read it with" not in line]
    store = f"file://{os.environ['RUNLAKE_DIR']}"
    path = f"ann/digits/{sweep_id}"
    assert said[0] == f"runlake: sweep first is {path} in {store}; start an agent with: runlake agent {path}"
    assert said[1].endswith(f" works for sweep first, {path}")
    assert said[2].endswith(" begins with {'depth': 1, 'lr': 1e-05}")
    assert said[-1].endswith("ended: the sweep is finished: its run_cap of 1 is reached")
    assert len(said) == 5


def test_count_is_exact(runs_of, sweep_of):
    sweep_id = runlake.sweep(GRID)
    runlake.agent(sweep_id, train, count=3)
    assert len(runs_of(sweep_id)) == 3
    assert sweep_of(sweep_id).state == "RUNNING"
    runlake.agent(sweep_id, train, count=3)
    assert [run.config for run in runs_of(sweep_id)] == POINTS


def test_the_function_finds_which_run_it_is():
    found = {}

    def look():
        with runlake.init() as run:
            assert (run.sweep_id, run.id) == (os.environ["RUNLAKE_SWEEP_ID"], os.environ["WANDB_RUN_ID"])
            found.update({name: os.environ.get(f"WANDB_{name}") for name in ("SWEEP_ID", "PROJECT", "ENTITY")})
            found["yaml"] = Path(os.environ["WANDB_SWEEP_PARAM_PATH"]).read_text()

    sweep_id = runlake.sweep({"method": "random", "parameters": {"lr": {"value": 1e-05}, "net": {"value": "mlp"}}})
    runlake.agent(sweep_id, look, count=1)
    assert found == {
        "SWEEP_ID": sweep_id,
        "PROJECT": "digits",
        "ENTITY": "ann",
        "yaml": "wandb_version: 1\n\nlr:\n  value: 1.0e-05\n\nnet:\n  value: mlp\n",
    }


def test_parameters_win_over_the_config_of_the_script_and_say_so_once(runs_of):
    told = []

    def train():
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            with runlake.init(project="another", id="mine", config={"lr": 7, "batch": 32}) as run:
                run.config.update({"lr": 8, "epochs": 3})
                run.config.lr = 9
        told.extend(str(warning.message) for warning in caught)

    sweep_id = runlake.sweep({**GRID, "run_cap": 1})
    runlake.agent(sweep_id, train)
    (run,) = runs_of(sweep_id)
    assert run.config == {"depth": 1, "lr": 1e-05, "batch": 32, "epochs": 3}
    assert told == [
        f"runlake: in a run of sweep {sweep_id} its agent says project, run_id; what init() was given is ignored",
        "runlake: config['lr'] is a parameter of the sweep and stays 1e-05",
    ]


def test_exponents_that_look_like_values_are_told_and_the_sweep_is_made(sweep_of):
    spec = {"distribution": "log_uniform", "min": 1e-8, "max": 1}
    nested = {"q": {"distribution": "q_log_uniform", "min": 16, "max": 512}}
    fine = {"distribution": "inv_log_uniform", "min": 2, "max": 8}
    with pytest.warns(RunlakeWarning) as caught:
        sweep_id = runlake.sweep(
            {"method": "random", "parameters": {"lr": spec, "net": {"parameters": nested}, "f": fine}}
        )
    assert [str(warning.message) for warning in caught] == [
        "runlake: parameters.lr: log_uniform takes exponents of e, so min=1e-08 and max=1 give values from 1 to "
        "2.71828; for values between 1e-08 and 1 write log_uniform_values",
        "runlake: parameters.net.parameters.q: q_log_uniform takes exponents of e, so min=16 and max=512 give values "
        "from 8.88611e+06 to 2.28441e+222; for values between 16 and 512 write q_log_uniform_values",
    ]
    assert {warning.filename for warning in caught} == {__file__}
    assert sweep_of(sweep_id).config["parameters"]["lr"] == spec


def test_nested_parameters_win_and_the_rest_of_their_dict_stays(runs_of):
    seen = []

    def train():
        with runlake.init(config={"model": {"dim": 1, "lr": 0.1}, "seed": 3}) as run:
            run.config.update({"model": {"act": "relu"}})
            seen.append(run.config.as_dict())

    sweep_id = runlake.sweep(
        {"method": "grid", "parameters": {"model": {"parameters": {"dim": {"values": [2]}}}, "batch": {"value": 8}}}
    )
    runlake.agent(sweep_id, train)
    expected = {"model": {"dim": 2, "lr": 0.1, "act": "relu"}, "seed": 3, "batch": 8}
    assert seen == [run.config for run in runs_of(sweep_id)] == [expected]


def test_a_run_that_is_left_open_is_ended(runs_of):
    def train():
        runlake.init()
        runlake.log({"loss": 1.0})

    sweep_id = runlake.sweep({**GRID, "run_cap": 2})
    runlake.agent(sweep_id, train)
    assert [run.state for run in runs_of(sweep_id)] == ["finished", "finished"]


def test_a_run_from_before_does_not_take_the_place_of_the_sweeps(runs_of, service):
    mine = runlake.init(id="mine")
    sweep_id = runlake.sweep({**GRID, "run_cap": 1})
    runlake.agent(sweep_id, train)
    assert (mine.state, len(runs_of(sweep_id))) == ("finished", 1)
    assert service.read_run(RunPath("ann", "digits", "mine")).sweep is None


def test_a_function_that_raises_fails_its_run_and_the_agent_goes_on(runs_of, sweep_of, capfd):
    def train():
        with runlake.init() as run:
            if run.config.depth == 1 and run.config.lr == 0.5:
                raise ZeroDivisionError("too deep")

    sweep_id = runlake.sweep(GRID)
    runlake.agent(sweep_id, train)
    assert [run.state for run in runs_of(sweep_id)] == ["finished", "failed", "finished", "finished"]
    assert sweep_of(sweep_id).state == "FINISHED"
    assert "ZeroDivisionError: too deep" in capfd.readouterr().err


def test_three_failures_in_the_first_minute_stop_the_agent(runs_of, sweep_of, capfd):
    def train():
        runlake.init()
        raise ValueError

    sweep_id = runlake.sweep(GRID)
    runlake.agent(sweep_id, train)
    assert [run.state for run in runs_of(sweep_id)] == ["failed"] * 3
    assert (sweep_of(sweep_id).state, sweep_of(sweep_id).agents[0].state) == ("RUNNING", "finished")
    assert "ended: 3 runs failed in the first 60 seconds; RUNLAKE_AGENT_DISABLE_FLAPPING=true lets it go on" in (
        capfd.readouterr().err
    )


def test_w_and_bs_variables_make_the_agent_more_patient(runs_of, monkeypatch, capfd):
    monkeypatch.setenv("WANDB_AGENT_DISABLE_FLAPPING", "true")
    monkeypatch.setenv("WANDB_AGENT_MAX_INITIAL_FAILURES", "4")

    def train():
        runlake.init()
        raise ValueError

    sweep_id = runlake.sweep({**GRID, "parameters": {"lr": {"values": list(range(9))}}})
    runlake.agent(sweep_id, train)
    assert len(runs_of(sweep_id)) == 4
    assert "the first 4 runs all failed; RUNLAKE_AGENT_MAX_INITIAL_FAILURES sets how many may" in capfd.readouterr().err
    runlake.agent(sweep_id, train, max_consecutive_failed_runs=2)
    assert len(runs_of(sweep_id)) == 6


@pytest.fixture
def agent_with(store):
    """An agent of a sweep whose service has other limits."""

    def agent(sweep_id, function, **limits):
        service = LocalService(store, default_entity="ann", limits=LocalLimits(sweeps=SweepLimits(**limits)))
        run_agent(service, resolve({}, os.environ, current_folder()), SweepPath("ann", "digits", sweep_id), function)

    return agent


def test_a_function_that_begins_no_run_is_told_so_once(capfd, agent_with, sweep_of):
    sweep_id = runlake.sweep({**GRID, "run_cap": 2})
    agent_with(sweep_id, lambda: None, begin_grace_s=0.2)
    assert capfd.readouterr().err.count("the function did not call runlake.init()") == 1
    assert sweep_of(sweep_id).state == "FINISHED"


def edit_within(service, state=None):
    """A function whose first call changes the sweep and then trains on until it is stopped."""
    calls = []

    def train():
        with runlake.init() as run:
            calls.append(run.id)
            path = SweepPath("ann", "digits", run.sweep_id)
            if len(calls) == 1 and state is None:
                service.delete_sweep(path)
            elif len(calls) == 1:
                service.edit_sweep(path, SweepEdit(state=state))
            for step in range(8 if state != "CANCELED" else 10_000):
                run.log({"loss": step})
                time.sleep(0.05)

    return train, calls


def test_a_sweep_that_is_stopped_lets_the_run_end(service, runs_of, capfd):
    train, calls = edit_within(service, "FINISHED")
    sweep_id = runlake.sweep(GRID)
    runlake.agent(sweep_id, train)
    assert [(run.run_id, run.state) for run in runs_of(sweep_id)] == [(calls[0], "finished")]
    assert "ended: the sweep is finished: somebody said so" in capfd.readouterr().err


def test_a_sweep_that_is_canceled_ends_the_run(service, runs_of, capfd):
    train, calls = edit_within(service, "CANCELED")
    sweep_id = runlake.sweep(GRID)
    runlake.agent(sweep_id, train)
    assert [(run.run_id, run.state) for run in runs_of(sweep_id)] == [(calls[0], "killed")]
    assert "ended: the sweep was canceled: somebody said so" in capfd.readouterr().err


def test_a_sweep_that_is_deleted_lets_the_run_end(service, runs_of, capfd):
    train, calls = edit_within(service)
    sweep_id = runlake.sweep(GRID)
    runlake.agent(sweep_id, train)
    assert [(run.run_id, run.state) for run in runs_of(sweep_id)] == [(calls[0], "finished")]
    said = capfd.readouterr().err
    assert "the sweep is gone, so this agent ends after what it runs now (no sweep ann/digits/" in said
    assert said.endswith("ended: the sweep is gone\n")


def test_a_paused_sweep_keeps_its_agent_waiting(start, service, sweep_of, runs_of):
    sweep_id = runlake.sweep(GRID)
    path = SweepPath("ann", "digits", sweep_id)
    service.edit_sweep(path, SweepEdit(state="PAUSED"))
    agent = start(f"""
        import runlake
        runlake.agent({sweep_id!r}, lambda: runlake.init().log({{"loss": 1.0}}))
    """)
    agent.wait_until(lambda: "waiting for work" in agent.said)
    assert runs_of(sweep_id) == ()
    service.edit_sweep(path, SweepEdit(state="RUNNING"))
    assert agent.wait() == 0
    assert [run.config for run in runs_of(sweep_id)] == POINTS
    assert agent.said.count("waiting for work") == 1


def test_a_run_that_somebody_stops_is_killed_and_the_agent_goes_on(service, runs_of, monkeypatch):
    monkeypatch.setattr(runlake.sdk.process.active.session, "tick_s", 0.1)
    stopped = []

    def train():
        with runlake.init() as run:
            if not stopped:
                stopped.append(run.id)
                service.stop_run(RunPath(run.entity, run.project, run.id))
                time.sleep(30)

    sweep_id = runlake.sweep({**GRID, "run_cap": 2})
    runlake.agent(sweep_id, train)
    assert [run.state for run in runs_of(sweep_id)] == ["killed", "finished"]


def test_what_does_not_do_well_is_stopped_early_while_it_runs(runs_of, agent_with):
    def train():
        with runlake.init() as run:
            for _ in range(3):
                run.log({"loss": run.config.loss})
            if run.config.loss == 3:
                time.sleep(30)

    hyperband = {"type": "hyperband", "min_iter": 2, "eta": 2}
    sweep_id = runlake.sweep(
        {
            "method": "grid",
            "metric": {"name": "loss", "goal": "minimize"},
            "early_terminate": hyperband,
            "parameters": {"loss": {"values": [0, 1, 2, 3]}},
        }
    )
    agent_with(sweep_id, train, early_stop_every_s=0.0)
    assert [run.state for run in runs_of(sweep_id)] == ["finished", "finished", "finished", "killed"]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["bayes", "random"])
def test_a_metric_that_is_never_logged_stops_nothing(runs_of, method):
    config = {
        "method": method,
        "metric": {"name": "nowhere", "goal": "minimize"},
        "early_terminate": {"type": "hyperband", "min_iter": 1},
        "parameters": {"lr": {"min": 0.0, "max": 1.0}, "depth": {"value": 1}},
        "run_cap": 4,
    }
    sweep_id = runlake.sweep(config)
    runlake.agent(sweep_id, train)
    assert [run.state for run in runs_of(sweep_id)] == ["finished"] * 4
    assert len({run.config["lr"] for run in runs_of(sweep_id)}) == 4


TRAINS_FOR_LONG = """
    import runlake, time
    def train():
        with runlake.init() as run:
            print("training", flush=True)
            while True:
                run.log({{"loss": 1.0}})
                time.sleep(0.02)
    runlake.agent({sweep_id!r}, train)
    print("after the agent", runlake.run, flush=True)
"""


@pytest.mark.parametrize("is_ignored", [False, True], ids=["in the foreground", "in the background of a shell"])
def test_ctrl_c_ends_the_run_and_the_agent(start, runs_of, sweep_of, is_ignored):
    sweep_id = runlake.sweep(GRID)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN) if is_ignored else None
    agent = start(TRAINS_FOR_LONG.format(sweep_id=sweep_id))
    if is_ignored:
        signal.signal(signal.SIGINT, before)
    agent.wait_until(lambda: "training" in agent.said)
    agent.send(signal.SIGINT)
    assert agent.wait() == 0
    assert agent.said.endswith("ended: it was interrupted\nafter the agent None\n")
    assert [run.state for run in runs_of(sweep_id)] == ["killed"]
    assert [one.state for one in sweep_of(sweep_id).agents] == ["finished"]


def test_ctrl_c_that_the_function_handles_ends_nothing(start, runs_of, sweep_of):
    sweep_id = runlake.sweep(GRID)
    agent = start(f"""
        import os, runlake, signal
        def train():
            run = runlake.init()
            try:
                os.kill(os.getpid(), signal.SIGINT)
            except KeyboardInterrupt:
                print("handled", flush=True)
            run.log({{"loss": 1.0}})
            if run.config.depth == 2:
                run.finish()
        runlake.agent({sweep_id!r}, train)
    """)
    assert agent.wait() == 0
    assert agent.said.count("handled") == 4
    assert [(run.state, run.config) for run in runs_of(sweep_id)] == [("finished", point) for point in POINTS]
    assert (sweep_of(sweep_id).state, len(sweep_of(sweep_id).agents)) == ("FINISHED", 1)


@pytest.mark.parametrize("ends", ["with runlake.init() as run:", "try:", ""])
def test_ctrl_c_that_the_function_does_not_handle_kills_the_run_whoever_ends_it(start, runs_of, ends):
    sweep_id = runlake.sweep(GRID)
    body = {
        "": "runlake.init()\n    os.kill(os.getpid(), signal.SIGINT)",
        "try:": "runlake.init()\n    try: os.kill(os.getpid(), signal.SIGINT)\n    finally: runlake.finish()",
    }.get(ends, "with runlake.init(): os.kill(os.getpid(), signal.SIGINT)")
    agent = start(f"import os, runlake, signal\ndef train():\n    {body}\nrunlake.agent({sweep_id!r}, train)\n")
    assert (agent.wait(), [run.state for run in runs_of(sweep_id)]) == (0, ["killed"])
    assert "ended: it was interrupted" in agent.said


def test_a_run_that_was_preempted_is_handed_out_again(start, runs_of, sweep_of):
    sweep_id = runlake.sweep({"method": "grid", "parameters": {"x": {"values": [1, 2]}}})
    agent = start(f"""
        import os, runlake
        def train():
            with runlake.init() as run:
                run.log({{"loss": 1.0}})
                if run.config.x == 1 and not os.path.exists("preempted"):
                    open("preempted", "w").close()
                    run.mark_preempting()
                    raise SystemExit(1)
        runlake.agent({sweep_id!r}, train)
    """)
    assert agent.wait() == 0
    runs = [(run.state, run.config["x"]) for run in runs_of(sweep_id)]
    assert runs[0] == ("preempted", 1)
    assert sorted(runs[1:]) == [("finished", 1), ("finished", 2)]
    assert sweep_of(sweep_id).state == "FINISHED"


def test_a_clock_that_jumps_changes_nothing(start, runs_of, sweep_of):
    sweep_id = runlake.sweep(GRID)
    program = f"""
        import runlake, time
        real, jump = time.time, [0.0]
        time.time = lambda: real() + jump[0]
        def train():
            with runlake.init() as run:
                jump[0] = 1e6 if jump[0] <= 0 else -1e6
                for _ in range(10):
                    run.log({{"loss": 1.0}})
                    time.sleep(0.05)
        runlake.agent({sweep_id!r}, train)
    """
    agents = [start(program), start(program)]
    assert [agent.wait() for agent in agents] == [0, 0]
    runs = runs_of(sweep_id)
    assert sorted(run.config["depth"] * 10 + run.config["lr"] for run in runs) == [10.00001, 10.5, 20.00001, 20.5]
    assert {run.state for run in runs} == {"finished"}
    assert sweep_of(sweep_id).state == "FINISHED"


def test_two_sweeps_of_one_name_are_two(runs_of):
    first, second = (runlake.sweep({**GRID, "name": "same", "run_cap": 1}) for _ in range(2))
    runlake.agent(second, train)
    assert (first != second, len(runs_of(first)), len(runs_of(second))) == (True, 0, 1)


def test_what_cannot_be_is_named():
    sweep_id = runlake.sweep(GRID)
    with pytest.raises(NotFoundError, match="no sweep ann/digits/nowhere"):
        runlake.agent("nowhere", train)
    with pytest.raises(BadValueError, match="count is 0; it must be a whole number of at least 1, or None"):
        runlake.agent(sweep_id, train, count=0)
    with pytest.raises(PathError, match=r"'a/b/c/d' is no path of a sweep"):
        runlake.agent("a/b/c/d", train)
    with pytest.raises(runlake.BadValueError, match=r"command\.2: .* the sweep names no program"):
        runlake.agent(sweep_id)


def test_the_warning_of_a_locked_key_is_one_of_ours():
    def train():
        with runlake.init() as run, pytest.warns(RunlakeWarning, match="is a parameter of the sweep"):
            run.config.depth = 9

    runlake.agent(runlake.sweep({**GRID, "run_cap": 1}), train)
