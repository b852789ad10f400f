"""An id that exists: another attempt, or going on, as `resume` says."""

import itertools
import math
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import runlake
from runlake.errors import BadValueError, NotFoundError, RunlakeWarning, UsageError
from runlake.model import RunEdit
from runlake.query.rows.scan import list_keys, read_history, sample_history
from runlake.sdk.process import active
from runlake.sdk.process.session import Session
from runlake.sdk.run.config import plain_config
from runlake.sdk.run.config_edits import merged
from runlake.sdk.run.config_source import as_yaml
from runlake.service.local.service import LocalService
from runlake.store.care.check import check_run
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal.limits import WriterLimits
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.run.state import read_run
from waiting import wait_until

pytestmark = pytest.mark.usefixtures("session")


@pytest.fixture(autouse=True)
def looks(monkeypatch, request):
    """Runs that exist are looked at in this process, as a server does; "asking" is for what shows it is the same."""
    if request.node.get_closest_marker("parametrize") is None or "asking" not in request.node.callspec.params.values():
        monkeypatch.setattr(active.session, "inspector", IN_PROCESS)


def first_life(**config):
    run = runlake.init(id="r", project="p", name="calm", tags=["a"], notes="n", group="g", config=config or {"lr": 0.1})
    run.log({"a": 1})
    run.log({"a": 2}, step=7)
    run.summary["mine"] = "kept"
    run.finish()
    return run


def test_without_resume_an_id_that_exists_gets_a_new_attempt(stored):
    first = first_life()
    run = runlake.init(id="r", project="p", config={"lr": 0.5})
    run.log({"b": 1})
    run.finish()
    assert (run.resumed, run.starting_step) == (False, 0)
    info = stored.info()
    assert (info.config, info.summary, info.tags) == ({"lr": 0.5}, {"b": 1}, ())
    assert stored.rows() == [{"_step": 0, "b": 1}]
    assert info.incarnation == first.incarnation
    assert info.generation > first.generation
    assert len(list(stored.layout.journal_dir(stored.path()).glob(f"{first.writer_id}-*"))) == 1


@pytest.mark.parametrize(("resume", "inspector"), [("allow", "asking"), ("allow", "here"), (True, "here")])
def test_resume_goes_on_behind_the_last_step_and_keeps_config_and_summary(stored, resume, inspector):
    first = first_life()
    run = runlake.init(id="r", project="p", resume=resume, config={"more": 1})
    assert (run.resumed, run.step, run.starting_step, run.name) == (True, 8, 8, "calm")
    assert (dict(run.config), run.summary) == ({"lr": 0.1, "more": 1}, {"a": 2, "mine": "kept"})
    assert (run.tags, run.notes, run.group) == (("a",), "n", "g")
    assert run.generation == first.generation
    run.log({"a": 3})
    run.finish()
    assert [(row["_step"], row["a"]) for row in stored.rows()] == [(0, 1), (7, 2), (8, 3)]
    info = stored.info()
    assert (info.summary, info.config) == ({"a": 3, "mine": "kept"}, {"lr": 0.1, "more": 1})
    assert (info.name, info.tags, info.notes, info.group, info.state) == ("calm", ("a",), "n", "g", "finished")


def test_a_resumed_run_may_be_renamed_and_tagged_anew(stored):
    first_life()
    runlake.init(id="r", project="p", resume="must", name="new", tags=["b"]).finish()
    info = stored.info()
    assert (info.name, info.tags) == ("new", ("b",))


def test_allow_begins_a_run_that_is_not_there(stored):
    run = runlake.init(id="r", project="p", resume="allow")
    run.finish()
    assert (run.resumed, stored.info().name) == (False, run.name)


def test_must_wants_a_run_that_is_there():
    with pytest.raises(UsageError, match=r'resume="must" was asked for, and there is no run "ann/p/r"'):
        runlake.init(id="r", project="p", resume="must")


def test_never_wants_one_that_is_not(stored):
    runlake.init(id="r", project="p", resume="never").finish()
    with pytest.raises(UsageError, match='"ann/p/r" exists'):
        runlake.init(id="r", project="p", resume="never")
    assert stored.state() == ("finished", 0)


def test_the_environment_may_ask_to_go_on(monkeypatch, stored):
    first_life()
    monkeypatch.setenv("WANDB_RESUME", "allow")
    monkeypatch.setenv("WANDB_RUN_ID", "r")
    assert runlake.init(project="p").step == 8


def test_a_word_that_is_none_is_refused():
    with pytest.raises(BadValueError, match="resume"):
        runlake.init(id="r", resume="maybe")


def test_a_sealed_run_is_gone_on_with(stored, home):
    first_life()
    seal_run(FolderStore(home / "store"), stored.path())
    run = runlake.init(id="r", project="p", resume="must")
    run.log({"a": 3})
    run.finish()
    assert stored.column("a") == [1, 2, 3]


def test_an_open_row_of_the_first_life_is_a_row(session, stored):
    run = runlake.init(id="r", project="p")
    run.log({"half": 1}, commit=False)
    run._writer.close()
    run.on_finishing()  # what looked after it is gone with it
    session._open_runs.clear()
    session.run = None
    second = runlake.init(id="r", project="p", resume="must")
    assert second.step == 1
    second.log({"b": 1})
    assert stored.rows() == [{"_step": 0, "half": 1}, {"_step": 1, "b": 1}]


def test_a_key_of_the_config_may_change_when_a_run_is_resumed_with_it(stored):
    first_life()
    run = runlake.init(id="r", project="p", resume="must", config={"lr": 0.5}, allow_val_change=True)
    run.finish()
    assert stored.info().config == {"lr": 0.5}


numbers = itertools.count()
names = st.sampled_from(["a", "b", "c.d"])
configs = st.dictionaries(
    names,
    st.recursive(st.integers() | st.text(max_size=3), lambda x: st.dictionaries(names, x, max_size=2)),
    max_size=3,
)


def test_nested_configs_are_merged_and_the_running_script_sees_what_is_stored(session, stored):
    merge_and_compare(stored, {"n": {"a": 1}}, {"n": {"b": 2}}, {"n": {"c": 3, "a": 2}}, {"n": {"d": {"e": 4}}})


@pytest.mark.long
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(configs, configs, configs, configs)
def test_any_nested_configs_are_merged_and_the_script_sees_what_is_stored(session, stored, one, two, three, four):
    merge_and_compare(stored, one, two, three, four)


def merge_and_compare(stored, one, two, three, four):
    first, second = f"r{next(numbers)}", f"s{next(numbers)}"
    Path("config-defaults.yaml").write_text(as_yaml(plain_config(one)), "utf-8")
    run = runlake.init(id=first, project="p", config=two)
    run.log({"x": 1})
    run.finish()
    assert run.config.as_dict() == stored.info(first).config == merged(plain_config(one), plain_config(two))
    Path("config-defaults.yaml").unlink()
    for run_id, way in ((second, {"fork_from": f"{first}?_step=0"}), (first, {"resume": "must"})):
        run = runlake.init(id=run_id, project="p", config=three, **way)
        begun = run.config.as_dict()
        assert begun == stored.info(run_id).config == merged(merged(plain_config(one), plain_config(two)), three)
        run.config.update(four, allow_val_change=True)
        for value in run.config.values():
            if isinstance(value, dict):
                value["inside"] = (1, "x")
        run.finish()
        assert run.config.as_dict() == stored.info(run_id).config


def test_a_change_inside_a_dict_of_the_config_is_kept_with_the_next_row_or_the_next_tick(stored, monkeypatch):
    monkeypatch.setattr(active.session, "tick_s", 0.05)
    run = runlake.init(id="r", project="p", config={"data": {"k1": 1}, "layers": [1]})
    run.config["data"]["k2"] = 2
    run.log({"a": 1})
    assert stored.info().config == {"data": {"k1": 1, "k2": 2}, "layers": [1]}
    layers = run.config.layers
    run.log({"a": 2})
    layers.append(2)
    wait_until(lambda: stored.info().config["layers"] == [1, 2], "the change is kept")


def test_a_change_inside_a_dict_of_the_config_is_kept_by_a_forked_child(stored):
    run = runlake.init(id="r", project="p", config={"data": {}})
    run.config["data"]["of the parent"] = 1
    child = os.fork()
    if child == 0:
        run.config["data"]["of the child"] = 2
        run.log({"a": 1})
        os._exit(0)
    os.waitpid(child, 0)
    assert stored.info().config == {"data": {"of the parent": 1, "of the child": 2}}


def test_aggregates_and_step_metrics_go_on(stored):
    run = runlake.init(id="r", project="p")
    run.define_metric("loss", step_metric="epoch", summary="min,mean,first")
    run.log({"loss": 1.0, "epoch": 4})
    run.log({"loss": 3.0})
    run.finish()
    run = runlake.init(id="r", project="p", resume="must")
    run.log({"loss": 8.0})
    expected = {"loss": {"min": 1.0, "mean": 4.0, "first": 1.0}, "epoch": 4}
    assert run.summary == stored.info().summary == expected
    assert stored.rows()[-1] == {"_step": 2, "loss": 8.0, "epoch": 4}


def test_auto_goes_on_with_the_last_run_of_the_program_unless_it_finished_well(stored):
    first = runlake.init(project="p", resume="auto")
    first.log({"a": 1})
    first.finish(exit_code=1)
    second = runlake.init(project="p", resume="auto")
    assert (second.id, second.resumed, second.step) == (first.id, True, 1)
    second.finish()
    third = runlake.init(project="p", resume="auto")
    assert third.id != first.id


def test_runtime_goes_on_where_the_first_life_ended(stored):
    first_life()
    before = stored.info().runtime_s
    run = runlake.init(id="r", project="p", resume="must")
    run.log({"a": 3})
    run.finish()
    assert stored.info().runtime_s > before


def test_what_died_before_it_had_written_anything_whole_is_begun_again(stored, home):
    folder = stored.layout.journal_dir(stored.path())
    folder.mkdir(parents=True)
    (folder / "00000000000aaaaaaaa-000.part").write_bytes(b"run")
    run = runlake.init(id="r", project="p", resume="allow")
    run.log({"a": 1})
    run.finish()
    assert (run.resumed, stored.column("a")) == (False, [1])


def test_integers_beyond_64_bits_and_nan_are_no_obstacle(stored):
    run = runlake.init(id="r", project="p", config={"big": 2**70})
    run.log({"big": -(2**70), "nan": math.nan, "deep": {"$float": "x"}})
    run.finish()
    run = runlake.init(id="r", project="p", resume="must")
    assert (dict(run.config), run.summary["big"], run.step) == ({"big": 2**70}, -(2**70), 1)
    assert (math.isnan(run.summary["nan"]), run.summary["deep"]) == (True, {"$float": "x"})


# After a crash, a delete, and before a beginning


def test_must_leaves_nothing_behind_where_there_is_no_run(stored):
    with pytest.raises(UsageError):
        runlake.init(id="r", project="p", resume="must")
    assert not stored.layout.run_dir(stored.path()).exists()


def test_a_killed_run_is_gone_on_with_and_finishes(script, stored):
    killed = script(
        """
        run = runlake.init(id="r", project="p", config={"lr": 0.1})
        run.log({"a": 1})
        run.log({"a": 2})
        os.kill(os.getpid(), signal.SIGKILL)
        """
    )
    assert killed.end()[0] == -9
    assert stored.state() == ("crashed", None)
    run = runlake.init(id="r", project="p", resume="allow")
    assert (run.resumed, run.step, dict(run.config)) == (True, 2, {"lr": 0.1})
    run.log({"a": 3})
    assert stored.state() == ("running", None)
    run.finish()
    assert (stored.column("a"), stored.state()) == ([1, 2, 3], ("finished", 0))


@pytest.mark.parametrize("resume", [None, "allow", "never", "auto"])
def test_an_id_that_was_deleted_begins_a_new_life(stored, home, resume):
    first = first_life()
    service = LocalService(home / "store", default_entity="ann")
    service.delete_run(stored.path())
    run = runlake.init(id="r", project="p", resume=resume)
    run.log({"b": 1})
    run.finish()
    assert (run.resumed, run.step) == (False, 1)
    assert run.incarnation != first.incarnation
    info = stored.info()
    assert (info.incarnation, info.config, info.summary, stored.rows()) == (
        run.incarnation,
        {},
        {"b": 1},
        [{"_step": 0, "b": 1}],
    )
    assert [r.incarnation for r in service.list_runs("ann", "p").runs] == [run.incarnation]


def test_must_does_not_find_a_deleted_run(stored, home):
    first_life()
    LocalService(home / "store", default_entity="ann").delete_run(stored.path())
    with pytest.raises(UsageError, match="there is no run"):
        runlake.init(id="r", project="p", resume="must")


def test_a_process_that_trains_on_in_a_deleted_run_does_not_touch_the_next_of_that_id(stored, home):
    old = Session(limits=WriterLimits(rows_per_part=1)).init(id="r", project="p")
    old.log({"a": 1})
    LocalService(home / "store", default_entity="ann").delete_run(stored.path())
    new = runlake.init(id="r", project="p", reinit="create_new")
    new.log({"b": 1})
    with pytest.warns(RunlakeWarning, match="was deleted"):
        old.log({"a": 2})
    with pytest.warns(RunlakeWarning) as told:
        old.finish()
    assert [str(each.message) for each in told if "1 rows or records" in str(each.message)]
    new.finish()
    assert (stored.rows(), stored.state()) == ([{"_step": 0, "b": 1}], ("finished", 0))


@pytest.mark.parametrize("resume", [None, "allow", "must"])
def test_a_run_that_was_made_without_a_process_is_gone_on_with(stored, home, resume):
    service = LocalService(home / "store", default_entity="ann")
    made = service.create_run(stored.path())
    service.edit_run(stored.path(), RunEdit(config_set={"lr": 0.1}, info={"tags": ["planned"]}))
    run = runlake.init(id="r", project="p", resume=resume, config={"more": 1})
    assert (run.step, dict(run.config), run.tags) == (0, {"lr": 0.1, "more": 1}, ("planned",))
    run.log({"a": 1})
    run.finish()
    info = stored.info()
    assert (info.incarnation, info.generation) == (made.incarnation, made.generation)
    assert (info.config, info.tags, info.name, info.state) == (
        {"lr": 0.1, "more": 1},
        ("planned",),
        run.name,
        "finished",
    )


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("how", [{"id": "r", "resume": "must"}, {"resume_from": "r?_step=1"}])
def test_aggregates_of_integers_go_on_as_the_integers_they_are(stored, home, is_sealed, how):
    run = runlake.init(id="r", project="p")
    run.define_metric("n", summary="min,max,first")
    for value in (2**60 + 1, 2**60 + 3):
        run.log({"n": value})
    run.finish()
    if is_sealed:
        seal_run(FolderStore(home / "store"), stored.path())
    run = runlake.init(project="p", **how)
    run.log({"n": 2**60 + 2})
    expected = {"n": {"min": 2**60 + 1, "max": 2**60 + 3, "first": 2**60 + 1}}
    assert repr(run.summary.as_dict()) == repr(expected)
    run.finish()
    assert repr(stored.info().summary) == repr(expected)


# Rewind


def ten_rows(**more):
    run = runlake.init(id="r", project="p", name="calm", config={"lr": 0.1}, **more)
    run.define_metric("loss", summary="min,mean")
    for step in range(10):
        run.log({"a": step, "loss": 10.0 - step})
        if step == 6:
            run.log({"late": 1}, commit=False)
            run.summary["mine"] = "late"
            run.config.update({"later": True})
        if step == 2:
            run.summary["mine"] = "early"
    run.finish()
    return run


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_rewind_goes_on_behind_the_step_and_hides_what_came_later(stored, home, is_sealed):
    first = ten_rows()
    if is_sealed:
        seal_run(FolderStore(home / "store"), stored.path())
    run = runlake.init(project="p", resume_from="r?_step=3")
    assert (run.id, run.resumed, run.step, run.name, dict(run.config)) == ("r", True, 4, "calm", {"lr": 0.1})
    summary = {"a": 3, "loss": {"min": 7.0, "mean": 8.5}, "mine": "early"}
    assert run.summary == stored.info().summary == summary
    run.log({"a": 40, "loss": 1.0, "new": True})
    assert run.summary == {"a": 40, "loss": {"min": 1.0, "mean": 7.0}, "mine": "early", "new": True}
    run.finish()

    def check():
        rows = [{"_step": s, "a": s, "loss": 10.0 - s} for s in range(4)]
        assert stored.rows() == [*rows, {"_step": 4, "a": 40, "loss": 1.0, "new": True}]
        info = stored.info()
        assert (info.summary, info.config, info.name, info.state, info.row_count) == (
            run.summary.as_dict(),
            {"lr": 0.1},
            "calm",
            "finished",
            5,
        )
        assert (info.incarnation, info.last_step) == (first.incarnation, 4)
        assert set(list_keys(stored.layout, stored.path())) == {"a", "loss", "new"}
        drawn = sample_history(stored.layout, stored.path(), "a", samples=100)
        assert drawn.series[0].values.to_pylist() == [0, 1, 2, 3, 40]
        old = read_run(stored.layout, stored.path(), generation=first.generation)
        assert (old.row_count, old.config, old.summary["a"]) == (10, {"lr": 0.1, "later": True}, 9)
        history = read_history(stored.layout, stored.path(), generation=first.generation)
        assert history.step.tolist() == list(range(10))

    check()
    for _ in range(2):
        seal_run(FolderStore(home / "store"), stored.path())
        check()


def test_a_rewind_may_be_rewound_and_resumed(stored):
    ten_rows()
    for last, expected in ((6, [*range(7), 100]), (2, [0, 1, 2, 100])):
        run = runlake.init(project="p", resume_from=f"r?_step={last}")
        run.log({"a": 100})
        run.finish()
        assert stored.column("a") == expected
    run = runlake.init(project="p", id="r", resume="must")
    assert (run.step, run.summary["a"]) == (4, 100)
    run.log({"a": 200})
    run.finish()
    assert (stored.column("a"), stored.info().summary["mine"]) == ([0, 1, 2, 100, 200], "early")
    assert [row["_step"] for row in stored.rows()] == [0, 1, 2, 3, 4]


def test_rows_that_the_old_attempt_still_logs_do_not_get_into_the_new_one(stored):
    old = runlake.init(id="r", project="p", reinit="create_new")
    old.log({"a": 0})
    new = runlake.init(project="p", resume_from="r?_step=0", reinit="create_new")
    old.log({"a": 1})
    new.log({"a": 10})
    old.finish()
    new.finish()
    assert stored.column("a") == [0, 10]


def test_a_rewind_behind_a_clock_that_goes_back_keeps_its_order(stored, monkeypatch):
    ten_rows()
    run = runlake.init(project="p", resume_from="r?_step=1")
    run._clock = lambda: time.time() - 600
    run.log({"a": 20})
    run.finish()
    assert (stored.column("a"), stored.info().summary["a"]) == ([0, 1, 20], 20)


@pytest.mark.parametrize(
    ("moment", "error", "match"),
    [
        ("r", BadValueError, "run_id"),
        ("r?_step=", BadValueError, "run_id"),
        ("r?_step=-1", BadValueError, "run_id"),
        ("r?epoch=1", BadValueError, "run_id"),
        ("a/b/c/d?_step=1", BadValueError, "run_id"),
        ("r?_step=10", BadValueError, "no step 10: its last one is 9"),
        ("other?_step=1", NotFoundError, "no run"),
    ],
)
def test_a_moment_that_is_none_is_refused(stored, moment, error, match):
    ten_rows()
    for argument in ("resume_from", "fork_from"):
        with pytest.raises(error, match=match):
            runlake.init(project="p", **{argument: moment})
    assert [stored.info().row_count, stored.layout.run_ids("ann", "p")] == [10, ["r"]]


def test_only_one_way_to_begin_may_be_asked_for(stored):
    ten_rows()
    for arguments in (
        {"resume": "allow", "resume_from": "r?_step=1"},
        {"fork_from": "r?_step=1", "resume_from": "r?_step=1"},
    ):
        with pytest.raises(UsageError, match="choose one"):
            runlake.init(project="p", **arguments)
    with pytest.raises(BadValueError, match="fork_from"):
        runlake.init(project="p", id="s", resume_from="r?_step=1")
    with pytest.raises(BadValueError, match="into itself"):
        runlake.init(project="p", id="r", fork_from="r?_step=1")


# Fork


@pytest.mark.parametrize("is_sealed", [pytest.param(False, marks=pytest.mark.long), True])
def test_a_fork_begins_with_the_rows_of_the_other_and_outlives_it(stored, home, is_sealed):
    first = ten_rows(tags=["t"], notes="n", group="g")
    if is_sealed:
        seal_run(FolderStore(home / "store"), stored.path())
    run = runlake.init(project="p", id="s", fork_from="r?_step=3", config={"more": 1})
    assert (run.step, run.summary["a"], dict(run.config), run.tags) == (4, 3, {"lr": 0.1, "more": 1}, ())
    assert run.name != "calm"
    run.log({"a": 40})
    run.finish()
    assert stored.info().row_count == 10
    LocalService(home / "store", default_entity="ann").delete_run(stored.path())
    for _ in range(3):
        info = stored.info("s")
        assert (info.name, info.tags, info.notes, info.group, info.state) == (run.name, (), None, None, "finished")
        assert (info.forked_from, info.config) == ("ann/p/r?_step=3", {"lr": 0.1, "more": 1})
        assert info.summary == {"a": 40, "loss": {"min": 7.0, "mean": 8.5}, "mine": "early"}
        assert info.created_at > first.start_time
        assert stored.column("a", "s") == [0, 1, 2, 3, 40]
        assert check_run(stored.layout, stored.path("s")) == []
        seal_run(FolderStore(home / "store"), stored.path("s"))


@pytest.mark.long
def test_a_fork_of_another_project_and_of_a_rewind(stored):
    ten_rows()
    rewound = runlake.init(project="p", resume_from="r?_step=3")
    rewound.log({"a": 40})
    rewound.finish()
    run = runlake.init(project="q", id="s", fork_from="ann/p/r?_step=4")
    run.log({"a": 50})
    run.finish()
    assert stored.column("a", "q/s") == [0, 1, 2, 3, 40, 50]


def test_a_fork_wants_an_id_of_its_own(stored):
    ten_rows()
    runlake.init(project="p", id="s").finish()
    with pytest.raises(UsageError, match="exists already"):
        runlake.init(project="p", id="s", fork_from="r?_step=3")
