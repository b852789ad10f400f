"""What a query needs of each table, from DuckDB's own reading of it.

A condition counts where it must hold of every row of the table that can come into the answer: an equality or an IN with
texts, joined by AND and OR, in the WHERE of the SELECT that names the table. Whatever is not understood asks for more
rows, never for fewer: DuckDB applies every condition again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from runlake.errors import SqlError
from runlake.sql.schema import SCHEMAS

PRUNED = ("entity", "project", "run_id", "key")
"""The columns whose values say what need not be read."""

_TABLE_FUNCTIONS = frozenset({"range", "generate_series", "unnest"})
_PLAIN_JOINS = ("REGULAR", "CROSS")
_PLAIN_JOIN_TYPES = ("INNER", "LEFT", "RIGHT", "OUTER", "FULL")
_ANY_COLUMN = ("STAR", "POSITIONAL_REFERENCE", "PIVOT", "SHOW_REF")

Wanted = dict[str, frozenset[str]]
"""Column → the values that can matter; a column that is not there may have any."""


class Scope(Struct, frozen=True):
    """What must be read: of each table that is named the rows that can matter, and the columns; None for all.

    `names_others`: what other tables there are can matter too.
    """

    wanted: dict[str, Wanted]
    columns: frozenset[str] | None
    names_others: bool

    def needs(self, column: str) -> bool:
        """Whether a column can be meant."""
        return self.columns is None or column in self.columns


def scope_of(tree: Mapping[str, Any]) -> Scope:
    """The scope of a query as ``json_serialize_sql`` has it; `SqlError` for a table function that could read more."""
    wanted: dict[str, Wanted] = {}
    for table, found in _tables(tree, None):
        wanted[table] = _either(wanted[table], found) if table in wanted else found
    return Scope(wanted, _columns(tree), _names_others(tree))


def _tables(node: Any, select: Mapping[str, Any] | None) -> Iterator[tuple[str, Wanted]]:
    """Each naming of a table of ours, with what is wanted of it; `select` is that in whose FROM the node stands."""
    if isinstance(node, list):
        for each in node:
            yield from _tables(each, select)
        return
    if not isinstance(node, Mapping):
        return
    kind = node.get("type")
    if kind == "BASE_TABLE":
        name = str(node.get("table_name", "")).lower()
        if name in SCHEMAS:
            yield name, _wanted_of(node, select)
        return
    if kind == "TABLE_FUNCTION":
        _check_function(node)
    if kind == "SHOW_REF" and node.get("show_type") in ("DESCRIBE", "SHOW_SPECIAL", "SHOW_FROM"):
        return  # says what columns there are
    for name, child in node.items():
        if name != "from_table":
            inner = select if kind == "JOIN" and name in ("left", "right") and _is_plain_join(node) else None
            yield from _tables(child, inner)
        elif kind == "SELECT_NODE" and node.get("sample") is None:
            yield from _tables(child, node)
        else:
            yield from _tables(child, None)


def _names_others(node: Any) -> bool:
    if isinstance(node, list):
        return any(map(_names_others, node))
    if not isinstance(node, Mapping):
        return False
    kind, name = node.get("type"), str(node.get("table_name", "")).lower()
    if kind == "SHOW_REF" or (kind == "BASE_TABLE" and (name not in SCHEMAS or node.get("schema_name"))):
        return True
    return any(map(_names_others, node.values()))


def _check_function(node: Mapping[str, Any]) -> None:
    name = str((node.get("function") or {}).get("function_name", "")).lower()
    if name not in _TABLE_FUNCTIONS:
        allowed = ", ".join(sorted(_TABLE_FUNCTIONS))
        raise SqlError(f"the table function {name}() is refused; a query reads the tables of the store, and {allowed}")


def _is_plain_join(node: Mapping[str, Any]) -> bool:
    return node.get("ref_type") in _PLAIN_JOINS and node.get("join_type") in _PLAIN_JOIN_TYPES


def _wanted_of(table: Mapping[str, Any], select: Mapping[str, Any] | None) -> Wanted:
    if select is None or table.get("sample") is not None or table.get("column_name_alias"):
        return {}
    is_only = select.get("from_table") is table
    names = {str(table.get("alias") or table["table_name"]).lower()}
    columns = SCHEMAS[str(table["table_name"]).lower()].names
    found = _held(select.get("where_clause"), names, is_only=is_only)
    return {column: values for column, values in found.items() if column in columns}


def _held(condition: Any, names: set[str], *, is_only: bool) -> Wanted:
    """The values that columns of a table can have where a condition holds."""
    if not isinstance(condition, Mapping):
        return {}
    kind = condition.get("type")
    if kind in ("CONJUNCTION_AND", "CONJUNCTION_OR"):
        parts = [_held(child, names, is_only=is_only) for child in condition["children"]]
        whole = parts[0]
        for part in parts[1:]:
            whole = _both(whole, part) if kind == "CONJUNCTION_AND" else _either(whole, part)
        return whole
    if kind == "COMPARE_EQUAL":
        sides = [condition.get("left"), condition.get("right")]
        ways = [(sides[0], [sides[1]]), (sides[1], [sides[0]])]
    elif kind == "COMPARE_IN":
        ways = [(condition["children"][0], condition["children"][1:])]
    else:
        return {}
    for column, values in ways:
        name, texts = _column(column, names, is_only=is_only), [_text(value) for value in values]
        if name is not None and all(text is not None for text in texts):
            return {name: frozenset(text for text in texts if text is not None)}
    return {}


def _column(node: Any, names: set[str], *, is_only: bool) -> str | None:
    if not isinstance(node, Mapping) or node.get("type") != "COLUMN_REF":
        return None
    parts = [str(part).lower() for part in node["column_names"]]
    is_ours = (len(parts) == 1 and is_only) or (len(parts) == 2 and parts[0] in names)
    return parts[-1] if is_ours and parts[-1] in PRUNED else None


def _text(node: Any) -> str | None:
    """The text that a constant is, as DuckDB 2 writes it down, or as DuckDB 1 did."""
    if not isinstance(node, Mapping) or node.get("type") != "VALUE_CONSTANT":
        return None
    literal, value = node.get("literal"), node.get("value")
    if isinstance(literal, Mapping) and literal.get("kind") == "STRING":
        return str(literal["text"])
    if not isinstance(value, Mapping) or not isinstance(value.get("value"), str):
        return None
    kind = value.get("type")
    return str(value["value"]) if isinstance(kind, Mapping) and kind.get("id") == "VARCHAR" else None


def _both(a: Wanted, b: Wanted) -> Wanted:
    return {**a, **{column: a.get(column, values) & values for column, values in b.items()}}


def _either(a: Wanted, b: Wanted) -> Wanted:
    return {column: a[column] | b[column] for column in a if column in b}


def _columns(tree: Any) -> frozenset[str] | None:
    """The columns that can be meant: every one that any text names, or all where one can be meant without its name."""
    tables: set[str] = set()
    references: list[list[str]] = []
    texts: set[str] = set()

    def is_any(node: Any) -> bool:
        if isinstance(node, list):
            return any([is_any(each) for each in node])
        if not isinstance(node, Mapping):
            if isinstance(node, str):
                texts.add(node.lower())
            return False
        if node.get("type") in _ANY_COLUMN or node.get("ref_type") == "NATURAL" or node.get("column_name_alias"):
            return True
        if node.get("type") == "COLUMN_REF":
            references.append([str(part).lower() for part in node["column_names"]])
        if node.get("type") == "BASE_TABLE":
            tables.update(str(node[name]).lower() for name in ("alias", "table_name") if node.get(name))
        return any([is_any(each) for each in node.values()])

    if is_any(tree) or any(part in tables and len(parts) == 1 for parts in references for part in parts):
        return None
    return frozenset(texts & {name for schema in SCHEMAS.values() for name in schema.names})
