"""What a document may ask for, counted before anything is done for it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    InlineFragmentNode,
    IntValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
    VariableNode,
)

from runlake.errors import BadValueError
from runlake.server.wandb.connection import DEFAULT_PAGE, MAX_PAGE

MAX_DOCUMENT_CHARACTERS = 100_000
MAX_TOKENS = 10_000
MAX_DEPTH = 20
MAX_FIELDS = 1_000
"""Fields of one document, those of a fragment counted wherever it is spread: the client's longest has about 200."""

MAX_ALIASES = 50
MAX_COST = 1_000_000

_PAGED = frozenset({"runs", "models", "sweeps", "users", "agents", "files", "logLines", "allViews", "priorRuns"})
_COST_OF_FIELD = {
    "history": 500,
    "events": 500,
    "sampledHistory": 500,
    "historyTail": 100,
    "eventsTail": 100,
    "parquetHistory": 500,
    "logLines": 100,
    "files": 100,
    "fileCount": 100,
    "historyKeys": 5,
    "runs": 50,
    "runCount": 50,
    "models": 50,
    "users": 50,
    "sweep": 50,
    "sweeps": 500,
    "totalSweeps": 500,
    "agent": 50,
    "agents": 50,
    "priorRuns": 50,
    "bestLoss": 50,
}
"""What a field costs, in fields that only hand out what is known already."""


@dataclass(frozen=True, slots=True)
class _Size:
    """What a selection holds when all its fragments are written out."""

    depth: int
    field_count: int
    alias_count: int

    def __add__(self, other: _Size) -> _Size:
        return _Size(
            max(self.depth, other.depth),
            self.field_count + other.field_count,
            self.alias_count + other.alias_count,
        )


def check_document(document: DocumentNode) -> None:
    """`BadValueError` for a document that is too deep, too broad, or goes round in circles."""
    sizes = _Sizes(document)
    total = _Size(0, 0, 0)
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode | FragmentDefinitionNode):
            total += sizes.of(definition.selection_set)
            _check("is nested", total.depth, MAX_DEPTH, "levels deep")
            _check("asks for", total.field_count, MAX_FIELDS, "fields")
            _check("uses", total.alias_count, MAX_ALIASES, "aliases")


def check_cost(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> None:
    """`BadValueError` for an operation that would do too much: its pages multiply what each of their items costs."""
    fragments = _fragments(document)
    known: dict[str, int] = {}

    def cost_of(selections: SelectionSetNode | None) -> int:
        cost = 0
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                inner = cost_of(selection.selection_set)
                cost += _COST_OF_FIELD.get(selection.name.value, 1) + _items(selection, variables) * inner
            elif isinstance(selection, InlineFragmentNode):
                cost += cost_of(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name not in known:
                    known[name] = cost_of(fragments[name].selection_set)
                cost += known[name]
        return cost

    cost = cost_of(operation.selection_set)
    if cost > MAX_COST:
        raise BadValueError(
            f"the document would cost {cost:,}, and {MAX_COST:,} is allowed: "
            "ask for fewer items a page (first), or for fewer fields of each"
        )


class _Sizes:
    def __init__(self, document: DocumentNode) -> None:
        self._fragments = _fragments(document)
        self._known: dict[str, _Size | None] = {}

    def of(self, selections: SelectionSetNode | None, level: int = 1) -> _Size:
        total = _Size(0, 0, 0)
        if level > MAX_DEPTH * 2:
            _check("is nested", level, MAX_DEPTH, "levels deep")
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                inner = self.of(selection.selection_set, level + 1)
                total += _Size(
                    inner.depth + 1, inner.field_count + 1, inner.alias_count + (selection.alias is not None)
                )
            elif isinstance(selection, InlineFragmentNode):
                total += self.of(selection.selection_set, level + 1)
            elif isinstance(selection, FragmentSpreadNode):
                total += self._of_fragment(selection.name.value, level)
            _check("asks for", total.field_count, MAX_FIELDS, "fields")
        return total

    def _of_fragment(self, name: str, level: int) -> _Size:
        if name not in self._fragments:
            return _Size(0, 0, 0)  # validation says that there is no such fragment
        if name not in self._known:
            self._known[name] = None
            self._known[name] = self.of(self._fragments[name].selection_set, level + 1)
        size = self._known[name]
        if size is None:
            raise BadValueError(f"the fragment {name} contains itself")
        return size


def _fragments(document: DocumentNode) -> dict[str, FragmentDefinitionNode]:
    return {one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)}


def _items(field: FieldNode, variables: Mapping[str, Any]) -> int:
    """How many items a field gives at most: those of its page, where it has pages."""
    if field.name.value not in _PAGED:
        return 1
    for argument in field.arguments or ():
        if argument.name.value in ("first", "last"):
            value: Any = None
            if isinstance(argument.value, IntValueNode):
                value = int(argument.value.value[:12])
            elif isinstance(argument.value, VariableNode):
                value = variables.get(argument.value.name.value)
            if isinstance(value, int):
                return max(1, min(value, MAX_PAGE))
    return DEFAULT_PAGE


def _check(verb: str, count: int, limit: int, what: str) -> None:
    if count > limit:
        raise BadValueError(f"the document {verb} {count:,} {what}, and {limit:,} is allowed; ask in several documents")
