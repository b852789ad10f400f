"""Large arrays in a row become histograms, small ones and lists stay."""

import numpy as np
import pandas as pd
import pytest

import runlake
from runlake.media.histogram import Histogram
from runlake.media.large_arrays import with_histograms


@pytest.mark.parametrize(
    "array",
    [
        np.arange(33),
        np.arange(33, dtype="int8"),
        np.ones((6, 6), "float16"),
        np.ones(40, bool),
        np.append(np.arange(40.0), [np.nan, np.inf]),
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_an_array_of_more_than_32_numbers_is_a_histogram_at_any_depth(array):
    row = with_histograms({"w": array, "in": {"w": array, "n": 1}, "list": [array, 1], 3: "x"})
    expected = Histogram(array, num_bins=32).stored(None, "w", 0)
    for found in (row["w"], row["in"]["w"], row["list"][0]):
        assert found.stored(None, "w", 0) == expected
    assert (row["in"]["n"], row["list"][1], row[3], list(row)) == (1, 1, "x", ["w", "in", "list", 3])
    assert sum(expected["values"]) == np.isfinite(array).sum()


@pytest.mark.parametrize(
    "value",
    [
        np.arange(32),
        np.array(1.5),
        np.float32(1),
        list(range(1000)),
        tuple(range(1000)),
        np.array(["a"] * 40),
        np.array([1j] * 40),
        np.array(["2024-01-01"] * 40, "datetime64[s]"),
        np.array([1] * 40, object),
        np.ma.masked_array(range(40), [True] + [False] * 39),
        pd.Series(range(40)),
        pd.DataFrame({"a": range(40)}),
        {"a": [{"b": 1}]},
    ],
    ids=lambda value: type(value).__name__,
)
def test_what_is_no_large_array_of_numbers_is_left_as_it_is(value):
    row = {"w": value}
    assert with_histograms(row) is row


def test_a_logged_array_reads_back_as_a_histogram_and_in_config_and_summary_as_its_numbers(tmp_path, monkeypatch):
    for name, value in {"DIR": tmp_path, "SILENT": 1, "SEAL": "off", "CONSOLE": "off", "DISABLE_SYSTEM": 1}.items():
        monkeypatch.setenv(f"RUNLAKE_{name}", str(value))
    monkeypatch.chdir(tmp_path)
    array = np.arange(64.0)
    with runlake.init(project="p", id="r", config={"w": array}) as run:
        run.log({"w": array, "small": array[:3], "list": array.tolist()})
        run.summary["exact"] = array
    stored = runlake.Api().run("p/r")
    (row,) = stored.scan_history()
    histogram = {"_type": "histogram", "values": [2] * 32, "bins": [i * 63 / 32 for i in range(33)]}
    assert {key: row[key] for key in ("w", "small", "list")} == {
        "w": histogram,
        "small": [0.0, 1.0, 2.0],
        "list": array.tolist(),
    }
    assert stored.config == {"w": array.tolist()}
    assert list(stored.summary["exact"]) == array.tolist()
