"""What a document may ask for, counted before anything is done for it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
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
    value_from_ast_untyped,
)

from runlake.errors import BadValueError
from runlake.server.wandb.nodes.connection import DEFAULT_PAGE, MAX_PAGE
from runlake.server.wandb.nodes.console import MAX_LAST

MAX_DOCUMENT_CHARACTERS = 100_000
MAX_TOKENS = 10_000
MAX_DEPTH = 20
MAX_FIELDS = 1_000
"""Fields of one document, those of a fragment counted wherever it is spread: the client's longest has about 200."""

MAX_ALIASES = 50
MAX_VARIABLE_DEPTH = 100

_PAGED = frozenset(
    {
        *("runs", "models", "sweeps", "users", "agents", "files", "logLines", "allViews", "priorRuns"),
        *("artifacts", "artifactCollections", "artifactTypes", "inputArtifacts", "outputArtifacts"),
        *("artifactMemberships", "usedBy"),
    }
)
_USUAL_COUNTS = {"aliases": 5, "tags": 5}
"""So many items lists have that come whole, and that few have more than a handful of."""

_COST_OF_FIELD = {
    "history": 500,
    "events": 500,
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
    "createArtifact": 50,
    "createArtifactFiles": 100,
    "completeMultipartUploadArtifact": 1_000,
    "commitArtifact": 1_000,
    "allViews": 100,
    "artifacts": 500,
    "artifactCollections": 500,
    "artifactTypes": 500,
    "artifactType": 20,
    "artifactMemberships": 200,
    "inputArtifacts": 200,
    "outputArtifacts": 200,
    "usedBy": 200,
    "artifact": 20,
    "artifactCollectionMembership": 20,
    "artifactMembership": 20,
    "latestArtifact": 20,
    "createdBy": 20,
}
"""What a field costs, in fields that only hand out what is known already."""

_LARGEST_PAGES = {"logLines": MAX_LAST}
_COST_OF_ITEM = {
    "sampledHistory": 200,
    "createRunFiles": 100,
    "markRunFilesUploaded": 100,
    "deleteFiles": 500,
    "files": 50,
}
_COST_OF_ANY_ITEM = 20
"""What each item of the lists among the arguments of a field costs."""

_COST_OF_FILTER = 500
_FILTERS = frozenset({"filters", "priorRunsFilters"})
_CHARACTERS_PER_COST = 20
_COUNTED_TEXTS = _FILTERS | {"specs", "pattern", "order", "names", "query"}
"""Arguments whose text is read for what it asks."""


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


def cost_of(document: DocumentNode, operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> int:
    """What an operation costs: its pages multiply what each of their items costs, and lists count by their length."""
    fragments = _fragments(document)
    variables = _with_defaults(operation, variables)
    known: dict[str, int] = {}

    def of(selections: SelectionSetNode | None) -> int:
        cost = 0
        for selection in selections.selections if selections else ():
            if isinstance(selection, FieldNode):
                inner = of(selection.selection_set)
                cost += _COST_OF_FIELD.get(selection.name.value, 1) + _items(selection, variables) * inner
                cost += _cost_of_arguments(selection, variables)
            elif isinstance(selection, InlineFragmentNode):
                cost += of(selection.selection_set)
            elif isinstance(selection, FragmentSpreadNode):
                name = selection.name.value
                if name not in known:
                    known[name] = of(fragments[name].selection_set)
                cost += known[name]
        return cost

    return of(operation.selection_set)


def _with_defaults(operation: OperationDefinitionNode, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The variables, and those that the document itself gives a value."""
    defaults = {
        one.variable.name.value: value_from_ast_untyped(one.default_value)
        for one in operation.variable_definitions or ()
        if one.default_value is not None
    }
    return defaults | dict(variables)


def _cost_of_arguments(field: FieldNode, variables: dict[str, Any]) -> int:
    cost = 0
    for argument in field.arguments or ():
        value = value_from_ast_untyped(argument.value, variables)
        count, size = _measure(value, argument.name.value)
        cost += count * _COST_OF_ITEM.get(field.name.value, _COST_OF_ANY_ITEM) + size
    return cost


def _measure(value: Any, name: str, level: int = 0) -> tuple[int, int]:
    """(how many items there are in all lists of an argument, what its texts cost that say what is asked for)."""
    if level > MAX_VARIABLE_DEPTH:
        raise BadValueError(f"the argument {name} is nested deeper than {MAX_VARIABLE_DEPTH} levels")
    if isinstance(value, str):
        if name not in _COUNTED_TEXTS or not value:
            return 0, 0
        return 0, len(value) // _CHARACTERS_PER_COST + (_COST_OF_FILTER if name in _FILTERS else 0)
    found: Iterable[tuple[int, int]] = ()
    count = 0
    if isinstance(value, Mapping):
        found = (_measure(inner, str(key), level + 1) for key, inner in value.items())
    elif isinstance(value, list | tuple):
        count = len(value)
        found = (_measure(inner, name, level + 1) for inner in value)
    size = 0
    for inner_count, inner_size in found:
        count, size = count + inner_count, size + inner_size
    return count, size


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
    name = field.name.value
    if name not in _PAGED and name not in _USUAL_COUNTS:
        return 1
    for argument in field.arguments or ():
        if argument.name.value in ("first", "last"):
            value: Any = None
            if isinstance(argument.value, IntValueNode):
                value = int(argument.value.value[:12])
            elif isinstance(argument.value, VariableNode):
                value = variables.get(argument.value.name.value)
            if isinstance(value, int | float):
                return int(max(1, min(value, _LARGEST_PAGES.get(name, MAX_PAGE))))
    return _USUAL_COUNTS.get(name, DEFAULT_PAGE)


def _check(verb: str, count: int, limit: int, what: str) -> None:
    if count > limit:
        raise BadValueError(f"the document {verb} {count:,} {what}, and {limit:,} is allowed; ask in several documents")
