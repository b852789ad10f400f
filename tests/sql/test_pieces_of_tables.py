"""Rows of many runs as pieces of a table that DuckDB reads."""

import numpy as np
import pyarrow as pa

from runlake.query.many.blocks import HistoryBlock
from runlake.query.rows.history import History, Series
from runlake.sql.schema import KEYS_AT_ONCE, NAMES_AT_ONCE
from runlake.sql.tables import block_rows


def test_a_piece_has_no_more_runs_than_duckdb_groups_by_their_codes():
    run_ids = [f"r{number}" for number in range(2 * NAMES_AT_ONCE + 1)]
    row_count = 2 * len(run_ids)
    step, rows = np.tile([0, 1], len(run_ids)), np.arange(0, row_count, 3)
    series = [
        Series("dense", "f64", None, pa.chunked_array([np.arange(row_count) / 4])),
        Series("sparse", "i64", rows, pa.chunked_array([rows])),
        Series("unasked", "i64", rows, pa.chunked_array([rows])),
    ]
    block = HistoryBlock(run_ids, np.full(len(run_ids), 2), History("history", step, None, None, series))
    pieces = list(block_rows(block, frozenset(["dense", "sparse"])))
    assert [len(piece["run_id"].dictionary) for piece in pieces] == [1000, 1000, 1000, 1000, 1]
    found = [
        row
        for piece in pieces
        for row in zip(*(piece[name].to_pylist() for name in ("key", "run_id", "step", "value")), strict=True)
    ]
    dense = [("dense", run_ids[row // 2], row % 2, row / 4) for row in range(row_count)]
    sparse = [("sparse", run_ids[row // 2], row % 2, float(row)) for row in rows.tolist()]
    assert sorted(found) == sorted([*dense, *sparse])
    assert {piece["text"] for piece in pieces} == {None}


def test_short_series_are_pieces_together():
    """A piece a key would take a second for some ten thousand of them, and gigabytes for a hundred thousand."""
    step = np.arange(10) * 10
    series = [
        Series(f"k{n}", ("f64", "i64", "str")[n % 3], np.array([n % 10]), pa.chunked_array([value]))
        for n in range(3 * KEYS_AT_ONCE + 4)
        for value in [pa.array([[n / 2], [n], [str(n)]][n % 3])]
    ]
    block = HistoryBlock(["r"], np.array([10]), History("history", step, step + 0.5, None, series))
    pieces = list(block_rows(block, frozenset(one.key for one in series)))
    assert [len(piece["key"].dictionary) for piece in pieces] == [KEYS_AT_ONCE] * 3 + [2, 1, 1]
    found = {}
    for piece in pieces:
        columns = [piece[name].to_pylist() for name in ("key", "run_id", "step", "timestamp")]
        both = [
            [None] * len(columns[0]) if piece[name] is None else piece[name].to_pylist() for name in ("value", "text")
        ]
        found |= {key: row for key, *row in zip(*columns, *both, strict=True)}
    for n in range(len(series)):
        value, text = [(n / 2, None), (float(n), None), (None, str(n))][n % 3]
        assert found[f"k{n}"] == ["r", n % 10 * 10, n % 10 * 10 + 0.5, value, text]
    assert len(found) == len(series)
