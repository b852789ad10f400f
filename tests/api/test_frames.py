"""A table as a DataFrame, however it is made."""

import numpy as np
import pandas as pd
import pyarrow as pa

from runlake.api.frame import table_to_pandas


def test_a_frame_of_many_rows_has_the_form_of_one_of_few():
    row_count = 100_001
    values = pa.chunked_array([np.linspace(0, 1, 50_000), np.linspace(1, 2, row_count - 50_000)])
    table = pa.table({"_step": np.arange(row_count), "loss": values, "epoch": np.arange(row_count) // 7})
    pd.testing.assert_frame_equal(table_to_pandas(table)[:1000], table_to_pandas(table.slice(0, 1000)))
