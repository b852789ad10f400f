"""The values of some keys of many runs as one Arrow table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from runlake.query.many.blocks import HistoryBlock
from runlake.query.rows.dicts import axes_of_keys
from runlake.query.rows.history import HistoryOutline
from runlake.query.rows.select import rows_with_keys
from runlake.query.rows.table import TABLE_AXES, ColumnPlan, wide_table

RUN_ID = "run_id"


def scan_table(blocks: Sequence[HistoryBlock], keys: Sequence[str]) -> pa.Table:
    """The rows of all blocks that have at least one of the keys: `run_id`, `_step` and other axes among the keys, and a
    column a key, typed as `query.rows.table` types those of several histories.
    """
    plan = ColumnPlan()
    found = []
    run_count = 0
    for block in blocks:
        history, positions = rows_with_keys(block.history, keys, "any")
        runs = np.repeat(np.arange(run_count, run_count + len(block.run_ids), dtype=np.int32), block.row_counts)
        found.append((history, runs if positions is None else runs[positions]))
        run_count += len(block.run_ids)
        plan.add_outline(HistoryOutline.of(history))
    columns, axes = plan.columns((*TABLE_AXES, RUN_ID)), axes_of_keys(keys)
    run_ids = pa.array([run_id for block in blocks for run_id in block.run_ids], pa.string())
    tables = []
    for history, runs in found:
        table = wide_table(history, axes=axes, columns=columns, max_columns=None)
        tables.append(table.add_column(0, RUN_ID, pa.DictionaryArray.from_arrays(runs, run_ids)))
    return pa.concat_tables(tables) if tables else pa.table({})
