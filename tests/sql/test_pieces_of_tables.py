"""Rows of many runs as pieces of a table that DuckDB reads."""

import numpy as np
import pyarrow as pa

from runlake.query.many.blocks import HistoryBlock
from runlake.query.rows.history import History, Series
from runlake.sql.schema import NAMES_AT_ONCE
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
