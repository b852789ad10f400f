"""The filter language: a Mongo-like dict, read into a checked tree. What it means for columns: `query.runs.column`.

::

    {"state": "finished", "config.lr": {"$gte": 1e-3}, "$or": [{"tags": "best"}, {"summary_metrics.acc": {"$gt": 0.9}}]}

Operators are $and $or $nor $not $eq $ne $gt $gte $lt $lte $in $nin $all $exists $regex (with $options); a bare value
means $eq, a compiled pattern means $regex with its text and flags. Patterns are RE2's, near and far: see
`query.runs.pattern`. Fields are those of `FIELDS`, and paths below ``config.``, ``summary.``,
``summary_metrics.``: ``config.a.b`` finds ``{"a": {"b": 1}}`` and ``{"a.b": 1}``; ``a\\.b`` finds only the latter;
``config.lr.value``, as W&B writes it, also finds ``{"lr": 1}``. W&B's ``keys_info.keys.loss`` is ``summary.loss``.

The rules are MongoDB's:

- A comparison holds only within one family of types: numbers (int and float together), text, booleans, None.
- $ne, $nin, $not and $nor are the exact opposite of what they deny, so they hold where the value is missing.
- ``None`` equals None and missing. $exists tells a stored None from a missing value.
- A list matches when it is equal or any element matches. Tags are a list whose order does not matter.
- A time as text without a part of a second, as the Api gives times, means that whole second.

Here they differ: NaN equals nothing and compares false, as in Python; a field of a run that is None or an empty
collection is missing; dicts are equal whatever the order of their keys. ``name`` means the run's id to W&B and its
display name to everybody else: a filter on it looks at both, an order by it takes the display name.
"""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from msgspec import Struct

from runlake.errors import FilterError, LogTypeError
from runlake.near import near_names
from runlake.query.runs.pattern import OPTIONS, Pattern, parse_pattern
from runlake.values import canonical, read_value, split_path

Kind = Literal["text", "time", "number", "tags", "any"]
Root = Literal["run", "config", "summary", "metadata"]

MAX_DEPTH = 50
MAX_TESTS = 10_000
MAX_VALUES = 100_000
"""So many values a filter may look for in all."""
MAX_PATTERNS = 100
MAX_ORDER_KEYS = 50


class Field(Struct, frozen=True):
    """What a filter or an order speaks of: attributes of `RunInfo` (root ``run``), or keys below config or summary.

    `paths` are alternatives; a test holds when it holds for any of them, and an order takes the first that is there.
    """

    text: str
    root: Root
    kind: Kind
    paths: tuple[tuple[str, ...], ...]


ReadField = Callable[[str, str], Field]
"""(name, place of the filter) → the field of that name; `FilterError` where there is none."""


class Test(Struct, frozen=True):
    """A positive statement on one field. `operand` is plain data: for ``in`` a tuple; for ``regex`` a `Pattern`."""

    __test__ = False  # pytest would take it for a class of tests

    field: Field
    operator: Literal["in", "gt", "gte", "lt", "lte", "exists", "regex"]
    operand: Any


class AllOf(Struct, frozen=True):
    """True where every part is."""

    parts: tuple[Node, ...]


class AnyOf(Struct, frozen=True):
    """True where some part is."""

    parts: tuple[Node, ...]


class Not(Struct, frozen=True):
    """True where the part is not."""

    part: Node


Node = Test | AllOf | AnyOf | Not


class OrderKey(Struct, frozen=True):
    """One part of an order."""

    field: Field
    is_descending: bool


def _fields() -> dict[str, tuple[Kind, tuple[str, ...]]]:
    """Field name → kind and attributes of `RunInfo`, in the order in which messages list them."""
    spellings: list[tuple[str, Kind, tuple[str, ...]]] = [
        ("state", "text", ("state",)),
        ("name", "text", ("name", "run_id")),
        ("display_name displayName", "text", ("name",)),
        ("run_id runId id", "text", ("run_id",)),
        ("created_at createdAt", "time", ("created_at",)),
        ("heartbeat_at heartbeatAt", "time", ("heartbeat_at",)),
        ("group", "text", ("group",)),
        ("job_type jobType", "text", ("job_type",)),
        ("tags", "tags", ("tags",)),
        ("notes description", "text", ("notes",)),
        ("user username user.username user.name", "text", ("user",)),
        ("sweep", "text", ("sweep",)),
        ("host", "text", ("host",)),
        ("program", "text", ("program",)),
        ("runtime_s duration", "number", ("runtime_s",)),
        ("last_step lastHistoryStep", "number", ("last_step",)),
        ("row_count", "number", ("row_count",)),
        ("exit_code exitCode", "number", ("exit_code",)),
    ]
    return {name: (kind, attributes) for names, kind, attributes in spellings for name in names.split()}


FIELDS = _fields()
"""Field name → kind of operand and the attributes of `RunInfo` it looks at."""

_TREES: dict[str, Root] = {
    "config": "config",
    "summary": "summary",
    "summary_metrics": "summary",
    "summaryMetrics": "summary",
}
_LOGICAL = ("$and", "$or", "$nor", "$not")
_RANGES = ("$gt", "$gte", "$lt", "$lte")
_OPERATORS = ("$eq", "$ne", *_RANGES, "$in", "$nin", "$all", "$not", "$exists", "$regex", "$options")
_KIND_WORDS = {"text": "text", "time": "a time (ISO text or seconds since 1970)", "number": "a number", "tags": "text"}
_LETTER_OF_FLAG = {re.IGNORECASE: "i", re.MULTILINE: "m", re.DOTALL: "s", re.VERBOSE: "x"}
_FAMILIES: dict[type, str] = {
    float: "number",
    int: "number",
    bool: "bool",
    str: "text",
    type(None): "null",
    list: "list",
    dict: "dict",
}
_LOGGED_KEYS = "keys_info.keys."
"""How W&B asks which keys were logged; here the summary knows."""

_UNESCAPED_COMMA = re.compile(r"(?<!\\),")


def parse_filter(filters: Mapping[str, Any] | None, read_field: ReadField | None = None) -> Node:
    """The checked tree of a filter; None and ``{}`` match every run. `FilterError` names the place.

    The fields are those of runs, or those that `read_field` knows.
    """
    node = AllOf(()) if filters is None else _parse(filters, "the filter", 0, read_field or parse_field)
    _check_size(node)
    return node


def _check_size(node: Node) -> None:
    """Refuse what would be looked up for long: somebody else may wait for it."""
    test_count = value_count = pattern_count = 0
    pending: list[Node] = [node]
    while pending:
        part = pending.pop()
        if isinstance(part, Test):
            test_count += 1
            value_count += len(part.operand) if part.operator == "in" else 0
            pattern_count += part.operator == "regex"
        else:
            pending += (part.part,) if isinstance(part, Not) else part.parts
    sizes = ((test_count, MAX_TESTS, "conditions"), (value_count, MAX_VALUES, "values"))
    for count, limit, what in (*sizes, (pattern_count, MAX_PATTERNS, "patterns")):
        if count > limit:
            raise FilterError(f"the filter has {count:,} {what}, and {limit:,} are allowed; ask in several filters")


def parse_order(order: str | Sequence[str], read_field: ReadField | None = None) -> tuple[OrderKey, ...]:
    """The parts of an order: ``"-summary.acc, +created_at"`` or a sequence of such, the most important first."""
    read_field = read_field or parse_field
    if not isinstance(order, str) and not (
        isinstance(order, Sequence) and all(isinstance(part, str) for part in order)
    ):
        raise FilterError(f'an order is text like "-created_at" or a list of such, not {order!r}')
    texts = [order] if isinstance(order, str) else order
    keys = []
    for part in (part.strip() for text in texts for part in _UNESCAPED_COMMA.split(text)):
        if part:
            field = read_field(part.lstrip("+-").strip(), f"the order {part!r}")
            keys.append(OrderKey(field, part.startswith("-")))
    if len(keys) > MAX_ORDER_KEYS:
        raise FilterError(f"the order has {len(keys):,} parts, and {MAX_ORDER_KEYS} are allowed")
    return tuple(keys)


def parse_field(text: str, place: str) -> Field:
    """The field that a filter or an order names; `FilterError` for an unknown one, with near matches."""
    if text in FIELDS:
        kind, attributes = FIELDS[text]
        return Field(text, "run", kind, tuple((name,) for name in attributes))
    if text.startswith(_LOGGED_KEYS):
        logged = text.removeprefix(_LOGGED_KEYS).removesuffix(".previousValue")
        return Field(text, "summary", "any", _alternatives(logged))
    head, dot, path = text.partition(".")
    if head in _TREES and path:
        return Field(text, _TREES[head], "any", _alternatives(path))
    if head in _TREES:
        raise FilterError(f"in {place}: {text!r} needs a key after it, like {head}.lr")
    near = near_names(head, [*FIELDS, *_TREES])
    if dot and near and near[0] in _TREES:
        near = [f"{near[0]}.{path}"]
    advice = f"did you mean {' or '.join(near)}?" if near else f"fields are {', '.join(FIELDS)}."
    raise FilterError(
        f"in {place}: there is no field {text!r}; {advice} "
        f"What a run logged or was configured with is summary.{text} or config.{text}"
    )


def _alternatives(path: str) -> tuple[tuple[str, ...], ...]:
    """The key paths that a dotted path may mean; W&B puts ``.value`` behind the first key, or at the end."""
    keys = split_path(path)
    found = [keys]
    if "\\" in path:
        found.append(tuple(path.split(".")))
    if len(keys) > 1 and keys[-1] == "value":
        found.append(keys[:-1])
    if len(keys) > 2 and keys[1] == "value":
        found.append((keys[0], *keys[2:]))
    return tuple(dict.fromkeys(found))


def _parse(filters: Any, place: str, depth: int, read_field: ReadField) -> Node:
    if not isinstance(filters, Mapping):
        raise FilterError(f'{place} must be a dict like {{"state": "finished"}}, not {_show(filters)}')
    if depth > MAX_DEPTH:
        raise FilterError(f"{place} is nested deeper than {MAX_DEPTH} levels")
    parts: list[Node] = []
    for key, operand in filters.items():
        if not isinstance(key, str):
            raise FilterError(f"in {place}: {key!r} must be the name of a field or an operator")
        if key.startswith("$"):
            parts.append(_parse_logical(key, operand, place, depth, read_field))
        else:
            where = f"{place} at {key!r}" if " at " not in place else f"{place}, {key!r}"
            parts.append(_parse_condition(read_field(key, place), operand, where, depth))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _parse_logical(operator: str, operand: Any, place: str, depth: int, read_field: ReadField) -> Node:
    if operator == "$text":
        raise FilterError(f'in {place}: $text is not supported; search one field: {{"notes": {{"$regex": "lr"}}}}')
    if operator not in _LOGICAL:
        if operator in _OPERATORS:
            raise FilterError(
                f'in {place}: {operator} belongs behind a field, like {{"config.lr": {{"{operator}": …}}}}'
            )
        raise FilterError(f"in {place}: {_unknown_operator(operator, _LOGICAL)}")
    if operator == "$not":
        return Not(_parse(operand, f"{place} at $not", depth + 1, read_field))
    if not isinstance(operand, Sequence) or isinstance(operand, str | bytes):
        raise FilterError(f"in {place}: {operator} needs a list of filters, not {_show(operand)}")
    parts = tuple(_parse(part, f"{place} at {operator}[{i}]", depth + 1, read_field) for i, part in enumerate(operand))
    if operator == "$and":
        return AllOf(parts)
    return AnyOf(parts) if operator == "$or" else Not(AnyOf(parts))


def _parse_condition(field: Field, operand: Any, place: str, depth: int) -> Node:
    """What stands behind a field: operators in a dict, or a value."""
    if depth > MAX_DEPTH:
        raise FilterError(f"{place} is nested deeper than {MAX_DEPTH} levels")
    if not _is_operators(operand):
        return _parse_equal(field, (operand,), place)
    wrong = [key for key in operand if not (isinstance(key, str) and key.startswith("$"))]
    if wrong:
        raise FilterError(f"in {place}: {wrong[0]!r} stands among operators; a dict holds either operators or keys")
    parts = []
    for operator, value in operand.items():
        if operator == "$options":
            if "$regex" not in operand:
                raise FilterError(f"in {place}: $options needs a $regex beside it")
            continue
        parts.append(_parse_operator(field, operator, value, operand.get("$options", ""), place, depth))
    return parts[0] if len(parts) == 1 else AllOf(tuple(parts))


def _parse_operator(field: Field, operator: str, value: Any, options: Any, place: str, depth: int) -> Node:
    if operator == "$eq":
        return _parse_equal(field, (value,), place)
    if operator == "$ne":
        return Not(_parse_equal(field, (value,), place))
    if operator in ("$in", "$nin", "$all"):
        if isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
            raise FilterError(f"in {place}: {operator} needs a list of values, not {_show(value)}")
        if operator == "$all":
            wanted = tuple(_parse_equal(field, (one,), place) for one in value)
            return AllOf(wanted) if wanted else Not(AllOf(()))  # as MongoDB has it: nothing has all of nothing
        found = _parse_equal(field, tuple(value), place)
        return found if operator == "$in" else Not(found)
    if operator == "$not":
        if not _is_operators(value) and not _is_pattern(value):
            raise FilterError(f'in {place}: $not needs operators, like {{"$not": {{"$gt": 3}}}}, not {_show(value)}')
        return Not(_parse_condition(field, value, f"{place} $not", depth + 1))
    if operator == "$exists":
        if not isinstance(value, bool):
            raise FilterError(f"in {place}: $exists needs True or False, not {_show(value)}")
        return Test(field, "exists", None) if value else Not(Test(field, "exists", None))
    if operator == "$regex":
        return Test(field, "regex", _pattern(field, value, options, place))
    if operator in _RANGES:
        limit = _operand(field, value, place)
        if field.kind == "time" and _is_whole_second(value, limit):
            # As if the times of runs were cut to the second, too.
            operator, limit = {"$gt": ("$gte", limit + 1), "$lte": ("$lt", limit + 1)}.get(operator, (operator, limit))
        if isinstance(limit, list | dict | None):
            raise FilterError(f"in {place}: {operator} needs a number, text or a boolean, not {_show(value)}")
        return Test(field, operator[1:], limit)  # type: ignore[arg-type]  # one of _RANGES without its sign
    raise FilterError(f"in {place}: {_unknown_operator(operator, _OPERATORS)}")


def _parse_equal(field: Field, values: tuple[Any, ...], place: str) -> Node:
    """Equal to any of the values; patterns among them become tests of their own, as MongoDB has it for $in."""
    parts: list[Node] = []
    rest = []
    for value in values:
        if _is_pattern(value):
            parts.append(Test(field, "regex", _pattern(field, value, "", place)))
            continue
        operand = _operand(field, value, place)
        if field.kind == "time" and _is_whole_second(value, operand):
            parts.append(AllOf((Test(field, "gte", operand), Test(field, "lt", operand + 1))))
        else:
            rest.append(operand)
    if rest or not parts:
        parts.append(Test(field, "in", tuple(rest)))
    return parts[0] if len(parts) == 1 else AnyOf(tuple(parts))


def _is_whole_second(value: Any, seconds: float | None) -> bool:
    """Whether a time was written as text that ends with its seconds; numbers and datetimes are what they are."""
    return isinstance(value, str) and "." not in value and seconds is not None


def _operand(field: Field, value: Any, place: str) -> Any:
    """A value to compare with, as plain data of the field's kind."""
    if field.kind == "time":
        return _time(value, place)
    try:
        plain = read_value(canonical(value))
    except LogTypeError as error:
        raise FilterError(f"in {place}: cannot compare with {_show(value)}: {error}") from None
    is_number = isinstance(plain, int | float) and not isinstance(plain, bool)
    fits = (
        field.kind == "any"
        or plain is None
        or (field.kind == "number" and is_number)
        or (field.kind in ("text", "tags") and isinstance(plain, str))
        or (field.kind == "tags" and isinstance(plain, list) and all(isinstance(tag, str) for tag in plain))
    )
    if not fits:
        raise FilterError(f"in {place}: {field.text} holds {_KIND_WORDS[field.kind]}, and cannot be {_show(value)}")
    if isinstance(plain, bytes):
        raise FilterError(f"in {place}: cannot compare with bytes")
    return None if field.kind == "tags" and plain == [] else plain


def _time(value: Any, place: str) -> float | None:
    """Seconds since 1970; text and datetimes without a zone are UTC, as what the Api gives is."""
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    try:
        if isinstance(value, str):
            value = datetime.datetime.fromisoformat(value.strip())
        elif isinstance(value, datetime.date) and not isinstance(value, datetime.datetime):
            value = datetime.datetime(value.year, value.month, value.day)
        if isinstance(value, datetime.datetime):
            aware = value if value.tzinfo else value.replace(tzinfo=datetime.UTC)
            return aware.timestamp()
    except ValueError:
        pass  # told below, together with what is no time at all
    raise FilterError(f"in {place}: {_show(value)} is no time; write 2025-01-31T12:00:00Z or seconds since 1970")


def plain_filter(filters: Any) -> Any:
    """The same filter without compiled patterns, as it can be sent to a server."""
    if isinstance(filters, re.Pattern):
        options = "".join(letter for flag, letter in _LETTER_OF_FLAG.items() if filters.flags & flag)
        return {"$regex": filters.pattern, "$options": options}
    if isinstance(filters, Mapping):
        return {key: plain_filter(value) for key, value in filters.items()}
    return [plain_filter(value) for value in filters] if isinstance(filters, list | tuple) else filters


def _is_pattern(value: Any) -> bool:
    return isinstance(value, re.Pattern) or (
        isinstance(value, Mapping) and "$regex" in value and value.keys() <= {"$regex", "$options"}
    )


def _pattern(field: Field, value: Any, options: Any, place: str) -> Pattern:
    if field.kind in ("time", "number"):
        raise FilterError(f"in {place}: $regex looks at text, and {field.text} is {_KIND_WORDS[field.kind]}")
    if _is_pattern(value):
        value, inner = (told := plain_filter(value))["$regex"], told.get("$options", "")
        options = f"{options}{inner}" if isinstance(inner, str) else inner
    for letter in options if isinstance(options, str) else [options]:
        if not isinstance(letter, str) or letter not in OPTIONS:
            raise FilterError(f"in {place}: $options knows the letters {OPTIONS}, not {letter!r}")
    if not isinstance(value, str):
        raise FilterError(f"in {place}: $regex needs text, not {_show(value)}")
    return parse_pattern(value, options, place)


def _is_operators(operand: Any) -> bool:
    return isinstance(operand, Mapping) and any(isinstance(key, str) and key.startswith("$") for key in operand)


def _unknown_operator(operator: str, known: Sequence[str]) -> str:
    near = near_names(operator.lower(), known, 1)
    return f"there is no operator {operator}; " + (f"did you mean {near[0]}?" if near else f"use {', '.join(known)}")


def _show(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def family_of(value: Any) -> str:
    """The type family in which a plain value is compared: number, bool, text, null, list, dict, or other."""
    return family_of_type(type(value))


def family_of_type(kind: type) -> str:
    """The family of the values of one type."""
    return _FAMILIES.get(kind, "other")


def is_same(left: Any, right: Any) -> bool:
    """Equality of plain data as the filter language has it: within one family, NaN equal to nothing."""
    family = family_of(left)
    if family != family_of(right):
        return False
    if family == "list":
        return len(left) == len(right) and all(map(is_same, left, right))
    if family == "dict":
        return left.keys() == right.keys() and all(is_same(value, right[key]) for key, value in left.items())
    return bool(left == right) and not (family == "number" and math.isnan(left))
