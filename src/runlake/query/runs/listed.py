"""The filter language over a list of other things than runs: which of them match, in which order."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

import numpy as np
from msgspec import Struct

from runlake.errors import FilterError
from runlake.near import near_names
from runlake.query.runs.column import MISSING, FieldColumn, Mask
from runlake.query.runs.filter import AllOf, AnyOf, Field, Kind, Node, Not, Test, parse_filter, parse_order
from runlake.query.runs.nested import find_values
from runlake.stopping import check_wanted
from runlake.values import split_path

T = TypeVar("T")

_TREE: Final = "metadata"


class ListedField(Struct, Generic[T], frozen=True):
    """How one field is read of a thing: None and empty lists are missing, as the filter language has it."""

    kind: Kind
    read: Callable[[T], Any]


class Listed(Struct, Generic[T], frozen=True):
    """What a filter or an order may speak of: fields by name, and paths below ``metadata.`` where things have one."""

    fields: Mapping[str, ListedField[T]]
    read_metadata: Callable[[T], Mapping[str, Any]] | None = None

    def select(self, things: Sequence[T], filters: Mapping[str, Any] | None, order: str | None) -> list[T]:
        """Those that match, in order; ties, and all without an order, stay as they come.

        Raises `FilterError` for a filter or an order that cannot be read.
        """
        node, keys = parse_filter(filters, self._read_field), parse_order(order or (), self._read_field)
        columns = _Columns(self, things)
        chosen = np.flatnonzero(columns.mask(node))
        arrays: list[Any] = []
        for key in reversed(keys):
            sort_keys = columns.column(key.field).sort_keys(is_descending=key.is_descending)
            arrays.extend(part[chosen] for part in sort_keys)
        if arrays:
            chosen = chosen[np.lexsort(arrays)]
        return [things[place] for place in chosen.tolist()]

    def _read_field(self, text: str, place: str) -> Field:
        known = self.fields.get(text)
        if known is not None:
            return Field(text, "run", known.kind, ((text,),))
        head, _, path = text.partition(".")
        if head == _TREE and path and self.read_metadata is not None:
            return Field(text, _TREE, "any", (split_path(path),))
        near = near_names(text, list(self.fields))
        trees = [] if self.read_metadata is None else [f"{_TREE}.…"]
        advice = f"did you mean {' or '.join(near)}?" if near else f"fields are {', '.join([*self.fields, *trees])}"
        raise FilterError(f"in {place}: there is no field {text!r}; {advice}")


class _Columns(Generic[T]):
    """The fields of some things as columns, each made when it is asked for."""

    def __init__(self, listed: Listed[T], things: Sequence[T]) -> None:
        self._listed, self._things = listed, things
        self._known: dict[Field, FieldColumn] = {}

    def mask(self, node: Node) -> Mask:
        check_wanted()
        if isinstance(node, Test):
            return self.column(node.field).mask(node)
        if isinstance(node, Not):
            return ~self.mask(node.part)
        mask = np.full(len(self._things), isinstance(node, AllOf), np.bool_)
        for part in node.parts:
            if isinstance(node, AnyOf):
                mask |= self.mask(part)
            else:
                mask &= self.mask(part)
        return mask

    def column(self, field: Field) -> FieldColumn:
        if field not in self._known:
            self._known[field] = FieldColumn(self._cells(field))
        return self._known[field]

    def _cells(self, field: Field) -> list[Any]:
        if field.root == _TREE:
            read, (keys,) = self._listed.read_metadata, field.paths
            assert read is not None, "such a field was refused as it was read"
            return [next(find_values(read(thing), keys), MISSING) for thing in self._things]
        values = map(self._listed.fields[field.text].read, self._things)
        return [MISSING if value is None or value == [] else value for value in values]
