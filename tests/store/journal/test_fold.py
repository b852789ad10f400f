"""What a reader sees of a run: every record and row replayed, the later one winning."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import NotFoundError
from runlake.model import MetricRule
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.fold import StreamFold, WriterState, fold_run
from runlake.store.journal.rules import rule_for
from runlake.store.run.snapshot import take_snapshot
from runlake.store.run.state import fold_rows, read_run, read_state, state_of_part
from runlake.store.series import Series, WriterRows
from runlake.values import flatten
from stored import RUN, START_S, Writer, edit, edit_config, rows_as_written


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


@pytest.fixture
def writer(layout):
    return Writer(layout)


def summary_of(layout):
    return read_run(layout, RUN).summary


def set_summary(writer, values, *unset):
    writer.clock.after(1.0)
    return writer.record(record.SUMMARY, {"set": flatten(values), "unset": list(unset)})


def define(writer, name, *summary, **more):
    rule = {
        "name": name,
        "summary": list(summary),
        "step_metric": None,
        "step_sync": False,
        "hidden": False,
        "goal": None,
    }
    return writer.record(record.DEFINE, {"rule": rule | more})


# Summary


def test_the_last_value_of_each_key_is_its_summary(layout, writer):
    writer.log({"loss": 2.0, "n": 1}).log({"loss": 1.0}).log({"acc": 0.5, "deep": {"x": [1, 2]}})
    assert summary_of(layout) == {"loss": 1.0, "n": 1, "acc": 0.5, "deep": {"x": [1, 2]}}


def test_a_dotted_key_and_a_nested_one_stay_apart(layout, writer):
    writer.log({"a": {"b": 1}, "a.b": 2})
    assert summary_of(layout) == {"a": {"b": 1}, "a.b": 2}


def test_a_value_that_was_set_stands_until_the_key_is_logged_again(layout, writer):
    writer.log({"best": 1, "other": 1})
    set_summary(writer, {"best": 99, "mine": "x"})
    assert summary_of(layout) == {"best": 99, "other": 1, "mine": "x"}
    writer.log({"best": 2})
    assert summary_of(layout) == {"best": 2, "other": 1, "mine": "x"}


def test_a_row_beats_an_earlier_edit_of_its_writer_whatever_the_clock_says(layout, writer):
    set_summary(writer, {"x": 1})
    writer.clock.after(-1000.0)
    writer.log({"x": 2})
    assert summary_of(layout)["x"] == 2


def test_setting_a_dict_replaces_what_was_below_and_removing_removes(layout, writer):
    set_summary(writer, {"a": {"old": 1}, "b": 1})
    set_summary(writer, {"a": {"new": 2}}, "a")
    set_summary(writer, {}, "b", "not.there")
    assert summary_of(layout) == {"a": {"new": 2}}


def test_an_edit_by_somebody_else_beats_rows_that_are_older_and_no_others(layout, writer):
    writer.log({"x": 1, "y": 1})
    edit(layout, record.SUMMARY, {"set": {"x": 10, "y": 10}}, at_s=5.0)
    writer.clock.after(60.0)
    writer.log({"y": 2})
    assert summary_of(layout) == {"x": 10, "y": 2}


def test_an_edit_made_with_a_clock_that_is_slow_still_comes_after_what_its_maker_saw(layout, writer):
    writer.log({"x": 1})
    edit(layout, record.SUMMARY, {"set": {"x": 10}}, at_s=-5000.0)
    edit(layout, record.SUMMARY, {"set": {"x": 20}}, at_s=-9000.0)
    assert summary_of(layout) == {"x": 20}


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        (("min",), {"min": 1.0}),
        (("max",), {"max": 4.0}),
        (("mean",), {"mean": 2.5}),
        (("first",), {"first": 4.0}),
        (("last",), {"last": 3.0}),
        (("min", "max"), {"min": 1.0, "max": 4.0}),
    ],
)
def test_aggregates_are_kept_below_the_metric(layout, writer, wanted, kept):
    define(writer, "loss", *wanted)
    writer.log_many([{"loss": v} for v in (4.0, 1.0, math.nan, 2.0, 3.0)])
    assert summary_of(layout) == {"loss": kept}


@pytest.mark.parametrize(
    "logged",
    [
        [4, 2**60 + 1, -(2**60) - 1],
        [1, 1.0, 2.5, 2, 2.0],
        [1.0, 1, 2.0, 2],
        [math.nan, 3, 2**60 + 1, float(2**60), 0.5],
        [True, 2, "x", 3.0],
    ],
)
def test_aggregates_are_the_very_numbers_that_were_logged_sealed_or_not(layout, writer, logged):
    define(writer, "x", "min", "max", "first", "last", "best")
    numbers = [value for value in logged if type(value) in (int, float) and value == value]
    expected = {
        "min": min(numbers),
        "max": max(numbers),
        "first": numbers[0],
        "last": logged[-1],
        "best": min(numbers),
    }
    for value in logged:
        writer.log({"x": value})
        seal_run(layout, RUN)
    assert repr(summary_of(layout)["x"]) == repr(expected)
    writer.end()
    seal_run(layout, RUN)
    assert repr(summary_of(layout)["x"]) == repr(expected)
    low, high, _, _, first = read_state(layout, RUN).numbers["x"]
    assert repr((low, high, first)) == repr((expected["min"], expected["max"], expected["first"]))


@pytest.mark.parametrize(("goal", "best"), [(None, 1.0), ("minimize", 1.0), ("maximize", 4.0)])
def test_the_best_value_follows_the_goal(layout, writer, goal, best):
    define(writer, "loss", "best", goal=goal)
    writer.log_many([{"loss": v} for v in (4.0, 1.0, 2.0)])
    assert summary_of(layout) == {"loss": {"best": best}}


def test_none_keeps_nothing_and_copy_the_last_value(layout, writer):
    define(writer, "a", "none")
    define(writer, "b", "copy")
    writer.log({"a": 1, "b": 1}).log({"a": 2, "b": 2})
    assert summary_of(layout) == {"b": 2}


def test_aggregates_go_over_everything_a_run_logged_resumed_or_not(layout, writer):
    define(writer, "loss", "min", "mean")
    writer.log_many([{"loss": 1.0}, {"loss": 3.0}]).end()
    Writer(layout, at_s=100.0, resume="must").log({"loss": 8.0})
    assert summary_of(layout) == {"loss": {"min": 1.0, "mean": 4.0}}
    assert read_state(layout, RUN).numbers == {"loss": (1.0, 8.0, 12.0, 3, 1.0)}


def test_a_rule_of_its_own_name_comes_before_a_glob():
    rules = {r.name: r for r in (MetricRule("val/*", summary=("max",)), MetricRule("val/loss", summary=("min",)))}
    assert rule_for("val/loss", rules) == rules["val/loss"]
    assert rule_for("val/acc", rules) == rules["val/*"]
    assert rule_for("train/acc", rules) is None
    assert rule_for("val\\.x", {}) is None


# Config, tags and the like


def test_config_starts_with_the_run_and_is_edited_key_by_key(layout):
    writer = Writer(layout, start={"set": flatten({"lr": 0.1, "net": {"depth": 3, "width": 8}})})
    writer.record(record.CONFIG, {"set": {"net.depth": 4}, "unset": ["net.width"]})
    edit_config(layout, {"note": "x"})
    assert read_run(layout, RUN).config == {"lr": 0.1, "net": {"depth": 4}, "note": "x"}


def test_two_people_who_edit_different_keys_keep_both(layout, writer):
    writer.end()
    edit_config(layout, {"a": 1}, at_s=10.0)
    edit_config(layout, {"b": 2}, at_s=10.0)
    assert read_run(layout, RUN).config == {"a": 1, "b": 2}


def test_name_tags_and_notes_can_be_edited_and_emptied(layout):
    writer = Writer(layout, start={"name": "calm-sea-1", "tags": ["a"], "notes": "old", "group": "g"})
    writer.record(record.INFO, {"tags": ["b", "c"], "notes": None})
    info = read_run(layout, RUN)
    assert (info.name, info.tags, info.notes, info.group) == ("calm-sea-1", ("b", "c"), None, "g")


def test_a_run_without_a_name_is_called_by_its_id(layout, writer):
    assert read_run(layout, RUN).name == "r"


# Life


def test_counts_steps_and_times_are_those_of_the_rows(layout, writer):
    writer.log({"a": 1}, step=7).log({"a": 2}, step=3)
    writer.log({"system.cpu": 5.0}, stream="events").log({"system.cpu": 6.0}, stream="events")
    writer.log({"line": 0, "text": "hi"}, stream="console")
    info = read_run(layout, RUN)
    assert (info.row_count, info.event_count, info.console_line_count, info.last_step) == (2, 2, 1, 7)
    assert (info.created_at, info.last_row_at, info.runtime_s) == (START_S, START_S + 2.0, 4.0)
    assert info.heartbeat_at == START_S + 5.0
    assert info.system_metrics == {"system.cpu": 6.0}


@pytest.mark.parametrize(
    ("ending", "state", "exit_code"),
    [
        ({"exit_code": 0}, "finished", 0),
        ({"exit_code": 3}, "failed", 3),
        ({"exit_code": 143, "state": "killed"}, "killed", 143),
    ],
)
def test_a_run_ends_as_it_says(layout, writer, ending, state, exit_code):
    writer.end(**ending)
    info = read_run(layout, RUN)
    assert (info.state, info.exit_code) == (state, exit_code)


def test_a_run_whose_process_lives_is_running_and_one_whose_process_is_gone_has_crashed(layout, writer):
    writer.log({"a": 1})
    assert read_run(layout, RUN).state == "running"
    writer.die()
    assert read_run(layout, RUN).state == "crashed"


def test_an_edit_brings_no_crashed_run_back_to_life(layout, writer):
    writer.log({"a": 1}).die()
    edit_config(layout, {"x": 1}, at_s=500.0)
    info = read_run(layout, RUN)
    assert (info.state, info.heartbeat_at) == ("crashed", START_S + 1.0)


def test_a_crashed_run_that_was_resumed_is_what_the_last_process_says(layout, writer):
    writer.log({"a": 1}).die()
    second = Writer(layout, at_s=100.0, resume="must")
    assert read_run(layout, RUN).state == "running"
    second.log({"a": 2}).end()
    info = read_run(layout, RUN)
    assert (info.state, info.row_count, info.last_step, info.summary) == ("finished", 2, 1, {"a": 2})


def test_the_newest_attempt_is_all_that_readers_see(layout, writer):
    writer.record(record.CONFIG, {"set": {"old": 1}}).log({"a": 1}).end(exit_code=1)
    Writer(layout, at_s=100.0, start={"set": {"new": 1}}).log({"b": 1})
    info = read_run(layout, RUN)
    assert (info.config, info.summary, info.state, info.row_count) == ({"new": 1}, {"b": 1}, "running", 1)


def test_an_attempt_is_newer_also_when_the_clock_was_set_back(layout, writer):
    writer.log({"a": 1}).end()
    Writer(layout, at_s=-86_400.0).log({"b": 1}).end()
    assert summary_of(layout) == {"b": 1}


def test_a_run_that_is_not_there_is_named(layout, writer):
    with pytest.raises(NotFoundError, match='run "nope" not in project ann/p'):
        read_run(layout, RUN._replace(run_id="nope"))


# Order does not matter where it must not


VALUES = st.one_of(
    st.floats(allow_nan=True, width=32),
    st.integers(-5, 5),
    st.integers(2**60, 2**60 + 2),
    st.sampled_from(["x", None, True]),
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES, max_size=3), min_size=1, max_size=12), st.data())
def test_rows_folded_in_pieces_are_the_rows_folded_at_once(tmp_path_factory, rows, data):
    folder = tmp_path_factory.mktemp("parts")
    whole = fold_rows(rows_as_written(folder, rows))
    cuts = sorted(data.draw(st.sets(st.integers(1, max(1, len(rows) - 1)), max_size=3)) | {0, len(rows)})
    joined = StreamFold()
    full = rows_as_written(folder, rows)
    for start, stop in pairwise(cuts):
        if start < stop:
            joined = joined.followed_by(fold_rows(_slice(full, start, stop)))
    assert (joined.row_count, joined.last_step) == (whole.row_count, whole.last_step)
    assert {k: repr(v) for k, v in joined.last.items()} == {k: repr(v) for k, v in whole.last.items()}
    assert joined.numbers.keys() == whole.numbers.keys()
    for path, (low, high, total, count, first) in whole.numbers.items():
        got = joined.numbers[path]
        assert repr((got[0], got[1], got[3], got[4])) == repr((low, high, count, first))
        assert got[2] == pytest.approx(total, nan_ok=True)


def _slice(rows, start, stop):
    series = []
    for one in rows.series:
        places = np.arange(rows.row_count) if one.rows is None else one.rows
        inside = np.flatnonzero((places >= start) & (places < stop))
        if len(inside):
            values = one.values.slice(int(inside[0]), len(inside))
            series.append(Series(one.key, one.lane, places[inside] - start, values))
    axes = (axis[start:stop] for axis in (rows.step, rows.timestamp, rows.runtime))
    return WriterRows(rows.writer, rows.stream, rows.first_n + start, *axes, series)


def test_writers_may_come_in_any_order(layout, writer):
    writer.log({"a": 1, "b": 1})
    edit(layout, record.SUMMARY, {"set": {"b": 5}}, at_s=50.0)
    writer.end()
    second = Writer(layout, at_s=100.0, resume="must").log({"a": 2})
    second.end()
    snapshot = take_snapshot(layout, RUN)
    states = [state_of_part(snapshot.scan(name)) for name in snapshot.parts]
    assert all(isinstance(state, WriterState) for state in states)
    views = [fold_run(RUN, order, {}) for order in (states, states[::-1], [states[1], states[2], states[0]])]
    assert views[0].summary == {"a": 2, "b": 5}
    assert views == [views[0]] * 3
