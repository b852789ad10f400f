"""Deleting, restoring and beginning anew, beside writers, readers and each other."""

import io

import pytest
from racing import Meanwhile, all_sound, at_step, listed, new_catalog, values

from runlake.errors import ConflictError, NotFoundError, RunlakeWarning, StoreError, UsageError
from runlake.sdk.process.session import Session
from runlake.store import disk
from runlake.store.care import repair, repair_steps
from runlake.store.care.repair import repair_run
from runlake.store.changes import changes_of
from runlake.store.compact.seal import seal_run
from runlake.store.folder_files import FolderFiles
from runlake.store.folder_store import FolderStore
from runlake.store.journal import folder
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.opening import existing, inspect_here, trash, writers
from runlake.store.opening.trash import move_run_to_trash, restore_run
from runlake.store.opening.writers import open_child
from runlake.store.run.snapshot import read_consistently
from runlake.store.segment.folder import segments_of
from stored import RUN, Writer, part_names


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def meanwhile(monkeypatch):
    return Meanwhile(monkeypatch)


def rows(start, stop):
    return [{"i": i, "x": i / 4} for i in range(start, stop)]


def delete(layout):
    return move_run_to_trash(layout, RUN, "w")


def anew(layout, *, at_s=100.0, **options):
    """The next run of that id, by a host whose clock may be behind."""
    return Writer(layout, at_s=at_s, **options).log_many(rows(100, 103))


class KilledError(BaseException):
    """An actor ends here."""


def killed():
    raise KilledError


def delete_halfway(layout):
    """A deleter that is killed when it has written the tombstone, and not moved the folder."""
    with at_step("move", layout.run_dir(RUN), killed), pytest.raises(KilledError):
        delete(layout)


def warnings_of(call):
    with pytest.warns(RunlakeWarning) as told:
        call()
    return [str(each.message) for each in told]


CLOCKS = pytest.mark.parametrize("at_s", [100.0, -100_000.0], ids=["clock", "clock-behind"])

# Writers of a deleted run -----------------------------------------------------------------------------------------


def test_a_living_writer_goes_on_in_the_trash_and_its_rows_come_back_with_the_run(layout):
    writer = Writer(layout).log_many(rows(0, 3))
    trashed = delete(layout)
    writer.log_many(rows(3, 6))
    assert not layout.run_dir(RUN).exists()
    restore_run(layout, trashed, "w")
    writer.log_many(rows(6, 8)).end()
    assert values(layout) == list(range(8))
    assert all_sound(layout).info.state == "finished"


def test_a_writer_of_a_deleted_run_begins_no_part_until_the_run_is_back(layout):
    writer = Writer(layout, rows_per_part=3).log_many(rows(0, 3))
    trashed = delete(layout)
    for _ in range(2):
        with pytest.raises(FileNotFoundError):
            writer.log({"i": 3})
    assert not layout.run_dir(RUN).exists()
    restore_run(layout, trashed, "w")
    writer.step = 3
    writer.log_many(rows(3, 8)).end()
    assert values(layout) == list(range(8))
    assert all_sound(layout).info.last_step == 7


@CLOCKS
def test_a_writer_of_a_deleted_run_leaves_nothing_in_the_next_one(layout, at_s):
    writer = Writer(layout, rows_per_part=3).log_many(rows(0, 3))
    delete(layout)
    new = anew(layout, at_s=at_s)
    with pytest.raises(FileNotFoundError, match="the run was deleted or moved"):
        writer.log({"i": 3})
    with pytest.raises(FileNotFoundError):
        writer.end()
    assert part_names(layout) == [(new.id, 0)]
    new.end()
    assert (values(layout), all_sound(layout).info.incarnation) == ([100, 101, 102], new.opened.incarnation)


def test_a_file_system_that_numbers_folders_anew_stops_no_writer(layout, monkeypatch):
    writer = Writer(layout, rows_per_part=3).log_many(rows(0, 3))
    numbers = iter(range(100))
    monkeypatch.setattr(folder, "folder_identity", lambda folder: (0, next(numbers)))
    writer.log_many(rows(3, 10)).end()
    assert values(layout) == list(range(10))


@pytest.mark.parametrize("makes_anew", [False, True])
def test_training_goes_on_when_its_run_is_deleted(layout, makes_anew):
    session = Session(limits=WriterLimits(rows_per_part=3))
    run = session.init(store=layout.root, entity="ann", project="p", id="r", settings={"silent": True})
    run.log({"i": 0})
    delete(layout)
    new = anew(layout) if makes_anew else None
    told = warnings_of(lambda: [run.log({"i": i}) for i in range(1, 8)])
    assert ["rows are kept in memory" in message for message in told] == [True]
    told = warnings_of(run.finish)
    assert "rows or records of run ann/p/r could not be written and are lost" in told[-1]
    if new is None:
        assert not layout.run_dir(RUN).exists()
        assert listed(layout) == []
    else:
        new.end()
        assert (values(layout), part_names(layout)) == ([100, 101, 102], [(new.id, 0)])
        assert all_sound(layout).info.state == "finished"


@pytest.mark.parametrize("makes_anew", [False, True])
def test_a_forked_child_of_a_deleted_run_writes_nowhere(layout, makes_anew):
    parent = Writer(layout).log_many(rows(0, 3))
    delete(layout)
    new = anew(layout) if makes_anew else None
    with pytest.raises(StoreError, match="deleted by somebody else just now"):
        open_child(layout, parent.opened, prepare=None, clock=parent.clock)
    assert layout.run_dir(RUN).exists() == makes_anew
    assert not makes_anew or part_names(layout) == [(new.id, 0)]


def test_files_bring_no_deleted_run_back(layout, tmp_path):
    run = Session().init(store=layout.root, entity="ann", project="p", id="r", settings={"silent": True})
    run.log({"i": 0})
    trashed = delete(layout)
    (tmp_path / "m.txt").write_text("m")
    with pytest.raises(FileNotFoundError):
        run.save(tmp_path / "m.txt", base_path=tmp_path)
    with pytest.raises(NotFoundError, match="there is no run ann/p/r; was it deleted just now"):
        FolderFiles(layout).put_file(RUN, "d/m.txt", io.BytesIO(b"m"))
    assert "closing files" in warnings_of(run.finish)[0]
    assert not layout.run_dir(RUN).exists()
    assert restore_run(layout, trashed, "w") == RUN


# Opened while it is deleted ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("module", "moment", "resume"),
    [(inspect_here, "read_state", "allow"), (existing, "_is_deleted", None), (writers, "JournalWriter", "allow")],
)
def test_a_run_that_is_deleted_while_it_is_opened_again_begins_a_new_life(layout, meanwhile, module, moment, resume):
    old = Writer(layout).log_many(rows(0, 3)).end()
    meanwhile.before(module, moment, lambda: delete(layout))
    new = anew(layout, resume=resume)
    assert new.opened.incarnation != old.opened.incarnation
    assert new.opened.before is None
    assert listed(layout) == [("r", new.opened.incarnation, 3)]
    assert values(layout) == [100, 101, 102]


def test_a_run_that_is_deleted_while_it_is_resumed_cannot_be_gone_on_with(layout, meanwhile):
    Writer(layout).log_many(rows(0, 3)).end()
    meanwhile.after(inspect_here, "read_state", lambda: delete(layout))
    with pytest.raises(UsageError, match='there is no run "ann/p/r"'):
        anew(layout, resume="must")
    assert not layout.run_dir(RUN).exists()


def test_a_run_that_is_deleted_and_made_anew_while_it_is_resumed_is_gone_on_with_as_it_is(layout, meanwhile):
    Writer(layout).log_many(rows(0, 3)).end()
    made = []

    def delete_and_make_anew():
        delete(layout)
        made.append(anew(layout, at_s=-100_000.0).end())

    meanwhile.after(inspect_here, "read_state", delete_and_make_anew)
    resumed = Writer(layout, at_s=200.0, resume="must").log_many(rows(103, 105)).end()
    assert resumed.opened.incarnation == made[0].opened.incarnation
    assert values(layout) == list(range(100, 105))
    assert listed(layout) == [("r", resumed.opened.incarnation, 5)]
    assert len(part_names(layout)) == 2
    all_sound(layout)


# Deleters among themselves ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("resume", "at_s"), [(None, -100_000.0), ("allow", 100.0)])
def test_what_a_killed_deleter_left_is_no_obstacle_to_the_next_life(layout, at_s, resume):
    """The tombstone is written, the folder is not moved: the run is out of the listings, and its id is free."""
    old = Writer(layout).log_many(rows(0, 3)).end()
    delete_halfway(layout)
    assert listed(layout) == []
    new = anew(layout, at_s=at_s, resume=resume)
    assert listed(layout) == [("r", new.opened.incarnation, 3)]
    assert values(layout) == [100, 101, 102]
    (trashed,) = layout.trash_dir.iterdir()
    assert trashed.name.startswith(old.opened.incarnation)


@pytest.mark.parametrize("moment", ["read_run", "_note_death"])
def test_of_two_deleters_that_look_at_a_run_one_deletes(layout, meanwhile, moment):
    Writer(layout).log_many(rows(0, 3)).end()
    meanwhile.before(trash, moment, lambda: delete(layout))
    delete_in_vain(layout)


@pytest.mark.parametrize("step", ["make_folder", "move"])
def test_of_two_deleters_that_move_a_run_one_deletes(layout, step):
    Writer(layout).log_many(rows(0, 3)).end()
    place = layout.trash_dir if step == "make_folder" else layout.run_dir(RUN)
    with at_step(step, place, lambda: delete(layout)):
        delete_in_vain(layout)


def delete_in_vain(layout):
    with pytest.raises(NotFoundError):
        delete(layout)
    assert not layout.run_dir(RUN).exists()
    (trashed,) = layout.trash_dir.iterdir()
    restore_run(layout, trashed, "w")
    assert values(layout) == [0, 1, 2]


@CLOCKS
@pytest.mark.parametrize("moment", ["read_run", "_note_death"])
def test_a_deleter_that_comes_late_spares_the_next_run(layout, meanwhile, moment, at_s):
    Writer(layout).log_many(rows(0, 3)).end()
    made = []

    def delete_and_make_anew():
        delete(layout)
        made.append(anew(layout, at_s=at_s))

    meanwhile.before(trash, moment, delete_and_make_anew)
    with pytest.raises(NotFoundError, match="deleted by somebody else just now"):
        delete(layout)
    made[0].log_many(rows(103, 105)).end()
    assert values(layout) == list(range(100, 105))
    assert moment == "read_run" or listed(layout) == [("r", made[0].opened.incarnation, 5)]


def test_a_deleter_that_comes_late_spares_a_run_that_was_restored(layout):
    Writer(layout).log_many(rows(0, 3)).end()
    first = delete(layout)
    second = anew(layout).end()
    trashed = delete(layout)
    restore_run(layout, first, "w")
    with (
        at_step("move", layout.run_dir(RUN), lambda: (delete(layout), restore_run(layout, trashed, "w"))),
        pytest.raises(NotFoundError, match="deleted by somebody else just now"),
    ):
        delete(layout)
    assert list(layout.trash_dir.iterdir()) == [first]
    assert (values(layout), all_sound(layout).info.incarnation) == ([100, 101, 102], second.opened.incarnation)


# Readers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_reader_whose_run_is_deleted_says_so(layout, is_sealed):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    if is_sealed:
        seal_run(layout, RUN)

    def reader(snapshot):
        if layout.run_dir(RUN).exists():
            delete(layout)
        return [snapshot.scan(name) for name in snapshot.parts], [
            snapshot.segments.read(name) for meta in snapshot.metas for name in meta.files.values()
        ]

    with pytest.raises(NotFoundError, match=r'run "r" not in project|there is no project'):
        read_consistently(layout, RUN, reader)


@pytest.mark.parametrize("makes_anew", [False, True])
@pytest.mark.parametrize("place", range(1, 5))
def test_a_reader_whose_run_is_deleted_while_it_is_listed_does_not_call_it_damaged(
    layout, monkeypatch, place, makes_anew
):
    Writer(layout, rows_per_part=2).log_many(rows(0, 8)).end()
    real, calls = PartName.parse, []

    def parse(name):
        calls.append(name)
        if len(calls) == place:
            delete(layout)
            if makes_anew:
                anew(layout).end()
        return real(name)

    monkeypatch.setattr(PartName, "parse", parse)
    if makes_anew:
        assert values(layout) == [100, 101, 102]
    else:
        with pytest.raises(NotFoundError):
            values(layout)


@CLOCKS
@pytest.mark.parametrize("is_sealed", [False, True])
def test_a_reader_whose_run_is_made_anew_reads_the_new_one(layout, at_s, is_sealed, monkeypatch):
    Writer(layout, rows_per_part=3).log_many(rows(0, 8)).end()
    if is_sealed:
        seal_run(layout, RUN)
    from runlake.query.rows import scan

    Meanwhile(monkeypatch).before(scan, "view_of", lambda: (delete(layout), anew(layout, at_s=at_s).end()))
    assert values(layout) == [100, 101, 102]


# Restoring --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("resume", "is_sealed", "at_s"), [(None, False, 100.0), ("allow", True, -100_000.0)])
def test_a_run_that_is_restored_while_it_is_begun_anew_stays_one_run(layout, monkeypatch, resume, is_sealed, at_s):
    """The new one's folder is there and empty: the restored one takes its place."""
    old = Writer(layout).log_many(rows(0, 3)).end()
    if is_sealed:
        seal_run(layout, RUN)
    trashed = delete(layout)

    def restore():
        layout.run_dir(RUN).mkdir()
        monkeypatch.setattr(type(layout.root), "exists", lambda self: False)
        restore_run(layout, trashed, "w")
        monkeypatch.undo()

    with at_step("make_folder", layout.runs_dir("ann", "p"), restore):
        new = anew(layout, at_s=at_s, resume=resume).end()
    assert new.opened.incarnation == old.opened.incarnation
    # A host whose clock is behind has the earlier rows.
    assert sorted(values(layout)) == ([0, 1, 2, 100, 101, 102] if resume else [100, 101, 102])
    assert listed(layout) == [("r", old.opened.incarnation, 6 if resume else 3)]
    all_sound(layout)


@CLOCKS
@pytest.mark.parametrize("moment", ["_note_death", "_path_in"])
def test_a_run_that_is_begun_while_another_is_restored_stays(layout, meanwhile, moment, at_s):
    Writer(layout).log_many(rows(0, 3)).end()
    trashed = delete(layout)
    made = []
    meanwhile.before(trash, moment, lambda: made.append(anew(layout, at_s=at_s)))
    with pytest.raises(ConflictError):
        restore_run(layout, trashed, "w")
    made[0].end()
    assert (values(layout), trashed.is_dir()) == ([100, 101, 102], True)
    assert listed(layout) == [("r", made[0].opened.incarnation, 3)]


def test_of_two_that_restore_one_run_one_does(layout, meanwhile):
    Writer(layout).log_many(rows(0, 3)).end()
    trashed = delete(layout)
    catalog = new_catalog(layout)
    assert listed(layout, catalog) == []
    meanwhile.before(trash, "_note_death", lambda: restore_run(layout, trashed, "w"))
    with pytest.raises((ConflictError, NotFoundError)):
        restore_run(layout, trashed, "w")
    assert values(layout) == [0, 1, 2]
    assert len(listed(layout, catalog)) == 1


def test_a_run_that_was_restored_is_not_deleted_by_an_opener_that_looked_before(layout, meanwhile):
    """The opener has seen the tombstone of a deleter that was interrupted, and would finish its work."""
    old = Writer(layout).log_many(rows(0, 3)).end()
    delete_halfway(layout)

    def delete_and_restore():
        restore_run(layout, delete(layout), "w")

    meanwhile.before(existing, "_finish_deletion", delete_and_restore)
    new = anew(layout, resume="allow").end()
    assert new.opened.incarnation == old.opened.incarnation
    assert values(layout) == [0, 1, 2, 100, 101, 102]
    assert listed(layout) == [("r", old.opened.incarnation, 6)]
    assert list(layout.trash_dir.iterdir()) == []


def test_a_deleter_before_which_the_run_was_restored_has_deleted_it(layout):
    """A tombstone that is cancelled would let another copy of the store bring the run back."""
    Writer(layout).log_many(rows(0, 3)).end()
    with at_step("make_folder", layout.trash_dir, lambda: restore_run(layout, delete(layout), "w")):
        trashed = delete(layout)
    assert listed(layout) == []
    death = changes_of(layout, "ann", "p").latest_death(trashed.name.partition("-")[0])
    assert death.action == "delete"


# Repairing --------------------------------------------------------------------------------------------------------

MOMENTS = pytest.mark.parametrize(
    ("module", "moment"),
    [
        (repair, "examine"),
        (repair_steps, "segments_of"),
        (repair, "walk_writer"),
        (repair, "number_parts"),
        (repair, "is_alive"),
    ],
    ids=["examine", "segments_of", "walk_writer", "number_parts", "is_alive"],
)


@MOMENTS
def test_a_run_that_is_deleted_while_it_is_repaired_is_not_there(layout, meanwhile, module, moment):
    Writer(layout, rows_per_part=2).log_many(rows(0, 5)).die()
    meanwhile.before(module, moment, lambda: delete(layout))
    with pytest.raises(NotFoundError, match="is not in"):
        repair_run(layout, RUN)
    assert not layout.run_dir(RUN).exists()


@CLOCKS
@MOMENTS
def test_a_repair_of_a_run_leaves_nothing_in_the_next_one(layout, meanwhile, module, moment, at_s):
    Writer(layout, rows_per_part=2).log_many(rows(0, 5)).die()
    made = []
    meanwhile.before(module, moment, lambda: (delete(layout), made.append(anew(layout, at_s=at_s))))
    assert repair_run(layout, RUN) == []
    assert part_names(layout) == [(made[0].id, 0)]
    made[0].log_many(rows(103, 105)).end()
    assert (values(layout), all_sound(layout).info.incarnation) == (list(range(100, 105)), made[0].opened.incarnation)


def test_a_repair_that_has_all_it_needs_publishes_nothing_in_the_next_run(layout, meanwhile):
    Writer(layout, rows_per_part=2).log_many(rows(0, 5)).die()
    made = []
    meanwhile.before(
        repair_steps, "publish_meta", lambda: (delete(layout), made.append(anew(layout)), seal_run(layout, RUN))
    )
    assert repair_run(layout, RUN) == []
    assert segments_of(layout, RUN).list_names() == set()
    made[0].end()
    assert (values(layout), all_sound(layout).info.incarnation) == ([100, 101, 102], made[0].opened.incarnation)


@MOMENTS
@pytest.mark.parametrize("dry", [False, True])
def test_what_is_sealed_while_it_is_repaired_is_not_missing(layout, meanwhile, monkeypatch, module, moment, dry):
    """Without locks a sealer may be at work at the same moment."""
    monkeypatch.setattr(disk, "fcntl", None)
    Writer(layout, rows_per_part=2).log_many(rows(0, 5)).end()
    seal_run(layout, RUN)
    Writer(layout, rows_per_part=2, at_s=100.0, resume="allow").log_many(rows(5, 9)).end()
    meanwhile.before(module, moment, lambda: seal_run(layout, RUN))
    assert repair_run(layout, RUN, is_dry_run=dry) == []
    assert values(layout) == list(range(9))
    all_sound(layout)
