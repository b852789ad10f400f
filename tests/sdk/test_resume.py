"""An id that exists: another attempt, or going on, as `resume` says."""

import pytest

import runlake
from runlake.errors import BadValueError, UsageError
from runlake.store.layout import Layout
from runlake.store.seal import seal_run

pytestmark = pytest.mark.usefixtures("session")


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


@pytest.mark.parametrize("resume", ["allow", True])
def test_resume_goes_on_behind_the_last_step_and_keeps_config_and_summary(stored, resume):
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
    seal_run(Layout(home / "store"), stored.path())
    run = runlake.init(id="r", project="p", resume="must")
    run.log({"a": 3})
    run.finish()
    assert stored.column("a") == [1, 2, 3]


def test_an_open_row_of_the_first_life_is_a_row(session, stored):
    run = runlake.init(id="r", project="p")
    run.log({"half": 1}, commit=False)
    run._writer.close()
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
