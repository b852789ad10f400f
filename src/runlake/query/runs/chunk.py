"""Stored columns of runs (`store.catalog.run_columns`) as what filters and orders work on, made when first asked for.

One chunk serves all versions of a project that are cut from the same stored columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from runlake.query.runs.column import (
    EXACT_AS_FLOAT,
    MISSING,
    FieldColumn,
    FieldPart,
    Positions,
    Texts,
    family_part,
    kept_columns,
)
from runlake.query.runs.filter import family_of
from runlake.query.runs.nested import find_values
from runlake.store.catalog.run_columns import PACKED, ROOTS, Leaf, RunColumns, unpack_field
from runlake.values import split_path, stored_json


class _Node:
    """One key of the tree of all paths of a root."""

    __slots__ = ("children", "leaves")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}
        self.leaves: list[Leaf] = []


class RunChunk:
    """The columns of `stored`, one cell a row."""

    def __init__(self, stored: RunColumns) -> None:
        self.stored = stored
        self.size = stored.size
        self._columns = kept_columns(self.size)

    @cached_property
    def created_at(self) -> npt.NDArray[np.float64]:
        created: npt.NDArray[np.float64] = self.stored.fields["created_at"].to_numpy()
        return created

    @cached_property
    def run_ids(self) -> list[str]:
        run_ids: list[str] = self.stored.fields["run_id"].to_pylist()
        return run_ids

    @cached_property
    def tags(self) -> tuple[list[tuple[str, ...]], Positions]:
        """The distinct tags of runs, and which of them each row has."""
        codes, distinct = distinct_field(self.stored, "tags")
        return distinct, codes

    def columns(self, root: str, keys: tuple[str, ...]) -> list[FieldColumn]:
        """What a field or a key path may mean, one column for each way to read the path; at least one."""
        found = self._columns.get((root, keys))
        if found is None:
            made = [self._field(keys[0])] if root == "run" else list(self._found(self._trees[root], keys))
            found = made or [FieldColumn.of_parts(self.size, ())]
            self._columns.put((root, keys), found)
        return found

    @cached_property
    def _trees(self) -> dict[str, _Node]:
        trees = {root: _Node() for root in ROOTS}
        for leaf in self.stored.leaves:
            node: _Node = trees[leaf.root]
            for key in split_path(leaf.path):
                node = node.children.setdefault(key, _Node())
            node.leaves.append(leaf)
        return {str(root): node for root, node in trees.items()}

    def _found(self, node: _Node, keys: tuple[str, ...]) -> Iterator[FieldColumn]:
        """What `find_values` finds in the tree of each run, as columns, in the same order."""
        for split in range(1, len(keys) + 1):
            child = node.children.get(".".join(keys[:split]))
            if child is None:
                continue
            rest = keys[split:]
            if not rest:
                yield self._column_of(child)
                continue
            yield from self._found(child, rest)
            for leaf in child.leaves:
                if leaf.lane == "json":
                    yield from self._inside(leaf, rest)

    def _inside(self, leaf: Leaf, keys: tuple[str, ...]) -> Iterator[FieldColumn]:
        """What stands in values that are dicts of their own, such as media."""
        found = [
            list(find_values(value, keys)) if isinstance(value, dict) else []
            for value in map(stored_json, leaf.values.to_pylist())
        ]
        rows = _rows(leaf, self.size)
        for number in range(max(map(len, found), default=0)):
            cells: list[Any] = [MISSING] * self.size
            for row, values in zip(rows.tolist(), found, strict=True):
                if number < len(values):
                    cells[row] = values[number]
            yield FieldColumn(cells)

    def _column_of(self, node: _Node) -> FieldColumn:
        parts = [part for leaf in node.leaves for part in _leaf_parts(leaf, self.size)]
        if node.children:
            trees = self._subtrees(node)
            parts.append(("dict", FieldPart(np.array(list(trees), np.int64), list(trees.values()))))
        return FieldColumn.of_parts(self.size, parts)

    def _subtrees(self, node: _Node) -> dict[int, dict[str, Any]]:
        """The dicts that runs have at a node, by row: they are stored by their leaves."""
        trees: dict[int, dict[str, Any]] = {}
        for key, child in node.children.items():
            for leaf in child.leaves:
                values = leaf.values.to_pylist()
                if leaf.lane == "json":
                    values = list(map(stored_json, values))
                for row, value in zip(_rows(leaf, self.size).tolist(), values, strict=True):
                    trees.setdefault(row, {})[key] = value
            for row, tree in self._subtrees(child).items() if child.children else ():
                trees.setdefault(row, {})[key] = tree
        return trees

    def _field(self, name: str) -> FieldColumn:
        array = self.stored.fields[name]
        if array.type == PACKED:
            codes, distinct = distinct_field(self.stored, name)
            cells = [MISSING if not value else list(value) for value in distinct]
            return FieldColumn([cells[code] for code in codes.tolist()])
        if array.null_count:
            rows = np.flatnonzero(array.is_valid().to_numpy(zero_copy_only=False))
            array = array.drop_null()
        else:
            rows = np.arange(self.size)
        return FieldColumn.of_parts(self.size, [_array_part(array, rows)])


def distinct_field(stored: RunColumns, name: str) -> tuple[Positions, list[Any]]:
    """A packed field as codes and the distinct values they stand for."""
    encoded = stored.fields[name].dictionary_encode("encode")
    codes: Positions = encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
    return codes, [unpack_field(name, value) for value in encoded.dictionary.to_pylist()]


def _rows(leaf: Leaf, size: int) -> Positions:
    return np.arange(size) if leaf.rows is None else leaf.rows


def _leaf_parts(leaf: Leaf, size: int) -> Iterator[tuple[str, FieldPart]]:
    rows = _rows(leaf, size)
    if leaf.lane == "null":
        yield "null", FieldPart(rows, None)
    elif leaf.lane != "json":
        yield _array_part(leaf.values, rows)
    else:
        by_family: dict[str, tuple[list[int], list[Any]]] = {}
        for row, text in zip(rows.tolist(), leaf.values.to_pylist(), strict=True):
            value = stored_json(text)
            places, values = by_family.setdefault(family_of(value), ([], []))
            places.append(row)
            values.append(value)
        for family, (places, values) in by_family.items():
            yield family, family_part(family, np.array(places, np.int64), values)


def _array_part(array: pa.Array, rows: Positions) -> tuple[str, FieldPart]:
    """An array without nulls as the part of its family."""
    if pa.types.is_boolean(array.type):
        return "bool", FieldPart(rows, array.to_numpy(zero_copy_only=False))
    if pa.types.is_large_string(array.type):
        encoded = array.dictionary_encode()
        codes = encoded.indices.to_numpy().astype(np.int64)
        return "text", FieldPart(rows, Texts(encoded.dictionary.to_pylist(), codes))
    numbers = array.to_numpy()
    if numbers.dtype == np.float64:
        return "number", FieldPart(rows, numbers)
    # abs() of the least int64 is itself.
    if len(numbers) and (numbers.max() > EXACT_AS_FLOAT or numbers.min() < -EXACT_AS_FLOAT):
        return "number", FieldPart(rows, numbers.astype(object))
    return "number", FieldPart(rows, numbers.astype(np.float64), np.ones(len(numbers), np.bool_))
