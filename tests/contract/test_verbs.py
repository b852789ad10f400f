"""The verbs, over every implementation of them: what `service.contract` promises is asked of each."""

import io
import re
import time
from urllib.request import urlopen

import numpy as np
import pytest

from runlake.errors import (
    BadValueError,
    ConflictError,
    FilterError,
    LogTypeError,
    NotFoundError,
    NotSupportedError,
    PathError,
    StoreError,
)
from runlake.model import ConsoleLine, RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from trainer import RUN, ids

# Projects -----------------------------------------------------------------------------------------------------


def test_a_store_that_is_not_there_yet_is_empty(service):
    assert service.list_projects() == []
    assert service.list_projects("ann") == []
    with pytest.raises(NotFoundError, match=r"no project ann/mnist.*see: runlake ls"):
        service.list_runs("ann", "mnist")


def test_projects_come_by_entity_and_name(service, train):
    train("a", project="z").finish()
    train("b", project="z").finish()
    made = service.create_project("bob", "A project")
    assert (made.entity, made.name, made.run_count) == ("bob", "A project", 0)
    service.create_project("ann", "B")
    found = [(p.entity, p.name, p.run_count) for p in service.list_projects()]
    assert found == [("ann", "B", 0), ("ann", "z", 2), ("bob", "A project", 0)]
    assert [p.name for p in service.list_projects("ann")] == ["B", "z"]
    assert service.create_project("ann", "z").run_count == 2
    assert service.list_runs("ann", "B").runs == ()


@pytest.mark.parametrize("name", ["", "..", "a/b", "a:b", "x" * 300, "a\0"])
def test_names_that_cannot_be_used_are_refused(service, name):
    with pytest.raises(PathError):
        service.create_project("ann", name)
    for verb in (service.read_run, service.read_history, service.list_files, service.delete_run, service.create_run):
        with pytest.raises(PathError):
            verb(RunPath("ann", name, "a"))
    with pytest.raises(PathError):
        service.list_runs(name, "mnist")


# Runs ---------------------------------------------------------------------------------------------------------


def test_a_run_is_read_as_it_is_now(service, train):
    trainer = train("a", name="bright-sea-1", tags=["x"], group="g", config={"lr": 0.1, "model": {"depth": 3}})
    trainer.log(loss=0.5).log(loss=0.25, acc=1)
    info = service.read_run(RUN)
    assert (info.name, info.state, info.tags, info.group) == ("bright-sea-1", "running", ("x",), "g")
    assert info.config == {"lr": 0.1, "model": {"depth": 3}}
    assert info.summary == {"loss": 0.25, "acc": 1}
    assert (info.last_step, info.row_count) == (1, 2)
    trainer.finish(exit_code=3)
    assert service.read_run(RUN).state == "failed"


def test_a_missing_run_is_named_with_what_is_near(service, train):
    train("exp-17", name="bright-sea-1").finish()
    with pytest.raises(NotFoundError, match=r'run "exp-71" not in project ann/mnist \(1 runs\); did you mean exp-17'):
        service.read_run(RunPath("ann", "mnist", "exp-71"))
    with pytest.raises(NotFoundError, match="the run of that name has the id exp-17"):
        service.read_run(RunPath("ann", "mnist", "bright-sea-1"))
    with pytest.raises(NotFoundError, match="did you mean ann/mnist"):
        service.read_run(RunPath("ann", "mnits", "exp-17"))
    with pytest.raises(NotFoundError, match="did you mean ann"):
        service.list_runs("anm", "mnist")


def test_every_verb_says_that_a_run_is_missing(service):
    service.create_project("ann", "mnist")
    for call in (
        lambda: service.read_run(RUN),
        lambda: service.edit_run(RUN, RunEdit(config_set={"a": 1})),
        lambda: service.edit_run(RUN, RunEdit()),
        lambda: service.stop_run(RUN),
        lambda: service.delete_run(RUN),
        lambda: service.read_history(RUN),
        lambda: service.sample_history(RUN, "loss", samples=3),
        lambda: service.list_keys(RUN),
        lambda: service.outline_history(RUN),
        lambda: service.read_console(RUN),
        lambda: service.read_console_lines(RUN),
        lambda: service.read_values(RUN, "loss"),
        lambda: service.list_files(RUN),
        lambda: service.count_files(RUN),
        lambda: service.open_file(RUN, "x"),
        lambda: service.put_file(RUN, "x", io.BytesIO()),
        lambda: service.delete_file(RUN, "x"),
        lambda: list(service.seal("ann", "mnist", "a")),
    ):
        with pytest.raises(NotFoundError, match='run "a" not in project'):
            call()


def test_runs_are_listed_oldest_first_and_filtered_and_ordered(service, train):
    for number, run_id in enumerate("cab"):
        train(run_id, config={"lr": number}).log(loss=-number).finish()
    page = service.list_runs("ann", "mnist")
    assert (ids(page), page.total_count) == (["c", "a", "b"], 3)
    assert page.runs[0] == service.read_run(RunPath("ann", "mnist", "c"))
    assert ids(service.list_runs("ann", "mnist", order=["-config.lr"])) == ["b", "a", "c"]
    assert ids(service.list_runs("ann", "mnist", filters={"summary_metrics.loss": {"$lt": 0}})) == ["a", "b"]
    cut = service.list_runs("ann", "mnist", offset=1, limit=1)
    assert (ids(cut), cut.total_count) == (["a"], 3)
    assert ids(service.list_runs("ann", "mnist", offset=9)) == []
    with pytest.raises(FilterError):
        service.list_runs("ann", "mnist", filters={"config.lr": {"$like": 1}})
    with pytest.raises(FilterError):
        service.list_runs("ann", "mnist", order=["lr"])
    with pytest.raises(BadValueError):
        service.list_runs("ann", "mnist", offset=-1)


def test_a_listing_is_of_one_state_from_its_first_page_to_its_last(service, train):
    for run_id in "abcd":
        train(run_id).finish()
    first = service.list_runs("ann", "mnist", limit=2)
    service.delete_run(RunPath("ann", "mnist", "a"))
    service.edit_run(RunPath("ann", "mnist", "c"), RunEdit(info={"name": "changed"}))
    train("e").finish()
    second = service.list_runs("ann", "mnist", offset=2, limit=2, version=first.version)
    assert (ids(first), ids(second)) == (["a", "b"], ["c", "d"])
    assert [run.name for run in second.runs] == ["c", "d"]
    assert (second.total_count, second.version) == (4, first.version)
    now = service.list_runs("ann", "mnist")
    assert ids(now) == ["b", "c", "d", "e"]
    assert now.version != first.version
    assert service.list_runs("ann", "mnist").version == now.version
    with pytest.raises(ConflictError, match="list again from the first page"):
        service.list_runs("ann", "mnist", version="unheard-of")


def test_the_table_of_runs_has_config_and_summary(service, train):
    train("a", config={"lr": 1}).log(acc=0.5).finish()
    train("b", config={"lr": "auto"}).finish(exit_code=1)
    table = service.read_runs_table("ann", "mnist")
    picked = table.select(["run_id", "state", "config.lr", "summary.acc"]).to_pylist()
    assert picked == [
        {"run_id": "a", "state": "finished", "config.lr": "1", "summary.acc": 0.5},
        {"run_id": "b", "state": "failed", "config.lr": "auto", "summary.acc": None},
    ]
    assert service.read_runs_table("ann", "mnist", filters={"state": "failed"})["run_id"].to_pylist() == ["b"]


def test_a_run_can_be_made_without_a_process(service):
    made = service.create_run(RUN)
    assert (made.path, made.state, made.user) == (RUN, "pending", "ann")
    assert ids(service.list_runs("ann", "mnist")) == ["a"]
    with pytest.raises(ConflictError, match="exists already"):
        service.create_run(RUN)


def test_edits_touch_only_the_keys_they_name(service, train):
    train("a", config={"lr": 1, "model": {"depth": 3}, "old": 1}, tags=["x"], name="n").log(acc=0.5, loss=2).finish()
    first = service.edit_run(RUN, RunEdit(config_set={"lr": 2, "new.key": [1, None], "a\\.b": np.float32(0.5)}))
    assert first.config == {"lr": 2, "model": {"depth": 3}, "old": 1, "new": {"key": [1, None]}, "a.b": 0.5}
    second = service.edit_run(
        RUN,
        RunEdit(
            config_set={"model": {"width": {"x": 1}}},
            config_unset=("old", "never"),
            summary_set={"acc": 0.75, "best": {"step": 1}},
            summary_unset=("loss",),
            info={"tags": ["y", "z"], "notes": "good"},
        ),
    )
    assert second.config == {"lr": 2, "model": {"width": {"x": 1}}, "new": {"key": [1, None]}, "a.b": 0.5}
    assert second.summary == {"acc": 0.75, "best": {"step": 1}}
    assert (second.tags, second.notes, second.name, second.state) == (("y", "z"), "good", "n", "finished")
    assert service.read_run(RUN) == second
    assert service.list_runs("ann", "mnist").runs == (second,)
    assert service.edit_run(RUN, RunEdit()) == second


def test_what_was_edited_is_told_in_order_with_what_stood_there_before(service, train):
    train("a", config={"lr": 1, "model": {"depth": 3}}, tags=["x"]).log(acc=0.5, loss=2).finish()
    assert service.list_edits(RUN) == []
    service.edit_run(RUN, RunEdit(config_set={"lr": 2, "new.key": [1]}, config_unset=("model",), info={"tags": ["y"]}))
    service.edit_run(RUN, RunEdit(config_set={"lr": 2}, info={"notes": "good"}))  # lr is that already
    service.edit_run(
        RUN, RunEdit(config_set={"lr": 2.0}, summary_set={"acc": 0.75, "best": 1}, summary_unset=("loss",))
    )
    found = service.list_edits(RUN)
    assert [(e.part, e.key, e.was_there and e.before, e.is_there and e.after) for e in found] == [
        ("config", "model", {"depth": 3}, False),
        ("config", "lr", 1, 2),
        ("config", "new.key", False, [1]),
        ("run", "tags", ["x"], ["y"]),
        ("run", "notes", False, "good"),
        ("config", "lr", 2, 2.0),
        ("summary", "loss", 2, False),
        ("summary", "acc", 0.5, 0.75),
        ("summary", "best", False, 1),
    ]
    times = [edit.timestamp for edit in found]
    assert times == sorted(times)
    assert service.read_run(RUN).created_at < times[0]


def test_what_an_edit_of_a_summary_has_replaced_is_not_made_up_where_rows_came_later(service, train):
    run = train("a").log(acc=0.5)
    service.edit_run(RUN, RunEdit(summary_set={"acc": 9}))
    run.opened.writer.log({"acc": 0.75}, step=1, timestamp=time.time() + 1, runtime=1.0)
    run.finish()
    (edit,) = service.list_edits(RUN)
    assert (edit.key, edit.was_there, edit.before, edit.after) == ("acc", None, None, 9)
    assert service.read_run(RUN).summary == {"acc": 0.75}


def test_an_edit_that_cannot_be_stored_changes_nothing(service, train):
    train("a", config={"lr": 1}).finish()
    before = service.read_run(RUN)
    with pytest.raises(LogTypeError):
        service.edit_run(RUN, RunEdit(config_set={"lr": 2, "bad": object()}))
    with pytest.raises(BadValueError, match="no editable field 'state'"):
        service.edit_run(RUN, RunEdit(config_set={"lr": 2}, info={"state": "finished"}))
    with pytest.raises(BadValueError, match="tags must be a list of texts"):
        service.edit_run(RUN, RunEdit(info={"tags": "x"}))
    assert service.read_run(RUN) == before


def test_a_running_run_is_asked_to_stop_and_an_ended_one_left_alone(service, train):
    trainer = train("a").log(loss=1)
    service.stop_run(RUN)
    assert service.read_run(RUN).stop_requested
    trainer.finish()
    train("b").finish()
    service.stop_run(RunPath("ann", "mnist", "b"))
    assert not service.read_run(RunPath("ann", "mnist", "b")).stop_requested


def test_a_deleted_run_is_gone_from_everything_and_can_come_back(service, train, root):
    train("a", config={"lr": 1}).log(loss=1).finish()
    train("b").finish()
    service.delete_run(RUN)
    assert ids(service.list_runs("ann", "mnist")) == ["b"]
    with pytest.raises(NotFoundError):
        service.read_run(RUN)
    with pytest.raises(NotFoundError):
        service.delete_run(RUN)
    (trashed,) = (root / ".trash").iterdir()
    assert trashed.name.endswith("-a-ann-mnist")
    train("a").log(acc=1).finish()
    assert sorted(ids(service.list_runs("ann", "mnist"))) == ["a", "b"]
    assert service.list_keys(RUN) == ["acc"]
    service.delete_run(RUN)
    assert len(list((root / ".trash").iterdir())) == 2


# Rows ---------------------------------------------------------------------------------------------------------


def test_rows_come_back_as_they_went_in_sealed_or_not(service, train):
    trainer = train("a")
    for number in range(5):
        trainer.log(**({"loss": number / 2, "k": number} if number % 2 else {"loss": number / 2}))

    def seen():
        history = service.read_history(RUN)
        series = {s.key: (None if s.rows is None else s.rows.tolist(), s.values.to_pylist()) for s in history.series}
        return history.step.tolist(), history.runtime.tolist(), series

    expected = (
        [0, 1, 2, 3, 4],
        [0.0, 1.0, 2.0, 3.0, 4.0],
        {"loss": (None, [0.0, 0.5, 1.0, 1.5, 2.0]), "k": ([1, 3], [1, 3])},
    )
    assert seen() == expected
    trainer.finish()
    assert list(service.seal("ann", "mnist")) == [(RUN, 5)]
    assert list(service.seal("ann", "mnist", "a")) == [(RUN, 0)]
    assert seen() == expected
    assert sorted(service.list_keys(RUN)) == ["k", "loss"]
    part = service.read_history(RUN, keys=["k"], min_step=1, max_step=3)
    assert part.step.tolist() == [1, 2]
    assert [(s.key, s.rows.tolist(), s.values.to_pylist()) for s in part.series] == [("k", [0], [1])]


def test_a_sample_has_so_many_rows_and_says_of_what(service, train):
    trainer = train("a")
    for number in range(600):
        trainer.log(loss=float(number % 7))
    trainer.finish()
    for _ in range(2):
        for samples in (1, 2, 6, 7, 50, 500, 600, 700):
            sample = service.sample_history(RUN, "loss", samples=samples)
            assert (sample.row_count, sample.source_row_count) == (min(samples, 600), 600)
            assert sample.step[-1] == 599
            assert samples == 1 or sample.step[0] == 0
            assert sample.series[0].values.to_pylist() == [float(step % 7) for step in sample.step.tolist()]
        list(service.seal("ann", "mnist", "a"))
    with pytest.raises(BadValueError):
        service.sample_history(RUN, "loss", samples=0)


def test_console_lines_come_in_their_last_form(service, train):
    trainer = train("a").print(0, "start").print(1, "10 %").print(2, "careful", level="error").print(1, "100 %")
    assert service.read_console(RUN) == [
        ConsoleLine(number=0, timestamp=100.0, level=None, text="start"),
        ConsoleLine(number=1, timestamp=101.0, level=None, text="100 %"),
        ConsoleLine(number=2, timestamp=102.0, level="error", text="careful"),
    ]
    assert [line.number for line in service.read_console(RUN, last=1)] == [2]
    assert service.read_console(RUN, last=0) == []
    trainer.finish()


# Files --------------------------------------------------------------------------------------------------------


def test_files_are_stored_listed_read_and_removed(service, train):
    train("a").finish()
    assert service.list_files(RUN) == []
    stored = service.put_file(RUN, "models/best.bin", io.BytesIO(b"weights"))
    service.put_file(RUN, "a.txt", io.BytesIO(b""))
    assert [info.name for info in service.list_files(RUN)] == ["a.txt", "models/best.bin"]
    assert stored in service.list_files(RUN)
    assert [info.name for info in service.list_files(RUN, after="a.txt", limit=1)] == ["models/best.bin"]
    assert [info.name for info in service.list_files(RUN, limit=1)] == ["a.txt"]
    assert [info.name for info in service.list_files(RUN, names=["./models/best.bin", "b"])] == ["models/best.bin"]
    assert service.count_files(RUN) == 2
    with service.open_file(RUN, "models/best.bin") as file:
        assert file.read() == b"weights"
    service.delete_file(RUN, "a.txt")
    assert [info.name for info in service.list_files(RUN)] == ["models/best.bin"]
    with pytest.raises(NotFoundError, match=r"did you mean 'models/best.bin'"):
        service.open_file(RUN, "models/bets.bin")
    with pytest.raises(PathError):
        service.put_file(RUN, "../out", io.BytesIO(b""))


def test_a_file_in_a_bucket_has_an_address_that_needs_no_key_and_other_files_have_none(service, way, train):
    train("a").finish()
    service.put_file(RUN, "größe/best.bin", io.BytesIO(b"weights"))
    url = service.file_url(RUN, "größe/best.bin", 60)
    if way != "cluster":
        assert url is None
        return
    service.put_file(RUN, "größe/best.bin", io.BytesIO(b"other weights"))
    with urlopen(url) as first, urlopen(service.file_url(RUN, "größe/best.bin", 60)) as second:
        assert (first.read(), second.read()) == (b"weights", b"other weights")
    with pytest.raises(NotFoundError, match=r"did you mean 'größe/best.bin'"):
        service.file_url(RUN, "größe/bets.bin", 60)
    with pytest.raises(NotFoundError, match=r'run "none" not in project ann/mnist'):
        service.file_url(RunPath("ann", "mnist", "none"), "größe/best.bin", 60)


# Care ---------------------------------------------------------------------------------------------------------


def test_one_broken_run_does_not_keep_the_others_from_being_sealed(service, train, root):
    train("a").log(loss=1).finish()
    train("b").log(loss=1).finish()
    (part,) = FolderStore(root).journal_dir(RUN).iterdir()
    content = bytearray(part.read_bytes())
    content[-20] ^= 0xFF
    part.write_bytes(content)
    sealing = service.seal("ann", "mnist")
    assert next(sealing) == (RunPath("ann", "mnist", "b"), 1)
    with pytest.raises(StoreError, match=re.escape("ann/mnist/a")):
        next(sealing)


def test_what_this_process_writes_another_service_sees_at_once(service, train, root):
    train("a").finish()
    other = LocalService(root, default_entity="bob")
    assert ids(other.list_runs("ann", "mnist")) == ["a"]
    service.edit_run(RUN, RunEdit(config_set={"x": 1}))
    assert other.list_runs("ann", "mnist").runs[0].config == {"x": 1}
    service.delete_run(RUN)
    assert ids(other.list_runs("ann", "mnist")) == []


# Repair and trash ----------------------------------------------------------------------------------------------


def test_a_deleted_run_is_in_the_trash_until_it_is_taken_back_or_the_trash_is_emptied(service, local, train):
    train("a", name="first").log(x=1).finish()
    before = service.read_run(RUN)
    assert service.list_trash() == []
    service.delete_run(RUN)
    (item,) = service.list_trash()
    assert (item.path, item.run_name, item.is_run) == (RUN, "first", True)
    assert service.restore_run(RUN) == RUN
    assert service.read_run(RUN) == before
    service.delete_run(RUN)
    train("a").finish()
    for run in (RUN, item.name):
        with pytest.raises(ConflictError, match="there is a run of that id again"):
            service.restore_run(run)
    assert list(local.empty_trash(older_than_s=3600.0)) == []
    assert [one.place for one in local.empty_trash(older_than_s=0.0)] == [f".trash/{item.name}"]
    for run in (RUN, item.name, "../ann"):
        with pytest.raises(NotFoundError, match="runlake trash"):
            service.restore_run(run)


def test_the_care_of_a_disk_is_refused_by_name_where_there_is_none(service, local, tmp_path):
    if service is local:
        return
    for call in (
        lambda: service.check(),
        lambda: service.repair("ann", "mnist"),
        lambda: service.empty_trash(older_than_s=0.0),
        lambda: service.merge_from(tmp_path),
    ):
        with pytest.raises(NotSupportedError, match="run it on the machine of the store"):
            call()
