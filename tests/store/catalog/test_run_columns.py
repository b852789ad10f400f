"""Runs as columns: everything comes back, in memory and from disk, merged in any way."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.model import Alert, MetricRule, RunInfo
from runlake.store.catalog.columns_file import DamagedFileError, read_columns, write_columns
from runlake.store.catalog.run_columns import MarkedRun, RunColumns

KEYS = st.text(st.sampled_from("ab.\\é"), min_size=1, max_size=4)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=4),
    st.just("\ud800"),
    st.lists(st.one_of(st.none(), st.floats(), st.text(max_size=2)), max_size=3),
    st.binary(max_size=3),
    st.just({}),
    st.just({"_type": "image", "path": "x", "n": math.inf}),
)
TREES = st.dictionaries(
    KEYS, st.recursive(LEAVES, lambda inner: st.dictionaries(KEYS, inner, max_size=3), max_leaves=5), max_size=4
)


def run(number, **fields):
    base = {
        "entity": "ann",
        "project": "p",
        "run_id": f"r{number}",
        "incarnation": "i",
        "generation": "g",
        "name": f"run-{number}",
        "state": "finished",
        "created_at": float(number % 3),
    }
    return RunInfo(**{**base, **fields})


FULL = run(
    7,
    config={"lr": 0.5, "n": {"x": 1}},
    system_metrics={"system.cpu": 3.5},
    tags=("a", "ü"),
    notes="long",
    group="g",
    exit_code=-1,
    last_step=2**62,
    metric_rules=(MetricRule(name="loss", summary=("min",)),),
    alerts=(
        Alert(title="a", text="ü", level="WARN", timestamp=1.5),
        Alert(title="b", text="", level="INFO", timestamp=2.0),
    ),
    stop_requested=True,
)


def columns_of(runs):
    return RunColumns.of("ann", "p", [MarkedRun(f"f-{one.run_id}", one, n, n % 2 == 0) for n, one in enumerate(runs)])


def by_id(runs):
    return sorted(runs, key=lambda one: (one.created_at, one.run_id))


def seen(columns):
    """What can be compared: NaN is not equal to itself, and 1, 1.0 and True are."""
    return [repr(info) for info in columns.infos(range(columns.size))]


def ordered_trees(value):
    """Dicts with their keys in order: columns keep the order in which keys were first seen among all runs."""
    if isinstance(value, dict):
        return {key: ordered_trees(value[key]) for key in sorted(value)}
    return value


def normal(infos):
    return [repr((one.run_id, ordered_trees(one.config), ordered_trees(one.summary))) for one in infos]


def test_every_field_comes_back(tmp_path):
    columns = columns_of([FULL, run(1)])
    assert columns.infos([1, 0]) == [FULL, run(1)]
    write_columns(tmp_path / "c", columns)
    again = read_columns(tmp_path / "c")
    assert again.infos([0, 1]) == [run(1), FULL]
    assert again.row_of_folder == columns.row_of_folder
    assert again.fields["@journal_mark"].to_pylist() == columns.fields["@journal_mark"].to_pylist()
    assert again.fields["@is_open"].to_pylist() == columns.fields["@is_open"].to_pylist()


@given(st.lists(st.tuples(TREES, TREES), max_size=5))
def test_any_config_and_summary_come_back(trees):
    runs = [run(n, config=config, summary=summary) for n, (config, summary) in enumerate(trees)]
    columns = columns_of(runs)
    assert normal(columns.infos(range(len(runs)))) == normal(by_id(runs))


@given(st.lists(st.tuples(TREES, st.integers(0, 2), st.booleans()), max_size=7))
def test_parts_are_merged_into_what_all_the_runs_would_be(tmp_path_factory, items):
    runs = [run(n, config=config) for n, (config, _, _) in enumerate(items)]
    parts = []
    for number in range(3):
        mine = [one for one, (_, part, _) in zip(runs, items, strict=True) if part == number]
        columns = columns_of(mine)
        kept = {one.run_id for one, (_, _, is_kept) in zip(runs, items, strict=True) if is_kept}
        rows = [row for row, info in enumerate(columns.infos(range(columns.size))) if info.run_id in kept]
        parts.append((columns, np.array(rows, np.int64)))
    merged = RunColumns.merged(parts)
    expected = by_id(one for one, (_, _, is_kept) in zip(runs, items, strict=True) if is_kept)
    assert normal(merged.infos(range(merged.size))) == normal(expected)
    file = tmp_path_factory.mktemp("columns") / "c"
    write_columns(file, merged)
    assert seen(read_columns(file)) == seen(merged)


def test_many_keys_that_few_runs_have_cost_what_their_values_cost(tmp_path):
    runs = [run(n, config={f"k{n}.{i}": n + i for i in range(20)}) for n in range(200)]
    columns = columns_of(runs)
    assert len(columns.leaves) == 4000
    write_columns(tmp_path / "c", columns)
    assert (tmp_path / "c").stat().st_size < 400_000
    assert normal(read_columns(tmp_path / "c").infos(range(200))) == normal(by_id(runs))


@pytest.mark.parametrize("content", [b"", b"x" * 100, b"rlcols\x00\x01" * 10])
def test_what_is_no_file_of_columns_is_refused(tmp_path, content):
    (tmp_path / "c").write_bytes(content)
    with pytest.raises(DamagedFileError):
        read_columns(tmp_path / "c")


def test_a_file_cut_anywhere_is_refused(tmp_path):
    write_columns(tmp_path / "c", columns_of([FULL]))
    content = (tmp_path / "c").read_bytes()
    for length in range(0, len(content), 61):
        (tmp_path / "c").write_bytes(content[:length])
        with pytest.raises(DamagedFileError):
            read_columns(tmp_path / "c")


def test_what_could_not_be_written_leaves_nothing(tmp_path):
    (tmp_path / "c").mkdir()
    with pytest.raises(OSError, match="c"):
        write_columns(tmp_path / "c", columns_of([FULL]))
    assert [file.name for file in tmp_path.iterdir()] == ["c"]
