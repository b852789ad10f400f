"""Rows of a stored run: sampled, scanned, as frames."""

import logging
import math

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from runlake.errors import BadValueError, RunlakeWarning

SPARSE = [{"loss": 1.5, "n": 1}, {"acc": 0.5}, {"loss": math.nan, "n": None, "acc": 0.75}, {"d": {"x": 2}}]


@pytest.fixture
def run(make_run, api):
    return api.run(make_run(rows=SPARSE))


@pytest.fixture
def long_run(make_run, api):
    rows = [{"loss": float(i % 97), "other": i} for i in range(3000)]
    rows[1234]["loss"] = 1e6
    return api.run(make_run(rows=rows))


def test_scanned_rows_hold_what_was_logged_in_each(run):
    axes = [{"_step": i, "_runtime": i + 1.0, "_timestamp": 1_700_000_001.0 + i} for i in range(4)]
    assert repr(list(run.scan_history())) == repr([{**axis, **row} for axis, row in zip(axes, SPARSE, strict=True)])
    assert repr(run.history(pandas=False)) == repr(list(run.scan_history()))


def test_scans_can_be_iterated_again_and_see_new_rows(make_run, api):
    writer = make_run(rows=[{"a": 1}], ended=False)
    scan = api.run("digits/r1").scan_history(keys=["a"])
    assert list(scan) == list(scan) == [{"_step": 0, "a": 1}]
    writer.log({"a": 2}, step=1, timestamp=2e9, runtime=2.0)
    assert list(scan) == [{"_step": 0, "a": 1}, {"_step": 1, "a": 2}]
    assert [next(scan), next(scan), next(scan, None), next(scan)] == [*scan, None, {"_step": 0, "a": 1}]
    writer.close()


def test_a_scan_begins_at_min_step_and_ends_before_max_step(long_run):
    assert [row["_step"] for row in long_run.scan_history(min_step=10, max_step=13)] == [10, 11, 12]
    assert list(long_run.beta_scan_history(["other"], 2, 10, 12)) == [
        {"_step": 10, "other": 10},
        {"_step": 11, "other": 11},
    ]


@pytest.mark.parametrize("page_size", [0, -1, 2.5, True])
def test_a_page_size_that_is_none_is_refused(run, page_size):
    with pytest.raises(BadValueError, match="page_size"):
        run.scan_history(page_size=page_size)


def test_a_frame_has_the_axes_then_keys_as_first_logged(run):
    frame = run.history()
    assert list(frame.columns) == ["_step", "_runtime", "_timestamp", "loss", "n", "acc", "d.x"]
    pd.testing.assert_index_equal(frame.index, pd.RangeIndex(4))
    assert frame["n"].tolist()[0] == 1.0
    assert frame["acc"].isna().tolist() == [True, False, False, True]
    assert frame.attrs == {"sampled": False, "row_count": 4}


def test_integers_with_gaps_are_floats_unless_they_would_change(make_run, api):
    big = 2**53 + 1
    frame = api.run(make_run(rows=[{"i": 1, "big": big, "full": big}, {"full": 2}])).history()
    assert frame.dtypes.astype(str).tolist() == ["int64", "float64", "float64", "float64", "Int64", "int64"]
    assert frame["big"].tolist() == [big, pd.NA]


def test_lists_media_and_mixed_columns_hold_what_was_logged(make_run, api):
    rows = [
        {"m": 1, "z": 1.0, "h": {"_type": "histogram", "bins": [0, 1], "values": [2]}},
        {"m": "text", "l": [1, [math.inf]]},
        {"m": None},
    ]
    frame = api.run(make_run(rows=rows)).history()
    assert list(frame.columns) == ["_step", "_runtime", "_timestamp", "m", "z", "h", "l"]
    assert frame["m"].tolist() == [1, "text", None]
    assert frame["h"].tolist() == [rows[0]["h"], None, None]
    assert frame["l"].tolist() == [None, [1, [math.inf]], None]
    assert frame["z"].tolist()[0] == 1.0


def test_a_sample_of_one_key_keeps_its_extremes_and_both_ends(long_run):
    frame = long_run.history(samples=50, keys=["loss"])
    assert len(frame) <= 50
    assert list(frame.columns) == ["_step", "loss"]
    assert frame["loss"].max() == 1e6
    assert frame["loss"].min() == 0
    assert (frame["_step"].iloc[0], frame["_step"].iloc[-1]) == (0, 2999)
    assert frame.attrs == {"sampled": True, "row_count": 3000}


def test_a_sample_of_several_keys_is_whole_rows_both_ends_included(long_run):
    for keys in (["loss", "other"], None):
        frame = long_run.history(samples=100, keys=keys)
        assert len(frame) == 100
        assert (frame["_step"] == frame["other"]).all()
        assert (frame["other"].iloc[0], frame["other"].iloc[-1]) == (0, 2999)
        assert frame.attrs == {"sampled": True, "row_count": 3000}
        pd.testing.assert_index_equal(frame.index, pd.RangeIndex(100))


@pytest.mark.parametrize("samples", [1, 2, 3, 7, 500, 2999, 3000])
@pytest.mark.parametrize("keys", [None, ["loss"], ["other", "loss"]])
def test_samples_are_never_more_than_asked_for_and_always_the_same(long_run, samples, keys):
    frame = long_run.history(samples=samples, keys=keys)
    assert 1 <= len(frame) <= samples
    pd.testing.assert_frame_equal(frame, long_run.history(samples=samples, keys=keys))
    assert len(long_run.history(samples=samples, keys=keys, pandas=False)) == len(frame)


def test_no_samples_are_all_rows(long_run):
    assert long_run.history(samples=None).attrs == {"sampled": False, "row_count": 3000}
    assert len(long_run.history(samples=None, keys=["loss"])) == 3000


@pytest.mark.parametrize("samples", [0, -5, 1.5, "many"])
def test_samples_that_are_no_number_are_refused(run, samples):
    with pytest.raises(BadValueError, match="samples="):
        run.history(samples=samples)


def test_a_sample_of_a_key_with_text_in_it_loses_no_row_while_there_is_room(make_run, api):
    run = api.run(make_run(rows=[{"k": 1}, {"k": 2.5}, {"k": "x"}, {"other": 1}]))
    assert run.history(keys=["k"], pandas=False) == [
        {"_step": 0, "k": 1},
        {"_step": 1, "k": 2.5},
        {"_step": 2, "k": "x"},
    ]
    assert len(run.history(keys=["k"], samples=2)) == 2


def test_keys_give_the_rows_that_have_them_all(run):
    assert repr(run.history(keys=["loss", "acc"], pandas=False)) == "[{'_step': 2, 'loss': nan, 'acc': 0.75}]"
    assert run.history(keys=["d.x"]).to_dict("list") == {"_step": [3], "d.x": [2]}
    assert run.history(keys=["acc", "_timestamp"]).to_dict("list") == {
        "_step": [1, 2],
        "_timestamp": [1_700_000_002.0, 1_700_000_003.0],
        "acc": [0.5, 0.75],
    }


def test_another_x_axis_stands_in_place_of_the_step(run):
    assert run.history(keys=["acc"], x_axis="_runtime").to_dict("list") == {"_runtime": [2.0, 3.0], "acc": [0.5, 0.75]}
    assert repr(run.history(keys=["acc"], x_axis="loss", pandas=False)) == "[{'loss': nan, 'acc': 0.75}]"


def test_keys_that_never_meet_are_told_and_can_be_aligned(make_run, api):
    run = api.run(make_run(rows=[{"a": 1}, {"b": 2}, {"a": 3}], steps=[0, 0, 1]))
    with pytest.warns(RunlakeWarning, match=r"no row of ann/digits/r1 has all of 'a', 'b'.*join='outer'"):
        assert len(run.history(keys=["a", "b"])) == 0
    frame = run.history(keys=["a", "b"], join="outer")
    assert frame["_step"].tolist() == [0, 1]
    assert frame["a"].tolist() == [1, 3]
    assert str(frame["b"].tolist()) == "[2.0, nan]"


def test_a_key_that_is_not_there_is_told_with_near_matches(make_run, api):
    run = api.run(make_run(rows=[{"train/loss": 1, "accuracy": 1}]))
    with pytest.warns(RunlakeWarning, match="has no key 'loss' in its history; did you mean 'train/loss'"):
        assert run.history(keys=["loss"]).columns.tolist() == ["_step"]
    with pytest.warns(RunlakeWarning, match="has no key 'Acuracy' .*did you mean 'accuracy'"):
        assert list(run.scan_history(keys=["Acuracy", "train/loss"])) == []
    with pytest.warns(RunlakeWarning, match="has no key 'zzz' .*there are: 'train/loss', 'accuracy'"):
        run.to_arrow(keys=["zzz"])


def test_keys_must_be_a_list_of_names(run):
    with pytest.raises(BadValueError, match=r"write a list: keys=\['loss'\]"):
        run.history(keys="loss")
    with pytest.raises(BadValueError, match="5 is a int"):
        run.history(keys=[5])
    with pytest.raises(BadValueError, match="join='left'"):
        run.history(keys=["loss"], join="left")


def test_other_streams_are_system_metrics(make_run, api, caplog):
    run = api.run(make_run(rows=[{"a": 1}], events=[{"system.cpu": 10.5}, {"system.cpu": 11.5}]))
    for stream in ("events", "system"):
        frame = run.history(stream=stream)
        assert frame.columns.tolist() == ["_step", "_runtime", "_timestamp", "system.cpu"]
        assert frame["system.cpu"].tolist() == [10.5, 11.5]
    with caplog.at_level(logging.ERROR, "runlake"):
        assert run.history(stream="events", keys=["system.cpu"]) == []
    assert "has no keys=" in caplog.text


def test_all_rows_as_arrow_pandas_and_polars(run):
    table = run.to_arrow()
    assert table.column_names == ["_step", "_runtime", "_timestamp", "loss", "n", "acc", "d.x"]
    assert table["n"].to_pylist() == [1, None, None, None]
    assert str(table["loss"].to_pylist()) == "[1.5, None, nan, None]"
    pd.testing.assert_frame_equal(run.to_pandas(), run.history(samples=None))
    assert run.to_polars().equals(pl.from_arrow(table))
    assert run.to_polars(keys=["acc", "d.x"]).to_dict(as_series=False) == {
        "_step": [1, 2, 3],
        "acc": [0.5, 0.75, None],
        "d.x": [None, None, 2],
    }


def test_a_run_is_a_stream_of_arrow_for_any_library(run):
    assert pl.DataFrame(run).equals(run.to_polars())
    assert pa.table(run).select([0, 4, 5]).equals(run.to_arrow().select([0, 4, 5]))
    assert pa.RecordBatchReader.from_stream(run).read_all().num_rows == 4


def test_each_stream_has_a_frame(make_run, api):
    run = api.run(make_run(events=[{"system.cpu": 1.0}], console=[{"line": 0, "level": None, "text": "hello"}]))
    assert run.to_pandas("events")["system.cpu"].tolist() == [1.0]
    assert run.to_arrow("console")["text"].to_pylist() == ["hello"]
    assert run.console_logs() == run.console_logs(last=1) == ["hello"]
    with pytest.raises(BadValueError, match="stream='prints'; it can be history, events, console"):
        run.to_arrow("prints")


def test_frames_may_be_written_to(run):
    frame = run.history()
    frame.loc[0, "loss"] = 7.0
    assert frame["loss"].tolist()[0] == 7.0


@pytest.mark.slow
def test_a_run_of_very_many_keys_is_sampled_but_not_made_one_wide_table(make_run, api):
    rows = [{f"k{i}": float(i) for i in range(n, 2500, 50)} for n in range(50)]
    run = api.run(make_run(rows=rows))
    assert run.history().shape == (50, 2503)
    with pytest.raises(BadValueError, match=r"2,500 keys"):
        run.to_arrow()
    assert run.to_arrow(keys=["k7", "k8"]).shape == (2, 3)
    assert sum(len(row) - 3 for row in run.scan_history()) == 2500


def test_steps_that_repeat_or_go_back_are_rows_of_their_own(make_run, api):
    run = api.run(make_run(rows=[{"a": i} for i in range(4)], steps=[5, 5, 2, 9]))
    assert [(row["_step"], row["a"]) for row in run.scan_history()] == [(5, 0), (5, 1), (2, 2), (9, 3)]
    assert run.lastHistoryStep == 9


def test_a_run_without_rows_is_an_empty_frame(make_run, api):
    run = api.run(make_run())
    assert run.history().shape == (0, 3)
    assert list(run.scan_history()) == []
    assert run.history().attrs == {"sampled": False, "row_count": 0}
    assert run.lastHistoryStep == -1


def test_a_frame_of_a_sealed_run_is_the_same(make_run, api):
    path = make_run(rows=[{"loss": i / 7, "i": i, "s": f"t{i % 3}"} for i in range(1000)])
    before = api.run(path)
    frames = [before.history(), before.history(keys=["loss"], samples=20), before.to_pandas()]
    list(api._service.seal("ann", "digits"))
    api.flush()
    after = api.run(path)
    for frame, read in zip(
        frames, [after.history(), after.history(keys=["loss"], samples=20), after.to_pandas()], strict=True
    ):
        pd.testing.assert_frame_equal(frame, read)
        assert frame.attrs == read.attrs
    assert np.array_equal(after.to_arrow()["loss"].to_numpy(), np.arange(1000) / 7)
