"""What `check` finds is what `repair` mends, or names as what it leaves: nothing is seen by the one alone."""

import random
import shutil

import pytest
from tests import hostile

from runlake.errors import RunlakeError
from runlake.store.care.check import check_run
from runlake.store.care.repair import repair_run
from runlake.store.compact.seal import seal_run
from runlake.store.layout import Layout
from runlake.store.run.snapshot import reading
from stored import RUN, Writer, edit_config


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


RUNS = {kind.__name__: kind for kind in (crashed, sealed, sealed_in_between)}


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
    files = [*sorted(run_dir.glob("journal/*.part")), *sorted(run_dir.glob("segments/[0-9a-f]*"))]
    if not files:
        return
    file = files[which % len(files)]
    content = file.read_bytes()
    content = kind(content, place % len(content), size) if content else None
    if content is None:
        file.unlink()
    else:
        file.write_bytes(content)


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
    assert {file_of(repair) for repair in repair_run(layout, path)} <= left
    return found


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """A store with each of the runs."""
    found = {}
    for name, make in RUNS.items():
        found[name] = Layout(tmp_path_factory.mktemp(name) / "store")
        make(found[name])
    return found


KINDS = (flip, spoil, zero, cut, lengthen, lose)
SEEDS = [seed if seed < 8 else pytest.param(seed, marks=pytest.mark.long) for seed in range(60)]


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_found_is_mended_or_named(stores, tmp_path, seed):
    choose = random.Random(seed)
    layout = Layout(shutil.copytree(stores[choose.choice(sorted(RUNS))].root, tmp_path / "store"))
    for _ in range(choose.randint(1, 4)):
        harm(layout, choose.choice(KINDS), choose.randrange(20), choose.randrange(5000), choose.randint(1, 200))
    check_that_both_see_the_same(layout)


def test_what_is_none_of_a_run_is_named_by_both(stores, tmp_path):
    layout = Layout(shutil.copytree(stores["sealed_in_between"].root, tmp_path / "store"))
    (layout.journal_dir(RUN) / "notes.txt").write_text("hello")
    (layout.segments_dir(RUN) / "export.csv").write_text("a\n")
    assert [finding.kind for finding in check_that_both_see_the_same(layout)] == ["foreign", "foreign"]


HOSTILE = [*hostile.hostile_journals(), *hostile.hostile_metas()]


@pytest.mark.parametrize("kinds", [HOSTILE[::8], pytest.param(HOSTILE, marks=pytest.mark.long)], ids=["some", "all"])
def test_of_what_means_nothing_a_repair_names_all_that_it_leaves(tmp_path, kinds):
    hostile.begin(tmp_path / "store")
    layout = Layout(tmp_path / "store")
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
