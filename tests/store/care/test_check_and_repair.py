"""What `check` finds is what `repair` mends, or names as what it leaves: nothing is seen by the one alone."""

import random
import shutil

import pytest
from stepping import Killed, die
from tests import hostile

from runlake.errors import RunlakeError
from runlake.store import disk
from runlake.store.care.check import check_run
from runlake.store.care.repair import repair_run
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.journal import PartName
from runlake.store.run.snapshot import reading
from runlake.store.segment.folder import segments_of
from runlake.store.segment.meta import read_meta
from stored import RUN, Writer, edit_config
from whole_run import everything


def crashed(layout):
    """25 rows in two closed parts and an open one."""
    many = [{"i": i, "x": i / 3} if i % 3 else {"i": i, "s": f"t{i}", "l": [i]} for i in range(25)]
    Writer(layout, rows_per_part=10, start={"set": {"lr": 1}}).log_many(many).die()


def sealed(layout):
    """40 rows and an event in a segment."""
    many = [{"i": i, "x": i / 3} if i % 2 else {"i": i, "n": None} for i in range(40)]
    Writer(layout).log_many(many).log({"cpu": 1.5}, stream="events").end()
    seal_run(layout, RUN)


def sealed_in_between(layout):
    """Three segments of one writer, a part behind them, an edit and a resumed session."""
    writer = Writer(layout, rows_per_part=10)
    for end in (31, 45, 60):
        writer.log_many({"i": i} for i in range(writer.step, end))
        seal_run(layout, RUN)
    writer.die()
    edit_config(layout, {"lr": 2}, at_s=1000.0)
    Writer(layout, resume="allow", rows_per_part=7, at_s=2000.0).log_many({"i": i} for i in range(20)).end()


def resumed(layout):
    """Three sessions, the first two in segments, the last without a word of its end."""
    Writer(layout, rows_per_part=10, start={"set": {"lr": 1}}).log_many({"i": i} for i in range(25)).end()
    seal_run(layout, RUN)
    Writer(layout, resume="allow", rows_per_part=7, at_s=2000.0).log_many({"i": i} for i in range(20)).end()
    seal_run(layout, RUN)
    Writer(layout, resume="allow", rows_per_part=7, at_s=4000.0).log_many({"i": i} for i in range(20)).die()


RUNS = {kind.__name__: kind for kind in (crashed, sealed, sealed_in_between, resumed)}


def flip(data, place, size):
    return data[:place] + bytes([data[place] ^ (1 << size % 8)]) + data[place + 1 :]


def spoil(data, place, size):
    return data[:place] + bytes(byte ^ 0x15 for byte in data[place : place + size]) + data[place + size :]


def zero(data, place, size):
    return data[:place] + bytes(len(data[place : place + size])) + data[place + size :]


def cut(data, place, size):
    return data[:place]


def lengthen(data, place, size):
    return data + bytes(size)


def lose(data, place, size):
    return None


def harm(layout, kind, which, place, size):
    """One kind of damage to one of the run's files; nothing where nothing is left of it."""
    run_dir = layout.run_dir(RUN)
    named = [*sorted(run_dir.glob("journal/*.part")), *sorted(run_dir.glob("segments/[0-9a-f]*"))]
    files = [file for file in named if file.is_file()]
    if not files:
        return
    file = files[which % len(files)]
    content = file.read_bytes()
    content = kind(content, place % len(content), size) if content else None
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


def lose_segment(layout, which):
    """All files of one segment."""
    folder = layout.segments_dir(RUN)
    names = sorted({file.stem.partition("-")[0] for file in folder.glob("[0-9a-f]*")})
    for file in folder.glob(f"{names[which % len(names)]}*") if names else ():
        file.unlink()


def kill(layout, which):
    """A repair or a sealer that is killed before one of its steps."""
    left = 1 + which // 2

    def watcher(step, place):
        nonlocal left
        if step not in ("list", "read", "lock"):
            left -= 1
            if left == 0:
                die()

    try:
        with disk.watched(watcher):
            (seal_run if which % 2 else repair_run)(layout, RUN)
    except (Killed, RunlakeError):
        pass


def text_of_others(place, layout):
    place.write_text("this is somebody's text, long enough for a frame, really")


def empty_file(place, layout):
    place.write_bytes(b"")


def begun_head(place, layout):
    place.write_bytes(record.MAGIC)


def other_part(place, layout):
    """A part of the run under a name that is not its own; a text where there is none."""
    parts = [file for file in sorted(layout.journal_dir(RUN).glob("*.part")) if file.is_file()]
    place.write_bytes(parts[0].read_bytes() if parts else b"this is somebody's text, long enough for a frame")


def folder(place, layout):
    place.unlink(missing_ok=True)
    place.mkdir()


def dead_link(place, layout):
    place.unlink(missing_ok=True)
    place.symlink_to("nowhere")


STRANGERS = (text_of_others, empty_file, begun_head, other_part, folder, dead_link)


def bring(layout, stranger, which, ahead, name="{}-{:03d}.part"):
    """Something of nobody, under a name that a writer of the run might give to a part."""
    folder = layout.journal_dir(RUN)
    parts = [PartName.parse(file.name) for file in sorted(folder.glob("*.part"))]
    covered = [PartName(*part) for meta in metas_of(layout) for part in meta.covers]
    names = sorted({part for part in (*parts, *covered) if part})
    if names:
        chosen = names[which % len(names)]
        newest = max(part.number for part in names if part.writer == chosen.writer)
        place = folder / name.format(chosen.writer, newest + ahead)
        if not place.is_dir() and not place.is_symlink():
            stranger(place, layout)


def metas_of(layout):
    for name in segments_of(layout, RUN).list_names():
        try:
            yield read_meta(segments_of(layout, RUN), name)
        except RunlakeError:
            continue


def file_of(told):
    return told.place.partition(", byte ")[0]


def check_that_both_see_the_same(layout, path=RUN):
    """The law of this file, for one run whose processes are gone. Answers what was found."""
    found = check_run(layout, path)
    foreseen = repair_run(layout, path, is_dry_run=True)
    assert check_run(layout, path) == found
    repairs = repair_run(layout, path)
    assert {file_of(repair) for repair in foreseen} == {file_of(repair) for repair in repairs}
    assert {file_of(finding) for finding in found} <= {file_of(repair) for repair in repairs}
    left = {file_of(repair) for repair in repairs if not repair.is_mended}
    assert {file_of(finding) for finding in check_run(layout, path)} <= left
    again = repair_run(layout, path)
    assert {file_of(repair) for repair in again} <= left
    if not again and path == RUN and [*metas_of(layout)]:
        everything(layout)
    return found


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store with each of the runs."""
    found = {}
    for name, make in RUNS.items():
        found[name] = FolderStore(tmp_path_factory.mktemp(name) / "store")
        make(found[name])
    return found


KINDS = (flip, spoil, zero, cut, lengthen, lose)
SEEDS = [seed if seed < 6 else pytest.param(seed, marks=pytest.mark.long) for seed in range(60)]


@pytest.mark.parametrize("seed", SEEDS)
def test_of_killed_repairs_lost_segments_and_strangers_nothing_is_kept_silent(stores, tmp_path, seed):
    choose = random.Random(seed)
    layout = FolderStore(shutil.copytree(stores[choose.choice(sorted(RUNS))].root, tmp_path / "store"))
    for _ in range(choose.randint(1, 3)):
        which = choose.randrange(30)
        how = choose.choice(("harm", "lose", "kill", "bring", "bring"))
        if how == "harm":
            harm(layout, choose.choice(KINDS), which, choose.randrange(5000), choose.randint(1, 200))
        elif how == "lose":
            lose_segment(layout, which)
        elif how == "kill":
            kill(layout, which)
        else:
            name = choose.choice(("{}-{:03d}.part", "{}-{:04d}.part", "{}r0000000a-{:03d}.part"))
            bring(layout, choose.choice(STRANGERS), which, choose.randint(0, 2), name)
    check_that_both_see_the_same(layout)


@pytest.mark.parametrize("stranger", [text_of_others, other_part, folder, dead_link])
def test_a_stranger_behind_the_parts_of_a_writer_proves_nothing_of_them(stores, tmp_path, stranger):
    layout = FolderStore(shutil.copytree(stores["crashed"].root, tmp_path / "store"))
    bring(layout, stranger, 0, 3)
    (found,) = check_that_both_see_the_same(layout)
    (repair,) = repair_run(layout, RUN)
    assert (found.kind, repair.kind, repair.is_mended, file_of(repair)) == ("foreign", "foreign", False, file_of(found))
    place = layout.run_dir(RUN) / file_of(found)
    place.rmdir() if place.is_dir() else place.unlink()
    assert (len(everything(layout).rows["history"]), check_run(layout, RUN)) == (25, [])


def test_of_a_living_writer_no_stranger_hides_that_it_lives(tmp_path):
    layout = FolderStore(tmp_path / "store")
    writer = Writer(layout).log({"i": 0})
    bring(layout, text_of_others, 0, 1)
    bring(layout, text_of_others, 0, 2)
    assert {(repair.kind, repair.is_mended) for repair in repair_run(layout, RUN)} == {("foreign", False)}
    writer.end()


@pytest.mark.parametrize("number", ["0001", "١٢٣"])
def test_a_number_written_otherwise_is_no_name_of_a_part(stores, tmp_path, number):
    layout = FolderStore(shutil.copytree(stores["crashed"].root, tmp_path / "store"))
    bring(layout, text_of_others, 0, 0, "{}-" + number + ".part")
    assert len(everything(layout).rows["history"]) == 25
    assert [finding.kind for finding in check_that_both_see_the_same(layout)] == ["foreign"]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [cut, *(pytest.param(kind, marks=pytest.mark.long) for kind in (spoil, zero))])
def test_what_a_killed_repair_left_and_was_damaged_since_is_made_anew(stores, tmp_path, kind):
    whole = everything(stores["crashed"])
    for which in range(2, 30, 4):
        layout = FolderStore(shutil.copytree(stores["crashed"].root, tmp_path / f"store-{which}"))
        kill(layout, which)
        left = [*layout.segments_dir(RUN).glob("*.parquet")]
        if not left or [*metas_of(layout)]:
            continue
        for file in left:
            data = file.read_bytes()
            file.write_bytes(kind(data, len(data) - 100, 50))
        check_that_both_see_the_same(layout)
        assert everything(layout) == whole


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_found_is_mended_or_named(stores, tmp_path, seed):
    choose = random.Random(seed)
    layout = FolderStore(shutil.copytree(stores[choose.choice(sorted(RUNS))].root, tmp_path / "store"))
    for _ in range(choose.randint(1, 4)):
        harm(layout, choose.choice(KINDS), choose.randrange(20), choose.randrange(5000), choose.randint(1, 200))
    check_that_both_see_the_same(layout)


def test_what_is_none_of_a_run_is_named_by_both(stores, tmp_path):
    layout = FolderStore(shutil.copytree(stores["sealed_in_between"].root, tmp_path / "store"))
    (layout.journal_dir(RUN) / "notes.txt").write_text("hello")
    (layout.segments_dir(RUN) / "export.csv").write_text("a\n")
    assert [finding.kind for finding in check_that_both_see_the_same(layout)] == ["foreign", "foreign"]


HOSTILE = [*hostile.hostile_journals(), *hostile.hostile_metas()]


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [HOSTILE[::8], pytest.param(HOSTILE, marks=pytest.mark.long)], ids=["some", "all"])
def test_of_what_means_nothing_a_repair_names_all_that_it_leaves(tmp_path, kinds):
    hostile.begin(tmp_path / "store")
    layout = FolderStore(tmp_path / "store")
    silent = {}
    for path, kind in hostile.spoil_many(layout.root, kinds).items():
        try:
            with reading(path):
                check_that_both_see_the_same(layout, path)
        except RunlakeError:
            continue  # a repair that is refused says so
        except AssertionError as error:
            silent[kind] = error
    assert silent == {}
