import pandas as pd
import pytest

from runlake.errors import BadValueError, NotSupportedError, RunlakeWarning
from runlake.media.left_out import strictly
from runlake.media.read import read_media
from runlake.media.table import Table
from runlake.media.tables import EvalTable, JoinedTable

LEFT = Table(columns=["id", "x"], data=[["a", 1], ["b", 2]])
RIGHT = Table(columns=["key", "y"], data=[["a", 0.5]])


@pytest.mark.parametrize(
    ("right", "key"), [(RIGHT, ["id", "key"]), (Table(columns=["id", "y"], data=[["a", 0.5]]), "id")]
)
def test_joined_tables_are_kept_both(files, right, key):
    value = JoinedTable(LEFT, right, key).stored(files.write, "k", 0)
    again = read_media(value, files.open)
    assert (again.table1.data, again.table2.columns, again.join_key) == (LEFT.data, right.columns, key)
    assert value["_type"] == "joined-table"
    assert again.stored(files.write, "k", 0) == value


def test_frames_can_be_joined():
    assert JoinedTable(pd.DataFrame({"id": [1]}), LEFT, "id").table1.data == [[1]]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LEFT, 5, "id"), "give two Tables"),
        ((LEFT, RIGHT, ["id"]), "give two Tables"),
        ((LEFT, RIGHT, "id"), "no column 'id'"),
    ],
)
def test_what_cannot_be_joined_is_refused(arguments, message):
    with pytest.raises(BadValueError, match=message):
        JoinedTable(*arguments)


def test_a_table_of_an_evaluation_is_a_table_that_knows_its_columns(files):
    table = EvalTable(columns=["in", "out", "ok"], input_columns=["in"], output_columns=["out"], score_columns=["ok"])
    table.add_data("q", "a", True)
    with pytest.raises(NotSupportedError, match="no evaluation of Weave"), strictly(True):
        table.stored(files.write, "k", 0)
    with pytest.warns(RunlakeWarning, match="no evaluation of Weave"):
        value = table.stored(files.write, "k", 0)
    again = read_media(value, files.open)
    assert (again.data, again.input_columns, again.output_columns, again.score_columns) == (
        [["q", "a", True]],
        ["in"],
        ["out"],
        ["ok"],
    )
