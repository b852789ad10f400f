"""Histograms in a few words, and only histograms."""

import pyarrow as pa
import pytest

from runlake.query.rows.in_short import in_short, table_in_short
from runlake.values import encode_json

HISTOGRAM = {"_type": "histogram", "values": [1, 0, 2], "bins": [-1.5, 0.0, 1.5, 3.0]}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (HISTOGRAM, "histogram of 3 values, -1.5 … 3"),
        ({"_type": "histogram", "values": [1, 1], "packedBins": {"min": 0, "size": 0.5, "count": 2}},
         "histogram of 2 values, 0 … 1"),
        ({"_type": "histogram", "values": [], "bins": []}, "histogram"),
        ({"_type": "histogram", "values": ["NaN"], "bins": [0, 1]}, "histogram"),
        ({"_type": "histogram"}, "histogram"),
        ({"_type": "image-file", "path": "a.png"}, None),
        ({"values": [1], "bins": [0, 1]}, None),
        ([1, 2], None),
        ("histogram", None),
        (None, None),
    ],
)  # fmt: skip
def test_a_histogram_is_told_in_a_few_words(value, words):
    assert in_short(value) == words


def test_a_table_keeps_everything_but_histograms():
    texts = [str(encode_json(HISTOGRAM)), None, '{"_type":"image-file"}', "x"]
    for kind in (pa.string(), pa.large_string()):
        table = pa.table({"h": pa.array(texts, kind), "n": [1, 2, 3, 4]})
        short = table_in_short(table)
        assert short.to_pydict() == {"h": ["histogram of 3 values, -1.5 … 3", *texts[1:]], "n": [1, 2, 3, 4]}
        assert short.schema == table.schema
    assert table_in_short(pa.table({"h": pa.array([], pa.string())})).num_rows == 0
