"""What is read out of DuckDB's own reading of a query, in the two forms that its versions write constants in."""

import json

import duckdb
import pytest

from runlake.sql.scope import scope_of

QUERY = "SELECT value FROM history WHERE key = 'loss' AND run_id IN ('a', 'b')"


def tree_of(query):
    ((text,),) = duckdb.connect().execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()
    return json.loads(text)


def in_the_form_of_duckdb_1(node):
    if isinstance(node, list):
        return [in_the_form_of_duckdb_1(each) for each in node]
    if not isinstance(node, dict):
        return node
    if node.get("type") == "VALUE_CONSTANT" and "literal" in node:
        value = {"type": {"id": "VARCHAR", "type_info": None}, "is_null": False, "value": node["literal"]["text"]}
        return {"class": "CONSTANT", "type": "VALUE_CONSTANT", "value": value}
    return {name: in_the_form_of_duckdb_1(child) for name, child in node.items()}


@pytest.mark.parametrize("form", [lambda tree: tree, in_the_form_of_duckdb_1], ids=["as it is", "as DuckDB 1 has it"])
def test_conditions_and_columns_are_found(form):
    scope = scope_of(form(tree_of(QUERY)))
    assert scope.wanted == {"history": {"key": frozenset({"loss"}), "run_id": frozenset({"a", "b"})}}
    assert scope.columns == {"value", "key", "run_id"}
