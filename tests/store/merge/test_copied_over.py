"""Two copies of one store that went their own ways, copied over each other as rsync does, read as the union."""

import shutil
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runlake.model import RunPath
from runlake.query.rows.scan import read_history
from runlake.service.local.service import LocalService
from runlake.store.care.check import check_run
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.opening import trash
from runlake.store.run.overlap import without_repeats
from runlake.store.run.snapshot import take_snapshot
from runlake.store.run.state import read_run
from runlake.store.segment.meta import Meta, RowRange
from stored import RUN, Writer, as_dicts, edit_config, segment_files
from whole_run import everything

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs the cp of GNU")


def copy_over(source, target):
    """What the page about many machines says rsync does: newer files win, nothing is removed, the catalog goes."""
    subprocess.run(["cp", "-a", "--update", f"{source.root}/.", target.root], check=True)
    shutil.rmtree(target.root / ".catalog", ignore_errors=True)


@pytest.fixture
def ours(tmp_path):
    return FolderStore(tmp_path / "ours")


@pytest.fixture
def theirs(tmp_path):
    return FolderStore(tmp_path / "theirs")


def listed(layout):
    service = LocalService(layout.root, default_entity="ann")
    runs = [run for each in service.list_projects() for run in service.list_runs(each.entity, each.name).runs]
    return {run.run_id: (run.row_count, len(as_dicts(read_history(layout, run.path))), run.config) for run in runs}


@pytest.mark.parametrize("sizes", [(1, 2**27), (2**27, 1), (1, 400), (400, 2**27), (2**27, 2**27)])
def test_a_run_that_was_sealed_in_two_ways_is_read_once(ours, theirs, sizes):
    Writer(theirs, rows_per_part=7).log_many({"i": i, "x": i / 3} for i in range(40)).end()
    copy_over(theirs, ours)
    before = everything(theirs)
    for layout, size_bytes in zip((ours, theirs), sizes, strict=True):
        seal_run(layout, RUN, segment_bytes=size_bytes)
    copy_over(theirs, ours)
    assert everything(ours) == before
    seal_run(ours, RUN)
    assert everything(ours) == before
    assert len([name for name in segment_files(ours) if name.endswith(".meta")]) == 1
    assert check_run(ours, RUN) == []


def test_edits_that_each_copy_sealed_anew_with_the_run_are_all_there(ours, theirs):
    Writer(theirs).log_many({"i": i, "x": i / 3} for i in range(600)).end()
    seal_run(theirs, RUN)
    copy_over(theirs, ours)
    for layout, name, at_s in ((ours, "ours", 1000), (theirs, "theirs", 2000)):
        edit_config(layout, {name: 1, "both": name}, at_s=at_s)
        seal_run(layout, RUN)
    before = everything(theirs)
    copy_over(theirs, ours)
    info, *rows = everything(ours)
    assert (info.config, info.row_count) == ({"ours": 1, "theirs": 1, "both": "theirs"}, 600)
    assert (rows, info.summary) == (list(before[1:]), before.info.summary)
    assert take_snapshot(ours, RUN).has_repeats
    seal_run(ours, RUN)
    assert (everything(ours), check_run(ours, RUN)) == ((info, *rows), [])
    assert not take_snapshot(ours, RUN).has_repeats


def test_a_living_run_is_copied_again_and_again(ours, theirs):
    writer = Writer(theirs, rows_per_part=3)
    for number in range(8):
        writer.log({"i": number})
        copy_over(theirs, ours)
        assert listed(ours) == {"r": (number + 1, number + 1, {})}
    copy_over(ours, theirs)
    writer.log({"i": 8}).end()
    seal_run(theirs, RUN)
    copy_over(theirs, ours)
    assert listed(ours) == listed(theirs) == {"r": (9, 9, {})}
    assert read_run(ours, RUN) == read_run(theirs, RUN)


@pytest.mark.slow
@settings(max_examples=10)
@given(
    st.lists(st.tuples(st.sampled_from([0, 1]), st.sampled_from("ab"), st.sampled_from(["edit", "seal", "rm", "new"])))
)
def test_any_two_copies_read_as_the_union(tmp_path_factory, steps):
    root = tmp_path_factory.mktemp("stores")
    layouts = FolderStore(root / "one"), FolderStore(root / "two")
    for name in "ab":
        Writer(layouts[0], path=RunPath("ann", "p", name), rows_per_part=2).log_many([{"i": 0}] * 5).end()
    copy_over(layouts[0], layouts[1])
    model = {name: (5, 5, {}) for name in "ab"}
    gone = set()
    for number, (side, name, action) in enumerate(steps):
        path = RunPath("ann", "p", name)
        if action == "new":
            Writer(layouts[side], path=RunPath("ann", "p", f"new{number}")).log({"i": number}).end()
            model[f"new{number}"] = (1, 1, {})
        elif (side, name) in gone:
            continue
        elif action == "edit":
            edit_config(layouts[side], {"last": number, f"k{number}": side}, path=path, at_s=100 * number + 100)
            model[name] = (5, 5, model[name][2] | {"last": number, f"k{number}": side})
        elif action == "seal":
            seal_run(layouts[side], path)
        else:
            trash.move_run_to_trash(layouts[side], path, "w")
            gone.add((side, name))
    for name in {name for _, name in gone}:
        del model[name]
    copy_over(layouts[0], layouts[1])
    copy_over(layouts[1], layouts[0])
    assert [listed(layout) for layout in layouts] == [model, model]
    for name in model:
        seal_run(layouts[0], RunPath("ann", "p", name))
        assert check_run(layouts[0], RunPath("ann", "p", name)) == []
    assert listed(layouts[0]) == model


# Which segments are read, as plain values ----------------------------------------------------------------------------


def meta(name, *covers):
    stretches = [RowRange(writer, "history", 0, 1) for writer in sorted({writer for writer, _ in covers})]
    return Meta(1, name, "i", "g", list(covers), [], {}, {}, {}, stretches, [])


def parts(writer, first, last):
    return [(writer, number) for number in range(first, last + 1)]


def covers(metas):
    return {each.name: each.covers for each in without_repeats(metas)}


def test_segments_without_repeats_are_left_as_they_are():
    metas = [meta("a", *parts("w", 0, 2)), meta("b", *parts("w", 3, 4), ("e", 0))]
    assert without_repeats(metas) is metas


def test_the_chain_to_the_end_counts_and_of_two_the_shorter():
    one = [meta("a", *parts("w", 0, 1)), meta("b", *parts("w", 2, 5))]
    two = [meta("c", *parts("w", 0, 2)), meta("d", *parts("w", 3, 4))]
    assert covers([*one, *two]) == {"a": parts("w", 0, 1), "b": parts("w", 2, 5)}
    whole = meta("z", *parts("w", 0, 5))
    assert covers([*one, *two, whole]) == {"z": parts("w", 0, 5)}


def test_a_segment_counts_only_for_the_writers_that_no_other_has_better():
    metas = [meta("a", ("w", 0), ("e", 0)), meta("b", ("w", 0), ("f", 0))]
    assert covers(metas) == {"a": [("w", 0), ("e", 0)], "b": [("f", 0)]}
    assert [stretch.writer for stretch in without_repeats(metas)[1].stretches] == ["f"]


def test_nothing_is_hidden_where_a_segment_is_missing():
    metas = [meta("a", *parts("w", 0, 2)), meta("b", *parts("w", 2, 3))]
    assert covers(metas) == {"a": parts("w", 0, 2), "b": parts("w", 2, 3)}
