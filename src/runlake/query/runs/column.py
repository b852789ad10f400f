"""One field of many runs as arrays, and what tests and orders make of it.

A column keeps its values by type family, each family with the positions it stands at, so that a test is a few array
operations over the values that can match at all. Text is kept once per distinct value: a test of text looks at the
distinct values and not at the runs.
"""

from __future__ import annotations

import json
import operator
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from runlake.lru import LruCache
from runlake.query.runs.filter import Test, family_of, family_of_type, is_same

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

EXACT_AS_FLOAT = 2**53
"""Integers up to here are the same number as a float64."""

_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_MIN_KEPT_COLUMNS = 32
_MAX_KEPT_CELLS = 20_000_000

_FAMILIES = ("number", "text", "bool", "list", "dict", "other")
"""In the order in which they sort; None, what is missing and NaN come behind them."""


def kept_columns(size: int) -> LruCache[tuple[str, tuple[str, ...]], list[FieldColumn]]:
    """Room for the columns of `size` runs that filters and orders asked for last: who asks decides their names."""
    return LruCache(max(_MIN_KEPT_COLUMNS, _MAX_KEPT_CELLS // max(1, size)))


class Missing:
    """The type of `MISSING`: no value, as opposed to a stored None."""


MISSING = Missing()


class Texts:
    """Text values as codes into the distinct ones. `first` is the beginning of the distinct texts, ranked before."""

    def __init__(self, distinct: list[str], codes: Positions, first: Texts | None = None) -> None:
        self.distinct, self.codes, self._first = distinct, codes, first

    @cached_property
    def code_of(self) -> dict[str, int]:
        return {text: code for code, text in enumerate(self.distinct)}

    @cached_property
    def in_order(self) -> list[str]:
        return sorted(self.distinct)

    @cached_property
    def ranks(self) -> npt.NDArray[np.float64]:
        """Numbers that sort as the distinct texts do."""
        if self._first is None:
            return _ranks(self.distinct)
        first = self._first
        ranks = np.empty(len(self.distinct))
        ranks[: len(first.distinct)] = first.ranks
        # The few new ones go between the ranks of the others, in their own order.
        new = sorted(range(len(first.distinct), len(self.distinct)), key=self.distinct.__getitem__)
        for place, code in enumerate(new, 1):
            ranks[code] = bisect_left(first.in_order, self.distinct[code]) - 1 + place / (len(new) + 1)
        return ranks

    def followed_by(self, other: Texts) -> Texts:
        """Both, one behind the other, in one list of distinct texts."""
        known = self.code_of
        new = [text for text in other.distinct if text not in known]
        code_of_new = {text: len(self.distinct) + number for number, text in enumerate(new)}
        mapping = np.array([known.get(t, code_of_new.get(t, -1)) for t in other.distinct], np.int64)
        codes = np.concatenate([self.codes, mapping[other.codes]])
        return Texts(self.distinct + new, codes, self) if new else Texts(self.distinct, codes, self)

    def at(self, chosen: Mask) -> Texts:
        return Texts(self.distinct, self.codes[chosen], self)


Values = npt.NDArray[Any] | Texts | list[Any] | None
"""Of numbers and booleans an array, of text `Texts`, of None nothing, of other families a list."""


class FieldPart(Struct, frozen=True):
    """The values of one family, and where they stand. `integers`: which of an array of float64 were integers."""

    positions: Positions
    values: Values
    integers: Mask | None = None

    def at(self, chosen: Positions) -> list[Any]:
        """Some of the values as they went in, by their numbers."""
        values = self.values
        if isinstance(values, Texts):
            return [values.distinct[code] for code in values.codes[chosen].tolist()]
        if not isinstance(values, np.ndarray):
            return [None] * len(chosen) if values is None else [values[number] for number in chosen.tolist()]
        if self.integers is None:
            return list(values[chosen].tolist())
        pairs = zip(values[chosen].tolist(), self.integers[chosen].tolist(), strict=True)
        return [int(value) if is_integer else value for value, is_integer in pairs]


class FieldColumn:
    """`cells[i]` is a plain value, or `MISSING`; positions count from 0. Immutable."""

    def __init__(self, cells: Sequence[Any]) -> None:
        parts = {}
        for family, (places, values) in _by_family(cells).items():
            parts[family] = family_part(family, np.array(places, np.int64), values)
        self._fill(len(cells), parts)

    @classmethod
    def of_parts(cls, size: int, parts: Iterable[tuple[str, FieldPart]]) -> FieldColumn:
        """A column of parts by family; of one family there may be several, at different positions."""
        joined: dict[str, FieldPart] = {}
        for family, part in parts:
            if len(part.positions):
                joined[family] = _join(joined[family], part) if family in joined else part
        column = cls.__new__(cls)
        column._fill(size, joined)
        return column

    @classmethod
    def joined(cls, first: FieldColumn, second: FieldColumn) -> FieldColumn:
        """The cells of both, one behind the other."""
        moved = [
            (family, FieldPart(part.positions + first.size, part.values, part.integers))
            for family, part in second._parts.items()
        ]
        return cls.of_parts(first.size + second.size, [*first._parts.items(), *moved])

    @classmethod
    def first_of(cls, columns: Sequence[FieldColumn]) -> FieldColumn:
        """Of several columns of one size, at each position the first cell that is not missing."""
        first, *others = columns
        if not others or first._present.all():
            return first
        parts = list(first._parts.items())
        taken = first._present.copy()
        for column in others:
            parts += column.where(~taken)._parts.items()
            taken |= column._present
        return cls.of_parts(first.size, parts)

    def where(self, mask: Mask) -> FieldColumn:
        """This column, with the cells missing that are not in the mask."""
        parts = []
        for family, part in self._parts.items():
            chosen = mask[part.positions]
            integers = None if part.integers is None else part.integers[chosen]
            parts.append((family, FieldPart(part.positions[chosen], _values_at(part.values, chosen), integers)))
        return FieldColumn.of_parts(self.size, parts)

    def _fill(self, size: int, parts: Mapping[str, FieldPart]) -> None:
        self.size = size
        self._parts = parts
        self._present = np.zeros(size, np.bool_)
        for part in parts.values():
            self._present[part.positions] = True

    @cached_property
    def _has_all_in_order(self) -> bool:
        """Whether its array is the cells, in order: most columns are of one family and have no gaps."""
        if len(self._parts) != 1:
            return False
        (only,) = self._parts.values()
        return len(only.positions) == self.size and np.array_equal(only.positions, np.arange(self.size))

    @property
    def parts(self) -> Mapping[str, FieldPart]:
        """What there is, by type family; what is missing is in none."""
        return self._parts

    def cells(self, positions: Positions) -> list[Any]:
        """The values at some positions as they went in; None for what is missing."""
        found: list[Any] = [None] * len(positions)
        for part in self._parts.values():
            number = np.full(self.size, -1, np.int64)
            number[part.positions] = np.arange(len(part.positions))
            chosen = number[positions]
            places = np.flatnonzero(chosen >= 0)
            for place, value in zip(places.tolist(), part.at(chosen[places]), strict=True):
                found[place] = value
        return found

    def mask(self, test: Test) -> Mask:
        """Which cells the test holds for, bool[size]."""
        if test.operator == "exists":
            return self._present.copy()
        mask = np.zeros(self.size, np.bool_)
        if test.operator == "in":
            self._mask_equal(mask, test.operand)
        elif test.operator == "regex":
            self._mask_texts(mask, test.operand.found_in)
        else:
            self._mask_range(mask, _COMPARE[test.operator], test.operand)
        if "list" in self._parts:
            self._mark(mask, "list", hold_for_lists(test, self._compounds("list")))
        return mask

    def sort_keys(self, *, is_descending: bool) -> list[npt.NDArray[Any]]:
        """Arrays for `np.lexsort`, the most important last; what is missing, None or NaN comes last either way.

        Arrays that say nothing are left out: a column of numbers without gaps has one.
        """
        if self._has_all_in_order:
            keys = self._keys_of(*self._parts)
            if not np.isnan(keys).any():
                return [-keys if is_descending else keys]
        rank = np.full(self.size, 2, np.int8)
        family = np.zeros(self.size, np.int8)
        value = np.zeros(self.size, np.float64)
        found = [name for name in _FAMILIES if name in self._parts]
        for number, name in enumerate(found):
            positions, keys = self._parts[name].positions, self._keys_of(name)
            family[positions], value[positions] = number, keys
            rank[positions] = np.isnan(keys)
        keys_of_order: list[npt.NDArray[Any]] = [-value if is_descending else value]
        if len(found) > 1:
            keys_of_order.append(-family if is_descending else family)
        if rank.any():
            keys_of_order[0][rank > 0] = 0.0
            keys_of_order.append(rank)
        return keys_of_order

    def _keys_of(self, family: str) -> npt.NDArray[np.float64]:
        """Numbers that sort as the values of one family do."""
        values = self._parts[family].values
        if isinstance(values, Texts):
            return values.ranks[values.codes]
        if isinstance(values, np.ndarray):
            return _ranks(values.tolist()) if values.dtype == object else values.astype(np.float64, copy=False)
        texts = [json.dumps(v, sort_keys=True, default=str, ensure_ascii=False) for v in self._compounds(family)]
        return _ranks(texts)

    def _compounds(self, family: str) -> list[Any]:
        values = self._parts[family].values
        assert isinstance(values, list)
        return values

    def _mark(self, mask: Mask, family: str, hits: Sequence[bool] | Mask) -> None:
        held = np.asarray(hits, np.bool_)
        if self._has_all_in_order:
            mask |= held
        else:
            mask[self._parts[family].positions[held]] = True

    def _mask_equal(self, mask: Mask, operands: tuple[Any, ...]) -> None:
        by_family: dict[str, list[Any]] = {}
        for operand in operands:
            by_family.setdefault(family_of(operand), []).append(operand)
        if "null" in by_family:
            mask |= ~self._present
            if "null" in self._parts:
                mask[self._parts["null"].positions] = True
        if "number" in by_family and "number" in self._parts:
            self._mark(mask, "number", self._equal_numbers(by_family["number"]))
        if "bool" in by_family and "bool" in self._parts:
            bools = self._parts["bool"].values
            self._mark(mask, "bool", np.isin(bools, np.array(by_family["bool"], np.bool_)))  # type: ignore[arg-type]
        if "text" in by_family:
            self._mask_texts(mask, _each(set(by_family["text"]).__contains__))
        if "dict" in by_family and "dict" in self._parts:
            self._mark(mask, "dict", list(map(_Wanted(by_family["dict"]).has, self._compounds("dict"))))

    def _mask_range(self, mask: Mask, compare: Callable[[Any, Any], Any], limit: Any) -> None:
        family = family_of(limit)
        if family not in self._parts:
            return
        if family == "number":
            self._mark(mask, family, self._compare_numbers(compare, limit))
        elif family == "bool":
            self._mark(mask, family, compare(np.asarray(self._parts[family].values, np.int8), int(limit)))
        elif family == "text":
            self._mask_texts(mask, _each(lambda text: bool(compare(text, limit))))

    def _mask_texts(self, mask: Mask, holds: Callable[[list[str]], Mask]) -> None:
        if "text" in self._parts:
            texts = self._parts["text"].values
            assert isinstance(texts, Texts)
            self._mark(mask, "text", holds(texts.distinct)[texts.codes])

    def _equal_numbers(self, operands: list[int | float]) -> Mask:
        numbers = self._parts["number"].values
        assert isinstance(numbers, np.ndarray)
        if len(operands) == 1:
            return self._compare_numbers(operator.eq, operands[0])
        if numbers.dtype != object and not any(abs(operand) > EXACT_AS_FLOAT for operand in operands):
            return np.isin(numbers, [operand for operand in operands if operand == operand])
        wanted = {operand for operand in operands if operand == operand}
        return np.fromiter(map(wanted.__contains__, numbers.tolist()), np.bool_, len(numbers))

    def _compare_numbers(self, compare: Callable[[Any, Any], Any], operand: int | float) -> Mask:
        numbers = self._parts["number"].values
        assert isinstance(numbers, np.ndarray)
        if numbers.dtype != object and isinstance(operand, int) and abs(operand) > EXACT_AS_FLOAT:
            numbers = numbers.astype(object)  # numpy would round the operand; Python compares the exact numbers
        with np.errstate(invalid="ignore"):  # what numpy says of a NaN among Python numbers
            return np.asarray(compare(numbers, operand), np.bool_)


def family_part(family: str, positions: Positions, values: list[Any]) -> FieldPart:
    """Plain values of one family as a part."""
    kept = _family_values(family, values)
    if family != "number" or not isinstance(kept, np.ndarray) or kept.dtype == object:
        return FieldPart(positions, kept)
    kinds = set(map(type, values))
    integers = None if int not in kinds else np.array([type(value) is int for value in values], np.bool_)
    return FieldPart(positions, kept, integers)


def _family_values(family: str, values: list[Any]) -> Values:
    if family == "number":
        return _number_array(values)
    if family == "bool":
        return np.array(values, np.bool_)
    if family == "text":
        codes: dict[str, int] = {}
        places = [codes.setdefault(value, len(codes)) for value in values]
        return Texts(list(codes), np.array(places, np.int64))
    return None if family == "null" else values


def _each(holds: Callable[[str], bool]) -> Callable[[list[str]], Mask]:
    return lambda texts: np.fromiter(map(holds, texts), np.bool_, len(texts))


def hold_for_lists(test: Test, lists: Sequence[Sequence[Any]]) -> list[bool]:
    """For which of the lists a test holds: as a whole, or for any element that is not a list itself."""
    if test.operator == "exists":
        return [True] * len(lists)
    if test.operator == "in":
        wanted = _Wanted(test.operand)
        return [wanted.has(list(values)) or any(map(wanted.has, values)) for values in lists]
    if test.operator == "regex":
        texts = list({value: None for values in lists for value in values if isinstance(value, str)})
        found = {text for text, is_found in zip(texts, test.operand.found_in(texts).tolist(), strict=True) if is_found}
        return [any(isinstance(value, str) and value in found for value in values) for values in lists]
    compare, family = _COMPARE[test.operator], family_of(test.operand)
    return [any(family_of(value) == family and compare(value, test.operand) for value in values) for values in lists]


def hold_for_tags(test: Test, tags_of_runs: Sequence[Sequence[str]]) -> list[bool]:
    """For which tags of a run a test holds: one of them, or all of them in any order."""
    hits = hold_for_lists(test, tags_of_runs)
    if test.operator != "in":
        return hits
    wanted = {frozenset(tags) for tags in test.operand if isinstance(tags, list)}
    return [hit or frozenset(tags) in wanted for hit, tags in zip(hits, tags_of_runs, strict=True)]


class _Wanted:
    """Values that are looked for: each look costs the same, however many they are, but for lists and dicts."""

    def __init__(self, operands: Iterable[Any]) -> None:
        self._by_family: dict[str, set[Any]] = {}
        self._compounds: list[Any] = []
        for operand in operands:
            if isinstance(operand, list | dict):
                self._compounds.append(operand)
            elif operand == operand:  # NaN equals nothing, and a set would find it by its identity
                self._by_family.setdefault(family_of(operand), set()).add(operand)

    def has(self, value: Any) -> bool:
        if isinstance(value, list | dict):
            return any(is_same(value, wanted) for wanted in self._compounds)
        return value in self._by_family.get(family_of(value), ())


def _join(one: FieldPart, other: FieldPart) -> FieldPart:
    positions = np.concatenate([one.positions, other.positions])
    left, right = one.values, other.values
    if isinstance(left, Texts) and isinstance(right, Texts):
        return FieldPart(positions, left.followed_by(right))
    if isinstance(left, np.ndarray) and isinstance(right, np.ndarray):
        if left.dtype != right.dtype:  # one has integers that are no float64: both as Python's own numbers
            return FieldPart(positions, np.concatenate([_objects(one), _objects(other)]))
        if one.integers is None and other.integers is None:
            return FieldPart(positions, np.concatenate([left, right]))
        return FieldPart(positions, np.concatenate([left, right]), np.concatenate([_integers(one), _integers(other)]))
    return FieldPart(positions, [*left, *right] if isinstance(left, list) and isinstance(right, list) else None)


def _integers(part: FieldPart) -> Mask:
    return np.zeros(len(part.positions), np.bool_) if part.integers is None else part.integers


def _objects(part: FieldPart) -> npt.NDArray[Any]:
    array = np.empty(len(part.positions), object)
    array[:] = part.at(np.arange(len(part.positions)))
    return array


def _values_at(values: Values, chosen: Mask) -> Values:
    if isinstance(values, Texts):
        return values.at(chosen)
    if isinstance(values, np.ndarray):
        return values[chosen]
    return None if values is None else [value for value, is_chosen in zip(values, chosen, strict=True) if is_chosen]


def _by_family(cells: Sequence[Any]) -> dict[str, tuple[Sequence[int], list[Any]]]:
    """Positions and values of each family."""
    families = {family_of_type(kind) for kind in set(map(type, cells))}
    if len(families) == 1 and Missing not in map(type, cells[:1]):
        return {families.pop(): (range(len(cells)), list(cells))}  # most columns; ten times faster
    found: dict[str, tuple[list[int], list[Any]]] = {}
    for position, value in enumerate(cells):
        if value is not MISSING:
            positions, values = found.setdefault(family_of(value), ([], []))
            positions.append(position)
            values.append(value)
    return dict(found)


def _number_array(values: list[Any]) -> npt.NDArray[Any]:
    """float64 where that keeps every number, else Python's own numbers."""
    if any(type(value) is int and abs(value) > EXACT_AS_FLOAT for value in values):
        array = np.empty(len(values), object)
        array[:] = values
        return array
    return np.array(values, np.float64)


def _ranks(values: Sequence[Any]) -> npt.NDArray[np.float64]:
    """Numbers that sort as the values do, equal for equal ones; NaN stays NaN."""
    usable = [value for value in values if value == value]
    rank = {value: float(number) for number, value in enumerate(sorted(set(usable)))}
    return np.array([rank.get(value, np.nan) for value in values], np.float64)
