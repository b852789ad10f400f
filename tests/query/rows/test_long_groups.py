"""Long tables gathered to groups hold what the long tables hold."""

import math

import pyarrow as pa
import pytest

from runlake.model import RunPath
from runlake.query.rows.table import long_groups, long_tables
from runlake.service.local.service import LocalService
from written_run import write_run

ROWS = [
    {"a": 1, "b": "x", "c": [1]},
    {"a": 0.5, "b": None, "d": True},
    {"a": "text", "c": math.nan, "d": False},
    {"a": 4, "b": "y"},
]


def rows_of(tables):
    found = []
    for table in tables:
        keys = table["key"].cast(pa.string()).to_pylist()
        lanes = table["lane"].cast(pa.string()).to_pylist()
        others = table.drop_columns(["key", "lane"]).to_pylist()
        found += [repr((key, lane, row)) for key, lane, row in zip(keys, lanes, others, strict=True)]
    return found


@pytest.mark.parametrize("row_limit", [1, 3, 100])
@pytest.mark.parametrize("rows", [[], [{}], ROWS])
def test_groups_hold_the_rows_of_the_long_tables(tmp_path, rows, row_limit):
    write_run(tmp_path / "store", "ann/p/r", rows=rows)
    history = LocalService(tmp_path / "store", default_entity="ann").read_history(RunPath("ann", "p", "r"))
    groups = list(long_groups(history, row_limit=row_limit))
    assert rows_of(groups) == rows_of(long_tables(history))
    assert {str(group.schema) for group in groups} == {str(next(long_tables(history)).schema)}
    assert len(groups) == (1 if row_limit == 100 or rows is not ROWS else {1: 4, 3: 3}[row_limit])
