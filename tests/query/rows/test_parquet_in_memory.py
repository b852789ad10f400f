"""A Parquet file that is made in memory is, byte for byte, the one that is written piece by piece."""

import io

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.query.rows.export import CountedFile, ParquetInMemory, ParquetTables

NUMBERS = {
    "_step": np.arange(1000),
    "wild": np.random.default_rng(1).integers(-(2**63), 2**63 - 1, 1000),
    "noise": np.random.default_rng(2).standard_normal(1000),
    "is_on": np.arange(1000) % 3 == 0,
}


def in_pieces(table):
    file = io.BytesIO()
    tables = ParquetTables(CountedFile(file), table.schema, is_gathering=False)
    tables.write(table)
    tables.close()
    return file.getvalue()


def test_it_is_the_file_that_is_written_in_pieces_however_often_the_memory_is_used():
    memory, table = ParquetInMemory(), pa.table(NUMBERS)
    for part in (table, table.slice(0, 10), table.select(["noise"]), table):
        part = part.combine_chunks()
        assert memory.holds(part)
        assert bytes(memory.write(part)) == in_pieces(part)
    assert pq.read_table(pa.BufferReader(bytes(memory.write(table)))).equals(table)


@given(st.lists(st.one_of(st.none(), st.floats(), st.floats(width=32)), max_size=50), st.text(max_size=2000))
def test_what_is_known_to_fit_does(values, name):
    memory = ParquetInMemory(2**16)
    table = pa.table({name: pa.array(values, pa.float64())})
    assert not memory.holds(table) or bytes(memory.write(table)) == in_pieces(table)


@pytest.mark.parametrize("odd", [["text"], [[1.0]], [{"a": 1}]], ids=["text", "list", "struct"])
def test_of_what_is_no_number_it_is_not_known(odd):
    assert not ParquetInMemory().holds(pa.table({"loss": odd}))


def test_a_table_that_is_too_long_does_not_fit():
    memory, table = ParquetInMemory(2**16), pa.table({"loss": np.arange(0.0, 2000.0)})
    assert (memory.holds(table), memory.holds(pa.concat_tables([table] * 3))) == (True, False)
