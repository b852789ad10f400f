"""Sealers, editors, readers and resuming writers at one run, each stopped where it hurts."""

import errno
import fcntl
from itertools import permutations

import pytest
from racing import Meanwhile, all_sound, at_step, listed, new_catalog, values
from stepping import AtStep, first

from runlake.errors import NotFoundError, UsageError
from runlake.model import RunEdit, RunPath
from runlake.service.local.service import LocalService
from runlake.store import changes, disk
from runlake.store.catalog import watching
from runlake.store.changes import FolderChanges, SeenChanges, changes_of
from runlake.store.compact.seal import drop_inputs, drop_leftovers, seal_run, write_files
from runlake.store.compact.seal_plan import plan
from runlake.store.folder_store import FolderStore
from runlake.store.noting import append_change
from runlake.store.opening import inspect_here, writers
from runlake.store.opening.open import open_run
from runlake.store.opening.trash import move_run_to_trash
from runlake.store.run import snapshot
from runlake.store.run.snapshot import take_snapshot
from runlake.store.run.state import read_run
from runlake.store.segment.publish import publish_meta
from stored import RUN, Clock, Writer, edit_config, part_names, segment_files


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def meanwhile(monkeypatch):
    return Meanwhile(monkeypatch)


@pytest.fixture
def no_locks(monkeypatch):
    """As on a network file system: nothing can be locked, and nobody can be seen to live."""

    def refused(fd, how):
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr(fcntl, "flock", refused)


def rows(start, stop):
    return [{"i": i, "x": i / 4} for i in range(start, stop)]


class Sealer:
    """A sealer that does one step at a time."""

    def __init__(self, layout):
        self.layout = layout
        self.snapshot = take_snapshot(layout, RUN)
        self.batches = plan(self.snapshot)
        self.metas = []

    def write(self):
        self.metas = [write_files(self.snapshot, batch) for batch in self.batches]

    def publish(self):
        for meta in self.metas:
            publish_meta(self.snapshot.segments, meta)

    def drop(self):
        for batch in self.batches:
            drop_inputs(self.snapshot, batch)
        drop_leftovers(self.layout, RUN)


# Two sealers, nothing locked -------------------------------------------------------------------------------------


ORDERS = ["".join(order) for order in sorted(set(permutations("aaabbb")))]


@pytest.mark.parametrize(
    "order",
    [pytest.param(order, marks=[] if n % 5 == 2 else pytest.mark.slow) for n, order in enumerate(ORDERS)],
)
def test_two_sealers_that_saw_different_parts_double_nothing(layout, no_locks, order):
    """The second one started when one more part was closed; their steps come in every order."""
    writer = Writer(layout, rows_per_part=3).log_many(rows(0, 4))
    first = Sealer(layout)
    writer.log_many(rows(4, 8)).record(17, {"set": {"late": 1}}).end()
    before = all_sound(layout)
    steps = {"a": iter([first.write, first.publish, first.drop])}
    second = Sealer(layout)
    steps["b"] = iter([second.write, second.publish, second.drop])
    for who in order:
        try:
            next(steps[who])()
        except FileNotFoundError:
            steps[who] = iter([lambda: None] * 3)  # what it was reading is sealed: it begins anew, which is below
        assert all_sound(layout) == before
    seal_run(layout, RUN)
    assert all_sound(layout) == before
    assert (part_names(layout), len(segment_files(layout))) == ([], 3)


def test_a_sealer_that_was_overtaken_before_it_published_plans_anew(layout, no_locks):
    writer = Writer(layout, rows_per_part=3).log_many(rows(0, 4))

    def another():
        writer.log_many(rows(4, 8)).end()
        seal_run(layout, RUN)

    with disk.watched(AtStep(first("-history.parquet", "create"), another)):
        assert seal_run(layout, RUN) == 0
    assert values(layout) == list(range(8))
    assert (part_names(layout), len(list(layout.segments_dir(RUN).glob("*.meta")))) == ([], 1)


def test_a_sealer_whose_parts_vanish_while_it_looks_does_not_call_it_damage(layout, no_locks, meanwhile):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    before = all_sound(layout)

    def another():
        seal = Sealer(layout)
        seal.write()
        seal.publish()
        seal.snapshot.journal.drop(part[0] if (part := [n for n, _ in seal.snapshot.journal.list_parts()]) else None)

    meanwhile.before(snapshot, "number_parts", another)
    seal_run(layout, RUN)
    assert all_sound(layout) == before
    assert (part_names(layout), len(segment_files(layout))) == ([], 3)


# Sealer and the others --------------------------------------------------------------------------------------------

PLANNED = first("", "write")
PUBLISHES = first(".meta", "replace")
HAS_PUBLISHED = first(".meta", "sync")
STEPS = pytest.mark.parametrize("step", [PLANNED, first(".parquet", "create"), PUBLISHES, HAS_PUBLISHED])


def seal_with(step, action, layout):
    """Seal, while something else happens before a step."""
    watcher = AtStep(step, action)
    with disk.watched(watcher):
        seal_run(layout, RUN)
    assert watcher.has_acted


@STEPS
def test_an_edit_that_lands_between_the_steps_of_a_sealer_is_kept(layout, step):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    seal_with(step, lambda: edit_config(layout, {"lr": 0.5}, at_s=100.0), layout)
    assert read_run(layout, RUN).config == {"lr": 0.5}
    seal_run(layout, RUN)
    assert (read_run(layout, RUN).config, values(layout)) == ({"lr": 0.5}, list(range(8)))
    assert part_names(layout) == []


@STEPS
def test_a_run_that_is_gone_on_with_between_the_steps_of_a_sealer_is_whole(layout, step):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    resumed = []

    def resume():
        resumed.append(Writer(layout, at_s=100.0, resume="must", rows_per_part=3).log_many(rows(8, 13)))

    seal_with(step, resume, layout)
    assert values(layout) == list(range(13))
    resumed[0].end()
    seal_run(layout, RUN)
    info = all_sound(layout).info
    assert (values(layout), info.row_count, info.state) == (list(range(13)), 13, "finished")
    assert part_names(layout) == []


@pytest.mark.parametrize("resume", [None, "allow"])
def test_a_run_that_is_sealed_while_it_is_opened_again(layout, meanwhile, resume):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    meanwhile.after(inspect_here, "read_state", lambda: seal_run(layout, RUN))
    Writer(layout, at_s=100.0, resume=resume).log_many(rows(8, 10)).end()
    seal_run(layout, RUN)
    assert values(layout) == list(range(0 if resume else 8, 10))
    assert all_sound(layout).info.state == "finished"


@STEPS
def test_a_sealer_brings_no_deleted_run_back(layout, step):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    with pytest.raises(NotFoundError):
        seal_with(step, lambda: move_run_to_trash(layout, RUN, "w"), layout)
    assert not layout.run_dir(RUN).exists()
    assert listed(layout) == []


@pytest.mark.parametrize("at_s", [100.0, -100_000.0], ids=["clock", "clock-behind"])
@STEPS
def test_a_sealer_of_a_deleted_run_leaves_nothing_in_the_next_one(layout, step, at_s):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    made = []

    def delete_and_make_anew():
        move_run_to_trash(layout, RUN, "w")
        made.append(Writer(layout, at_s=at_s, rows_per_part=2).log_many(rows(100, 105)))
        seal_run(layout, RUN)

    seal_with(step, delete_and_make_anew, layout)
    made[0].end()
    seal_run(layout, RUN)
    assert values(layout) == list(range(100, 105))
    assert all_sound(layout).info.incarnation == made[0].opened.incarnation
    assert {meta.incarnation for meta in take_snapshot(layout, RUN).metas} == {made[0].opened.incarnation}
    assert listed(layout) == [("r", made[0].opened.incarnation, 5)]


def test_files_that_a_sealer_of_a_deleted_run_leaves_in_the_next_one_are_nobodys(layout):
    """It had read everything when the run was deleted, and is killed before it can see that."""
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()

    def delete_and_make_anew():
        move_run_to_trash(layout, RUN, "w")
        Writer(layout, at_s=100.0).log_many(rows(100, 105)).end()
        seal_run(layout, RUN)

    snapshot = take_snapshot(layout, RUN)
    with disk.watched(AtStep(PLANNED, delete_and_make_anew)):
        write_files(snapshot, plan(snapshot)[0])
    assert len(segment_files(layout)) == 5
    info = all_sound(layout).info
    assert (info.row_count, values(layout)) == (5, list(range(100, 105)))


# Editors ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def service(layout):
    return LocalService(layout.root, default_entity="ann")


def test_an_edit_of_a_run_that_is_sealed_while_it_is_read_counts(layout, service, meanwhile):
    Writer(layout).log_many(rows(0, 3)).end()
    meanwhile.before(writers, "begin_writer", lambda: seal_run(layout, RUN))
    service.edit_run(RUN, RunEdit(config_set={"lr": 0.5}))
    seal_run(layout, RUN)
    assert all_sound(layout).info.config == {"lr": 0.5}


def test_an_edit_brings_no_deleted_run_back(layout, service, meanwhile):
    Writer(layout).log_many(rows(0, 3)).end()
    meanwhile.before(writers, "begin_writer", lambda: move_run_to_trash(layout, RUN, "w"))
    with pytest.raises(NotFoundError, match="deleted by somebody else just now"):
        service.edit_run(RUN, RunEdit(config_set={"lr": 0.5}))
    assert not layout.run_dir(RUN).exists()
    assert listed(layout) == []


@pytest.mark.parametrize("at_s", [100.0, -100_000.0], ids=["clock", "clock-behind"])
def test_an_edit_of_a_deleted_run_does_not_reach_the_next_one(layout, service, meanwhile, at_s):
    Writer(layout).log_many(rows(0, 3)).end()
    made = []

    def delete_and_make_anew():
        move_run_to_trash(layout, RUN, "w")
        made.append(Writer(layout, at_s=at_s).log_many(rows(100, 102)).end())

    meanwhile.before(writers, "begin_writer", delete_and_make_anew)
    with pytest.raises(NotFoundError, match="deleted by somebody else just now"):
        service.edit_run(RUN, RunEdit(config_set={"lr": 0.5}))
    assert part_names(layout) == [(made[0].id, 0)]
    info = all_sound(layout).info
    assert (info.incarnation, info.config) == (made[0].opened.incarnation, {})


@pytest.mark.parametrize("step", ["begin_writer", "read_known", "hold_journal"])
def test_two_editors_of_one_key_leave_one_of_the_values_and_all_other_keys(layout, service, meanwhile, step):
    from runlake.service.local import runs as local

    Writer(layout).log_many(rows(0, 3)).end()
    other = LocalService(layout.root, default_entity="ann")
    module = local if step == "read_known" else writers
    meanwhile.before(module, step, lambda: other.edit_run(RUN, RunEdit(config_set={"lr": 1, "theirs": True})))
    service.edit_run(RUN, RunEdit(config_set={"lr": 2, "mine": True}))
    assert read_run(layout, RUN).config == {"lr": 2, "mine": True, "theirs": True}


# Begun by two at once ---------------------------------------------------------------------------------------------


def test_a_run_that_two_begin_before_there_is_a_folder_is_one_run(layout):
    others = []

    def another():
        others.append(Writer(layout, at_s=-50_000.0).log_many(rows(0, 3)))

    with at_step("make_folder", layout.runs_dir("ann", "p"), another):
        mine = Writer(layout).log_many(rows(3, 6))
    assert mine.opened.incarnation == others[0].opened.incarnation
    others[0].end()
    mine.end()
    assert values(layout) == [3, 4, 5]
    assert all_sound(layout).info.state == "finished"


def test_a_run_that_two_begin_before_either_writes_is_one_run(layout, meanwhile):
    others = []

    def another():
        others.append(Writer(layout, at_s=-50_000.0, resume="allow").log_many(rows(0, 3)))

    meanwhile.before(writers, "JournalWriter", another)
    mine = Writer(layout, resume="allow").log_many(rows(3, 6))
    assert mine.opened.incarnation == others[0].opened.incarnation
    others[0].end()
    mine.end()
    assert values(layout) == list(range(6))
    assert all_sound(layout).info.state == "finished"


def test_a_run_that_another_begins_at_once_is_found_by_who_forbids_or_demands_it(layout):
    with (
        at_step("make_folder", layout.runs_dir("ann", "p"), lambda: Writer(layout).log_many(rows(0, 3))),
        pytest.raises(UsageError, match='resume="never" was asked for'),
    ):
        open_run(layout, RUN, {}, resume="never", clock=Clock())
    assert (len(part_names(layout)), values(layout)) == (1, [0, 1, 2])


# Changes and the catalog ------------------------------------------------------------------------------------------


def note(layout, run_id):
    append_change(layout, RunPath("ann", "p", run_id), "w", "init", "i")


@pytest.mark.parametrize("moment", ["_loose_names", "_digest", "replace_file"])
@pytest.mark.parametrize("is_after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("who", ["append", "pack", "append and pack"])
def test_what_comes_while_changes_are_packed_is_told_once(layout, meanwhile, moment, is_after, who):
    noted = changes_of(layout, "ann", "p")
    note(layout, "a")
    seen = noted.read_since(SeenChanges()).seen
    note(layout, "b")

    def another():
        if "append" in who:
            note(layout, "c")
        if "pack" in who:
            noted.pack()

    place = FolderChanges if moment == "_loose_names" else changes
    (meanwhile.after if is_after else meanwhile.before)(place, moment, another)
    noted.pack()
    expected = ["b", "c"] if "append" in who else ["b"]
    scan = noted.read_since(seen)
    assert [change.folder for change in scan.changes] == expected
    assert noted.read_since(scan.seen).changes == []
    assert {change.folder for change in noted.read_since(SeenChanges()).changes} == {"a", *expected}
    assert not scan.is_garbled


def seal_it(layout):
    seal_run(layout, RUN)


def delete_it(layout):
    move_run_to_trash(layout, RUN, "w")


def delete_it_and_make_it_anew(layout):
    delete_it(layout)
    Writer(layout, at_s=-100_000.0).log_many(rows(0, 2)).end()


def edit_it(layout):
    LocalService(layout.root, default_entity="ann").edit_run(RUN, RunEdit(config_set={"lr": 0.5}))


def pack_it(layout):
    changes_of(layout, "ann", "p").pack()


@pytest.mark.parametrize("moment", ["read_since", "stamp", "list_folders", "parse_name", "pack"])
@pytest.mark.parametrize("action", [seal_it, delete_it, delete_it_and_make_it_anew, edit_it, pack_it])
def test_a_listing_that_something_happens_beneath_tells_the_truth_the_next_time(layout, meanwhile, action, moment):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    Writer(layout, path=RunPath("ann", "p", "other")).log_many(rows(0, 1)).end()
    catalog = new_catalog(layout, pack_at=1)
    places = {"parse_name": changes, "stamp": watching.Watch, "list_folders": watching}
    meanwhile.before(places.get(moment, FolderChanges), moment, lambda: action(layout))
    catalog.refresh("ann", "p")
    assert [run for run, _, _ in listed(layout, catalog)] == (["other"] if action is delete_it else ["other", "r"])
    for info in catalog.refresh("ann", "p").runs:
        assert info == read_run(layout, RunPath("ann", "p", info.run_id))
