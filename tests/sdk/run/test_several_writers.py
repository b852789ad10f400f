"""Several processes that log into one run: nobody's rows are lost, and all find each other without a lock."""

from collections import Counter

import pytest

import runlake
from runlake.errors import UsageError
from runlake.query.rows.scan import read_history
from runlake.service.local.service import LocalService
from runlake.store.compact.seal import seal_run
from runlake.store.run.state import list_generations, read_run

pytestmark = pytest.mark.usefixtures("session")

BEGIN_TOGETHER = """
from pathlib import Path
rank = int(os.environ["RANK"])
(Path(os.environ["HOME"]).parent / f"ready-{rank}").touch()
while not (Path(os.environ["HOME"]).parent / "go").exists():
    time.sleep(0.001)
"""


@pytest.fixture
def race(script, home, wait_until):
    """Processes that reach the same line at the same moment, each with its RANK; answers how they ended."""

    def race(count, code, **environment):
        one = [script(BEGIN_TOGETHER, code, RANK=str(rank), **environment) for rank in range(count)]
        wait_until(lambda: len(list(home.glob("ready-*"))) == count)
        (home / "go").touch()
        ends = [each.end() for each in one]
        (home / "go").unlink()
        for file in home.glob("ready-*"):
            file.unlink()
        return ends

    return race


def by_rank(stored, name="r", generation=None):
    """Of each rank, the values it logged, in the order in which readers see them."""
    found = {}
    history = read_history(stored.layout, stored.path(name), generation=generation)
    (rank,) = [s for s in history.series if s.key == "rank"]
    (x,) = [s for s in history.series if s.key == "x"]
    for each, value in zip(rank.values.to_pylist(), x.values.to_pylist(), strict=True):
        found.setdefault(each, []).append(value)
    return found


@pytest.mark.slow
@pytest.mark.parametrize("how", ['resume="allow"', pytest.param('mode="shared"', marks=pytest.mark.long)])
def test_processes_that_start_at_the_same_moment_write_one_run(race, stored, how):
    code = f"""
    run = runlake.init(id="r", project="p", config={{f"rank_{{rank}}": 1}}, {how})
    for x in range(50):
        run.log({{"rank": rank, "x": x}})
    run.summary[f"done_{{rank}}"] = True
    """
    assert [end[0] for end in race(3, code)] == [0] * 3
    for _ in range(2):
        assert by_rank(stored) == {rank: list(range(50)) for rank in range(3)}
        info = stored.info()
        assert (info.row_count, info.state, info.exit_code) == (150, "finished", 0)
        assert info.config == {f"rank_{rank}": 1 for rank in range(3)}
        assert {key for key in info.summary if key.startswith("done")} == {f"done_{rank}" for rank in range(3)}
        assert len(list_generations(stored.layout, stored.path())) == 1
        seal_run(stored.layout, stored.path())
    assert not list(stored.layout.journal_dir(stored.path()).iterdir())


@pytest.mark.slow
def test_processes_that_share_an_id_without_resume_are_attempts_of_which_none_is_lost(race, stored, home):
    code = """
    run = runlake.init(project="p")
    for x in range(20):
        run.log({"rank": rank, "x": x})
    """
    assert [end[0] for end in race(3, code, WANDB_RUN_ID="r")] == [0] * 3
    for _ in range(2):
        attempts = list_generations(stored.layout, stored.path())
        assert [each.row_count for each in attempts] == [20] * 3
        assert [each.generation for each in attempts] == sorted(each.generation for each in attempts)
        seen = [by_rank(stored, generation=each.generation) for each in attempts]
        assert sorted(rank for each in seen for rank in each) == [0, 1, 2]
        assert all(each == {rank: list(range(20))} for each in seen for rank in each)
        assert by_rank(stored) == seen[-1]
        assert len({read_run(stored.layout, stored.path(), generation=e.generation).incarnation for e in attempts}) == 1
        seal_run(stored.layout, stored.path())


@pytest.mark.slow
def test_of_processes_that_all_want_to_be_the_first_one_is(race, stored):
    code = """
    try:
        runlake.init(id="r", project="p", resume="never").log({"rank": rank, "x": 1})
        print("first")
    except runlake.errors.UsageError:
        print("too late")
    """
    assert Counter(end[1] for end in race(3, code)) == {"first\n": 1, "too late\n": 2}
    assert stored.info().row_count == 1


@pytest.mark.slow
def test_all_ranks_of_a_restarted_training_go_on_behind_the_one_that_died(race, stored):
    code = """
    run = runlake.init(id="r", project="p", resume="allow")
    Path(f"in-{os.environ['LIFE']}-{rank}").touch()
    while len(list(Path().glob(f"in-{os.environ['LIFE']}-*"))) < 3:  # as ranks wait for each other
        time.sleep(0.001)
    for x in range(5):
        run.log({"rank": rank, "x": run.step})
    if os.environ.get("DIES"):
        os.kill(os.getpid(), signal.SIGKILL)
    """
    assert [end[0] for end in race(3, code, LIFE="1", DIES="1")] == [-9] * 3
    assert stored.state() == ("crashed", None)
    assert [end[0] for end in race(3, code, LIFE="2")] == [0] * 3
    assert stored.state() == ("finished", 0)
    counted = by_rank(stored)
    assert sorted(counted) == [0, 1, 2]
    for steps in counted.values():
        assert len(steps) == 10
        assert steps == list(range(10))
    assert stored.info().last_step == 9


def begin(run_id="r", **given):
    return runlake.init(id=run_id, project="p", reinit="create_new", **given)


@pytest.mark.slow
def test_the_run_is_finished_when_all_of_its_processes_are(stored):
    runs = [begin(mode="shared") for _ in range(3)]
    assert len({run.generation for run in runs}) == 1
    for run in runs:
        assert stored.state() == ("running", None)
        run.finish()
    assert stored.state() == ("finished", 0)


@pytest.mark.parametrize("order", [(0, 3), (3, 0)])
def test_one_of_several_that_fails_makes_the_run_fail(stored, order):
    runs = [begin(mode="shared") for _ in order]
    for run, exit_code in zip(runs, order, strict=True):
        run.finish(exit_code)
    assert stored.state() == ("failed", 3)


@pytest.mark.slow
def test_one_of_several_that_dies_makes_the_run_crash_until_it_is_resumed(script, stored):
    first = begin(mode="shared")
    killed = script('runlake.init(id="r", project="p", mode="shared"); os.kill(os.getpid(), signal.SIGKILL)')
    killed.end()
    assert stored.state() == ("running", None)
    first.finish()
    assert stored.state() == ("crashed", None)
    begin(resume="must").finish()
    assert stored.state() == ("finished", 0)


@pytest.mark.parametrize("worker", [{"x_primary": False}, {"x_update_finish_state": False}])
def test_the_primary_process_says_how_the_run_ends(stored, worker):
    first = begin(mode="shared", settings={"x_primary": True, "x_label": "rank_0"})
    second = begin(mode="shared", settings={**worker, "x_label": "rank_1"})
    assert first.settings.ignored == second.settings.ignored == ()
    second.finish(exit_code=1)
    assert stored.state() == ("running", None)
    first.finish()
    assert stored.state() == ("finished", 0)


def test_a_process_that_is_not_the_primary_one_leaves_the_files_alone(stored):
    first = begin(mode="shared", config={"lr": 0.1}, settings={"x_primary": True})
    second = begin(mode="shared", config={"more": 1}, settings={"x_primary": False})
    first.finish()
    second.finish()
    assert first.writer_id in stored.file("wandb-metadata.json").read_text()
    assert "more" not in stored.file("config.yaml").read_text()
    assert stored.info().config == {"lr": 0.1, "more": 1}


def test_each_process_counts_its_own_steps_and_the_summary_is_the_last_by_clock(stored):
    runs = [begin(mode="shared") for _ in range(2)]
    for turn in range(3):
        for number, run in enumerate(runs):
            run.log({"loss": turn * 10 + number})
    assert [row["_step"] for row in stored.rows()] == [0, 0, 1, 1, 2, 2]
    assert stored.column("loss") == [0, 1, 10, 11, 20, 21]
    assert stored.info().summary == {"loss": 21}


@pytest.mark.slow
def test_one_that_joins_a_running_run_begins_at_0_and_one_that_comes_after_goes_on(stored):
    first = begin(resume="allow")
    for x in range(5):
        first.log({"x": x})
    beside = begin(resume="allow")
    assert (beside.step, beside.generation) == (0, first.generation)
    beside.log({"x": 10})
    first.finish()
    beside.finish()
    after = begin(resume="allow")
    assert after.step == 5


@pytest.mark.slow
@pytest.mark.parametrize("minutes", [-10, pytest.param(10, marks=pytest.mark.long)])
def test_two_hosts_whose_clocks_are_apart(script, stored, minutes):
    def host(name, code, shift_s=0):
        clock = f"import time as t; real = t.time; t.time = lambda: real() + {shift_s}" if shift_s else ""
        return script(clock, code, RUNLAKE_HOST=name)

    code = """
    run = runlake.init(id="r", project="p", resume="allow", allow_val_change=True)
    for x in range(3):
        run.log({"rank": HERE, "x": run.step})
    run.config["last"] = "HOST"
    run.summary["last"] = "HOST"
    """
    for rank, name in enumerate(("near", "far")):
        here = code.replace("HERE", str(rank)).replace("HOST", name)
        assert host(name, here, rank * minutes * 60).end()[0] == 0
    assert by_rank(stored) == {0: [0, 1, 2], 1: [3, 4, 5]}
    assert [row["_step"] for row in stored.rows()] == [0, 1, 2, 3, 4, 5]
    info = stored.info()
    assert (info.config["last"], info.summary["last"], info.host, info.state) == ("far", "far", "far", "finished")
    again = begin()
    again.log({"x": 1})
    assert stored.info().row_count == 1


@pytest.mark.slow
def test_what_several_processes_print_is_kept_of_each(race, stored, home):
    code = """
    run = runlake.init(id="r", project="p", mode="shared", settings={"x_label": f"rank_{rank}"})
    for line in range(20):
        print(f"{rank} says {line}")
    """
    race(3, code, RUNLAKE_CONSOLE="wrap")
    lines = LocalService(home / "store", default_entity="ann").read_console(stored.path())
    for rank in range(3):
        mine = [line.text for line in lines if line.source == f"rank_{rank}"]
        assert mine == [f"{rank} says {line}" for line in range(20)]


def test_system_metrics_of_several_processes_carry_their_labels(stored, monkeypatch):
    monkeypatch.setenv("RUNLAKE_DISABLE_SYSTEM", "0")
    for label in ("a", "b"):
        begin(mode="shared", settings={"x_label": label})
    keys = {key for key in stored.info().system_metrics if key.startswith("system.memory_percent")}
    assert keys == {"system.memory_percent/l:a", "system.memory_percent/l:b"}


@pytest.mark.long
def test_processes_that_edit_one_run_lose_nothing_but_races_for_the_same_key(race, script, stored, home):
    training = script(
        """
        run = runlake.init(id="r", project="p", allow_val_change=True)
        print("on", flush=True)
        for x in range(300):
            run.log({"x": x})
            run.config[f"train_{x % 10}"] = x
            if x % 10 == 0:
                run.summary[f"note_{x}"] = x
            time.sleep(0.002)
        """
    ).wait_for("on")
    code = """
    from runlake.model import RunEdit, RunPath
    from runlake.service.local.service import LocalService
    service = LocalService(Path(os.environ["RUNLAKE_DIR"]), default_entity="ann")
    for number in range(5):
        edit = {f"config_set": {f"{rank}.{number}": number, "same": rank}, "summary_set": {f"{rank}/{number}": number}}
        service.edit_run(RunPath("ann", "p", "r"), RunEdit(**edit))
    """
    assert [end[0] for end in race(8, code)] == [0] * 8
    assert training.end()[0] == 0
    views = [stored.info()]
    seal_run(stored.layout, stored.path())
    views.append(stored.info())
    for info in views:
        config = info.config
        assert {str(rank): config[str(rank)] for rank in range(8)} == {
            str(rank): {str(n): n for n in range(5)} for rank in range(8)
        }
        assert {key: value for key, value in config.items() if key.startswith("train_")} == {
            f"train_{n}": 290 + n for n in range(10)
        }
        assert [info.summary[f"{rank}/{n}"] for rank in range(8) for n in range(5)] == [*range(5)] * 8
        assert [info.summary[f"note_{x}"] for x in range(0, 300, 10)] == list(range(0, 300, 10))
        assert config["same"] in range(8)
    assert views[0].config == views[1].config
    assert views[0].summary == views[1].summary


def test_older_attempts_can_be_read_by_name_and_not_changed(stored):
    for attempt in range(2):
        run = begin(config={"attempt": attempt})
        run.log({"loss": attempt, f"only_{attempt}": 1})
        run.finish()
    newest = runlake.Api().run("p/r")
    assert [(each.generation, each.row_count) for each in newest.generations] == [
        (each.generation, 1) for each in sorted(newest.generations, key=lambda g: g.created_at)
    ]
    older = newest.at_generation(newest.generations[0].generation)
    assert (older.config, older.summary["loss"], older.state) == ({"attempt": 0}, 0, "finished")
    assert [dict(row) for row in older.scan_history(keys=["loss", "only_0"])] == [{"_step": 0, "loss": 0, "only_0": 1}]
    assert older.history(keys=["loss"])["loss"].tolist() == [0]
    assert newest.history(keys=["loss"])["loss"].tolist() == [1]
    older.config["attempt"] = 7
    for change in (older.update, older.delete, older.stop):
        with pytest.raises(UsageError, match="an older history cannot be changed"):
            change()
    with pytest.raises(runlake.errors.CommError, match="no generation 'x'"):
        newest.at_generation("x")


@pytest.mark.parametrize("begin_python", ["cold"], indirect=True)
def test_a_fresh_run_needs_no_process_beside_it(script, stored):
    code = """
    started = []
    sys.addaudithook(lambda event, arguments: started.append(arguments[1]) if event == "subprocess.Popen" else None)
    for given in ({}, {"resume": "allow"}, {"mode": "shared"}):
        run = runlake.init(project="p", **given)
        run.log({"a": 1})
        run.finish()
    assert not {"numpy", "pyarrow"} & set(sys.modules)
    assert started and "runlake.store.run.state" not in str(started), started
    """
    assert script(code).end() == (0, "", "")
