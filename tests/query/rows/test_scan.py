"""Segments and journals of any number of writers, read as one history."""

import math
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import CorruptError
from runlake.query.rows.history import HistoryOutline
from runlake.query.rows.sample import line_sample, minmax_sample
from runlake.query.rows.scan import list_keys, outline_history, read_history, sample_history
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import FolderJournal
from stored import RUN, START_S, Writer, as_dicts


@pytest.fixture
def layout(tmp_path):
    return FolderStore(tmp_path / "store")


def read(layout, **how):
    return as_dicts(read_history(layout, RUN, **how))


def column(layout, key, **how):
    return [row.get(key) for row in read(layout, **how)]


@pytest.fixture(params=["journal", "sealed"])
def settle(request, layout):
    """Leaves the run as it is, or seals it: no answer may depend on that."""
    return (lambda: seal_run(layout, RUN)) if request.param == "sealed" else lambda: None


def test_writers_that_follow_each_other_are_read_one_after_the_other(layout, settle):
    Writer(layout).log_many([{"i": 0}, {"i": 1}]).end()
    Writer(layout, at_s=100.0, resume="must").log_many([{"i": 2}, {"i": 3}]).end()
    settle()
    assert read(layout) == [{"_step": i, "i": i} for i in range(4)]


def test_writers_that_overlap_are_put_in_order_of_time(layout, settle):
    trainer = Writer(layout, every_s=2.0)
    child = Writer(layout, at_s=1.0, every_s=2.0, parent=trainer)
    for i in range(4):
        trainer.log({"t": i})
        child.log({"c": i})
    child.end()
    trainer.end()
    settle()
    assert read(layout) == [row for i in range(4) for row in ({"_step": i, "t": i}, {"_step": i, "c": i})]
    history = read_history(layout, RUN)
    assert (np.diff(history.timestamp) == 1.0).all()


def test_overlapping_writers_keep_their_order_when_one_key_is_asked_for(layout, settle):
    trainer = Writer(layout, every_s=2.0)
    child = Writer(layout, at_s=1.0, every_s=2.0, parent=trainer)
    for i in range(4):
        trainer.log({"x": i})
        child.log({"x": -i})
    child.end()
    trainer.end()
    settle()
    history = read_history(layout, RUN, keys=["x"])
    assert as_dicts(history) == [row for i in range(4) for row in ({"_step": i, "x": i}, {"_step": i, "x": -i})]
    assert (history.timestamp, history.runtime) == (None, None)


def test_rows_of_one_writer_never_change_their_order_whatever_its_clock_does(layout, settle):
    trainer = Writer(layout)
    child = Writer(layout, at_s=0.5, parent=trainer)
    trainer.log({"i": 0})
    child.log({"c": 0})
    trainer.clock.after(-500.0)
    trainer.log({"i": 1}).log({"i": 2})
    child.end()
    trainer.end()
    settle()
    assert [row["i"] for row in read(layout) if "i" in row] == [0, 1, 2]


def test_a_resumed_run_whose_first_process_crashed_is_read_whole(layout, settle):
    first = Writer(layout).log_many([{"i": 0}, {"i": 1}])
    first.journal.close()
    Writer(layout, at_s=100.0, resume="allow").log({"i": 2}).end()
    settle()
    assert column(layout, "i") == [0, 1, 2]


def test_a_part_that_is_sealed_and_still_there_is_read_once(layout, tmp_path):
    Writer(layout).log_many([{"i": i} for i in range(3)]).end()
    journal = layout.journal_dir(RUN)
    shutil.copytree(journal, tmp_path / "kept")
    seal_run(layout, RUN)
    shutil.copytree(tmp_path / "kept", journal, dirs_exist_ok=True)
    assert FolderJournal(journal).list_parts()
    assert column(layout, "i") == [0, 1, 2]
    seal_run(layout, RUN)
    assert not FolderJournal(journal).list_parts()
    assert column(layout, "i") == [0, 1, 2]


def test_segments_and_the_open_part_behind_them_are_one_history(layout):
    writer = Writer(layout, rows_per_part=3)
    writer.log_many([{"i": i, **({"rare": i} if i % 4 == 0 else {})} for i in range(10)])
    seal_run(layout, RUN)
    assert read(layout) == [{"_step": i, "i": i, **({"rare": i} if i % 4 == 0 else {})} for i in range(10)]
    assert column(layout, "rare", keys=["rare"]) == [i if i % 4 == 0 else None for i in range(10)]


@pytest.mark.parametrize("threads_from_bytes", [0, 2**40], ids=["side by side", "one after the other"])
def test_segments_of_one_writer_are_one_history(layout, threads_from_bytes):
    writer = Writer(layout, rows_per_part=2)
    first = [{"z": 1, "b": "x"}, {"z": 0.5}, {}, {"a": [1]}]
    later = [{"c": {"d": True}}, {"a": None, "z": 2}, {"z": 3}, {"z": 4, "b": "y"}]
    writer.log_many([*first, {}])
    seal_run(layout, RUN)
    writer.log_many([*later, {}])
    seal_run(layout, RUN)
    assert len(list(layout.segments_dir(RUN).glob("*.meta"))) == 2
    shutil.rmtree(layout.journal_dir(RUN))  # what stands in the open part is left out
    history = read_history(layout, RUN, threads_from_bytes=threads_from_bytes)
    assert [(s.key, s.lane) for s in history.series] == [
        ("z", "i64"), ("b", "str"), ("z", "f64"), ("a", "json"), ("c.d", "bool"), ("a", "null"),
    ]  # fmt: skip
    wanted = [*first, {}, {"c.d": True}, *later[1:]]
    assert [{k: v for k, v in row.items() if k != "_step"} for row in as_dicts(history)] == wanted[: history.row_count]
    assert history.row_count == 8
    assert as_dicts(read_history(layout, RUN, keys=["a"], threads_from_bytes=threads_from_bytes)) == [
        {"_step": 0}, {"_step": 1}, {"_step": 2}, {"_step": 3, "a": [1]},
        {"_step": 4}, {"_step": 5}, {"_step": 6, "a": None}, {"_step": 7},
    ]  # fmt: skip


def test_damage_in_one_of_several_segments_is_named_when_they_are_read_side_by_side(layout):
    writer = Writer(layout, rows_per_part=2)
    for _ in range(2):
        writer.log_many([{"a": 1}] * 5)
        seal_run(layout, RUN)
    file = max(layout.segments_dir(RUN).glob("*-history.parquet"))
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CorruptError, match=file.name):
        read_history(layout, RUN, threads_from_bytes=0)


def test_an_open_row_is_read_with_what_it_has(layout):
    Writer(layout).log({"a": 1}).log({"b": 2}, commit=False)
    assert read(layout) == [{"_step": 0, "a": 1}, {"_step": 1, "b": 2}]


def test_a_key_is_meant_literally_and_as_a_path(layout, settle):
    Writer(layout).log({"a": {"b": 1}, "a.b": 2, "c": 3}).log({"a": {"b": 4}}).end()
    settle()
    assert read(layout, keys=["a.b"]) == [{"_step": 0, "a.b": 1, "a\\.b": 2}, {"_step": 1, "a.b": 4}]
    assert read(layout, keys=["nope"]) == [{"_step": 0}, {"_step": 1}]


def test_axes_are_read_when_they_are_asked_for(layout, settle):
    Writer(layout).log({"a": 1}).log({"a": 2}).end()
    settle()
    history = read_history(layout, RUN, keys=["a", "_timestamp"])
    assert history.timestamp.tolist() == [START_S + 1.0, START_S + 2.0]
    assert history.runtime is None
    assert read_history(layout, RUN, keys=["_runtime"]).runtime.tolist() == [1.0, 2.0]


def test_min_step_is_inclusive_and_max_step_exclusive(layout, settle):
    writer = Writer(layout).log_many([{"i": i} for i in range(6)])
    writer.log({"i": 99}, step=2).end()
    settle()
    assert column(layout, "i", min_step=2, max_step=4) == [2, 3, 99]
    assert column(layout, "i", min_step=4) == [4, 5]
    assert column(layout, "i", max_step=1) == [0]
    assert column(layout, "i", min_step=50) == []


def test_steps_may_repeat_and_go_back(layout, settle):
    writer = Writer(layout)
    for step in (5, 5, 3, -(2**62), 2**62):
        writer.log({"s": step}, step=step)
    writer.end()
    settle()
    assert read(layout) == [{"_step": s, "s": s} for s in (5, 5, 3, -(2**62), 2**62)]


def test_streams_are_read_apart(layout, settle):
    Writer(layout).log({"a": 1}).log({"cpu": 1.5}, stream="events").log({"line": 0}, stream="console").end()
    settle()
    assert [column(layout, key, stream=stream) for key, stream in (("a", "history"), ("cpu", "events"))] == [[1], [1.5]]
    assert read(layout, stream="console") == [{"_step": 2, "line": 0}]


def test_a_run_without_rows_is_an_empty_history(layout, settle):
    Writer(layout).end()
    settle()
    history = read_history(layout, RUN)
    assert (history.row_count, history.series, history.step.dtype) == (0, [], np.int64)
    assert sample_history(layout, RUN, "x", samples=5).row_count == 0
    assert list_keys(layout, RUN) == []


def test_only_the_newest_attempt_is_read(layout, settle):
    Writer(layout).log_many([{"old": 1}] * 3).end()
    settle()
    Writer(layout, at_s=100.0).log({"new": 1}).end()
    settle()
    assert read(layout) == [{"_step": 0, "new": 1}]


def test_keys_are_listed_in_first_logged_order_sealed_or_not(layout):
    writer = Writer(layout, rows_per_part=2)
    writer.log_many([{"z": 1, "b": "x"}, {"a": [1]}, {"c": {"d": 1}}, {"z": 2, "e": None}, {"f": True}])
    expected = ["z", "b", "a", "c.d", "e", "f"]
    assert list_keys(layout, RUN) == expected
    seal_run(layout, RUN)
    assert list_keys(layout, RUN) == expected
    assert [s.key for s in read_history(layout, RUN).series] == expected


def test_an_outline_says_what_a_history_holds_without_its_values(layout, settle):
    writer = Writer(layout, rows_per_part=2)
    writer.log_many([{"z": 1, "b": "x"}, {"z": 0.5}, {}, {"c": {"d": [1]}}, {"z": -(2**60), "e": None}, {"f": True}])
    writer.end()
    settle()
    outline = outline_history(layout, RUN)
    assert outline == HistoryOutline.of(read_history(layout, RUN))
    assert outline.row_count == 6
    assert [(s.key, s.lane, s.largest, s.value_count) for s in outline.series][:3] == [
        ("z", "i64", 2**60, 2),
        ("b", "str", 0, 1),
        ("z", "f64", 0, 1),
    ]


@pytest.mark.parametrize("integer", [2**53, 2**53 + 1, -(2**53), -(2**53) - 1])
def test_an_outline_knows_the_integers_that_floats_cannot_tell_apart(layout, settle, integer):
    Writer(layout).log_many([{"x": 1}, {"x": integer}]).end()
    settle()
    assert outline_history(layout, RUN).series[0].largest == abs(integer)


def test_an_outline_of_several_writers_is_that_of_their_rows(layout, settle):
    one = Writer(layout)
    other = Writer(layout, parent=one, at_s=0.5)
    one.log_many([{"x": 1}, {"y": 2}])
    other.log_many([{"y": "text"}, {"z": 2}])
    one.end(), other.end()
    settle()
    assert outline_history(layout, RUN) == HistoryOutline.of(read_history(layout, RUN))


# Samples


def line(count):
    values = [math.sin(i / 40) + (i % 13) / 50 for i in range(count)]
    values[count // 3] = 7.5
    values[count // 2] = -7.5
    return values


@pytest.mark.parametrize("samples", [1, 2, 3, 10, 500])
@pytest.mark.parametrize("count", [3, 400, 3000])
def test_a_sample_is_the_same_before_and_after_sealing(layout, count, samples):
    Writer(layout).log_many([{"x": v} for v in line(count)]).end()
    before = sample_history(layout, RUN, "x", samples=samples)
    seal_run(layout, RUN)
    after = sample_history(layout, RUN, "x", samples=samples)
    assert as_dicts(after) == as_dicts(before)
    assert (after.source_row_count, before.source_row_count) == (count, count)
    assert after.row_count == min(count, samples)


@pytest.mark.parametrize("count", [1, 2, 256, 512, 513, 1000, pytest.param(3000, marks=pytest.mark.long)])
def test_a_sample_has_as_many_rows_as_asked_for_or_as_there_are(layout, count):
    gaps = [math.nan if 100 < i < 900 else math.sin(i) for i in range(count)]
    rows = [
        {"x": gaps[i], "n": 2**53 + i % 3, "both": i if i % 2 else i / 2, **({"few": i} if i % 3 else {})}
        for i in range(count)
    ]
    Writer(layout).log_many(rows).end()

    def drawn(key, samples):
        sample = sample_history(layout, RUN, key, samples=samples)
        return sample.source_row_count, sample.row_count, list(map(repr, as_dicts(sample)))

    asked = [(key, samples) for key in ("x", "n", "both", "few") for samples in (1, 2, 3, 4, 25, 500, 9999)]
    before = [drawn(*one) for one in asked]
    for (key, samples), (source_row_count, row_count, _) in zip(asked, before, strict=True):
        with_key = sum(key in row for row in rows)
        assert (key, samples, source_row_count, row_count) == (key, samples, with_key, min(with_key, samples))
    seal_run(layout, RUN)
    assert [drawn(*one) for one in asked] == before


def test_a_sample_of_a_run_that_was_sealed_piece_by_piece_is_the_same(layout):
    writer = Writer(layout, rows_per_part=1500)
    for start in range(0, 6000, 1500):
        writer.log_many([{"x": v} for v in line(6000)[start : start + 1500]])
        seal_run(layout, RUN)
    sample = sample_history(layout, RUN, "x", samples=20)
    assert sample.row_count == 20
    shutil.rmtree(layout.run_dir(RUN))
    Writer(layout).log_many([{"x": v} for v in line(6000)]).end()
    assert as_dicts(sample_history(layout, RUN, "x", samples=20)) == as_dicts(sample)


def test_a_sample_of_a_run_of_several_writers_is_that_of_its_rows(layout, settle):
    values = line(1200)
    Writer(layout).log_many([{"x": v} for v in values[:700]]).end()
    Writer(layout, at_s=1000.0, resume="must").log_many([{"x": v, "y": v} for v in values[700:]]).end()
    settle()
    for samples in (1, 4, 10, 500, 1300):
        sample = sample_history(layout, RUN, "x", samples=samples)
        assert as_dicts(sample) == [{"_step": i, "x": values[i]} for i in line_sample(np.array(values), samples)]
        sample = sample_history(layout, RUN, "y", samples=samples)
        expected = 700 + line_sample(np.array(values[700:]), samples)
        assert as_dicts(sample) == [{"_step": i, "y": values[i]} for i in expected]


def test_two_keys_that_read_alike_are_one_line_of_the_rows_that_have_either(layout, settle):
    rows = [{"a.b": i, "a": {"b": -i}} if i % 2 else {"a.b": i} for i in range(50)]
    Writer(layout).log_many(rows).end()
    settle()
    sample = sample_history(layout, RUN, "a.b", samples=12)
    assert (sample.row_count, sample.source_row_count) == (12, 50)


def test_a_sample_keeps_the_ends_and_the_extremes(layout, settle):
    values = line(5000)
    Writer(layout).log_many([{"x": v} for v in values]).end()
    settle()
    sample = sample_history(layout, RUN, "x", samples=50)
    drawn = sample.series[0].values.to_pylist()
    assert (drawn[0], drawn[-1], min(drawn), max(drawn)) == (values[0], values[-1], -7.5, 7.5)
    assert [values[step] for step in sample.step.tolist()] == drawn


def test_a_sample_of_whole_numbers_holds_whole_numbers(layout, settle):
    Writer(layout).log_many([{"n": i * i} for i in range(2000)]).end()
    settle()
    sample = sample_history(layout, RUN, "n", samples=7)
    assert sample.series[0].values.to_pylist() == [step**2 for step in sample.step.tolist()]
    assert str(sample.series[0].values.type) == "int64"


def test_a_key_of_two_number_types_is_sampled_as_one_line(layout, settle):
    Writer(layout).log_many([{"x": i if i % 2 else i + 0.5} for i in range(40)]).end()
    settle()
    sample = sample_history(layout, RUN, "x", samples=10)
    assert (sample.row_count, sample.step.tolist()[0], sample.step.tolist()[-1]) == (10, 0, 39)


def test_text_has_no_samples(layout, settle):
    Writer(layout).log_many([{"x": "a"}] * 5).end()
    settle()
    assert sample_history(layout, RUN, "x", samples=3).row_count == 0


@given(
    st.lists(st.floats(allow_infinity=False, width=32) | st.just(math.nan), min_size=1, max_size=60),
    st.integers(1, 40),
)
def test_a_sample_of_few_values_is_that_of_the_values_themselves(tmp_path_factory, values, samples):
    layout = FolderStore(tmp_path_factory.mktemp("store"))
    Writer(layout).log_many([{"x": v} for v in values]).end()
    expected = [repr(values[i]) for i in minmax_sample(np.array(values), samples)]
    for _ in range(2):
        drawn = sample_history(layout, RUN, "x", samples=samples).series[0].values.to_pylist()
        assert list(map(repr, drawn)) == expected
        seal_run(layout, RUN)
