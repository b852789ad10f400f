"""Runs that have the same values: groups with aggregates, and how often each value comes. Array operations throughout.

Equal is what the filter language calls equal: 1 and 1.0 are one value, None and missing too, True and 1 are not. NaN
is one value here, or nobody could see those runs.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from runlake.listing_model import FacetValue
from runlake.query.runs.column import FieldColumn, FieldPart, Positions, Texts
from runlake.query.runs.filter import family_of

Floats = npt.NDArray[np.float64]
Aggregate = dict[str, float | int | None]


class Grouping(Struct, frozen=True):
    """`group_of[i]` is the group of the i-th run; groups are counted in the order of their first run, `first[g]`."""

    group_of: Positions
    first: Positions

    @property
    def run_counts(self) -> list[int]:
        """How many runs are in each group."""
        counts: list[int] = np.bincount(self.group_of, minlength=len(self.first)).tolist()
        return counts


def group_runs(columns: Sequence[FieldColumn], rows: Positions) -> Grouping:
    """The runs at `rows` by their values in all columns; one group where there are no columns."""
    codes = np.zeros(len(rows), np.int64)
    for column in columns:
        more = _codes(column)[rows]
        codes = np.unique(codes * (int(more.max(initial=0)) + 1) + more, return_inverse=True)[1]
    _, first, group_of = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(first)
    number = np.empty(len(order), np.int64)
    number[order] = np.arange(len(order))
    return Grouping(number[group_of], first[order])


def aggregate(column: FieldColumn, rows: Positions, grouping: Grouping, names: Sequence[str]) -> list[Aggregate]:
    """What `names` (of `listing_model.AGGREGATES`) say of the numbers of each group."""
    found = _found_numbers(column)[rows]
    numbers = _numbers(column)[rows]
    count = len(grouping.first)
    is_number = found & ~np.isnan(numbers)
    nan_counts = np.bincount(grouping.group_of[found & np.isnan(numbers)], minlength=count)
    values, groups = numbers[is_number], grouping.group_of[is_number]
    order = np.lexsort((values, groups))
    told = _statistics(values[order], groups[order], count)
    told["nan_count"] = nan_counts.tolist()
    return [{name: told[name][group] for name in names} for group in range(count)]


def _statistics(values: Floats, groups: Positions, count: int) -> dict[str, list[Any]]:
    """Everything of the numbers of each group, which come ascending within their group and have no NaN."""
    counts = np.bincount(groups, minlength=count)
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    is_there = counts > 0
    some, n = starts[is_there], counts[is_there]
    group = np.repeat(np.arange(len(n)), n)
    with np.errstate(all="ignore"):  # infinities among them make NaN of what has no value
        # Of numbers near the largest the sum is none any more; of these parts of the largest one it is.
        scale = np.maximum.reduceat(np.where(np.isfinite(values), np.abs(values), 0.0), some) if len(some) else n * 0.0
        scale[scale == 0.0] = 1.0
        parts = values / scale[group]
        mean = np.bincount(group, parts, len(n)) / n
        spread = np.sqrt(np.bincount(group, (parts - mean[group]) ** 2, len(n)) / n)
        low, high = values[some + (n - 1) // 2], values[some + n // 2]
        median = np.where(low == high, low, low / 2 + high / 2)
        told = {
            "mean": mean * scale,
            "std": spread * scale,
            "sum": mean * n * scale,
            "min": values[some],
            "max": values[some + n - 1],
            "median": median,
        }
    result: dict[str, list[Any]] = {"count": counts.tolist()}
    for name, array in told.items():
        spread_out: list[Any] = [None] * count
        for place, value in zip(np.flatnonzero(is_there).tolist(), array.tolist(), strict=True):
            spread_out[place] = value
        result[name] = spread_out
    return result


def facet(column: FieldColumn, rows: Positions, *, limit: int) -> tuple[list[FacetValue], int]:
    """The `limit` most frequent values of the runs at `rows`, ties in the order of the runs, and how many there are."""
    lists = column.parts.get("list")
    whole = rows
    counted: dict[tuple[str, Any], list[Any]] = {}
    if lists is not None:
        number = np.full(column.size, -1, np.int64)
        number[lists.positions] = np.arange(len(lists.positions))
        whole, spots = rows[number[rows] < 0], number[rows][number[rows] >= 0]
        values = lists.at(spots)
        by_id = {id(value): value for value in values}  # equal ones are most often one: tags are kept once
        for number_of_list, run_count in Counter(map(id, values)).items():
            for key, element in {_key(element): element for element in by_id[number_of_list]}.items():
                counted.setdefault(key, [element, 0])[1] += run_count
    grouping = group_runs([column], whole)
    firsts = column.cells(whole[grouping.first])
    for value, run_count in zip(firsts, grouping.run_counts, strict=True):
        counted.setdefault(_key(value), [value, 0])[1] += run_count
    found = sorted(counted.values(), key=lambda one: -one[1])[:limit]
    return [FacetValue(value=value, run_count=run_count) for value, run_count in found], len(counted)


def _codes(column: FieldColumn) -> Positions:
    """A number for each cell, equal for equal ones; 0 for None and what is missing."""
    codes = np.zeros(column.size, np.int64)
    taken = 1
    for family, part in column.parts.items():
        if family != "null":
            own = _part_codes(part)
            codes[part.positions] = own + taken
            taken += int(own.max(initial=0)) + 1
    return codes


def _part_codes(part: FieldPart) -> Positions:
    values = part.values
    if isinstance(values, Texts):
        return values.codes
    if isinstance(values, np.ndarray) and values.dtype != object:
        return np.unique(values, return_inverse=True)[1]
    known: dict[Any, int] = {}
    plain = values.tolist() if isinstance(values, np.ndarray) else values or []
    distinct = {id(value): value for value in plain}
    code_of = {name: known.setdefault(_key(value), len(known)) for name, value in distinct.items()}
    return np.array([code_of[id(value)] for value in plain], np.int64)


def _key(value: Any) -> tuple[str, Any]:
    """What is equal for equal values."""
    family = family_of(value)
    if family == "number":
        return (family, value) if value == value else (family, None)
    return family, _canonical(value) if isinstance(value, list | Mapping) else value


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=str)


def _found_numbers(column: FieldColumn) -> npt.NDArray[np.bool_]:
    found = np.zeros(column.size, np.bool_)
    if "number" in column.parts:
        found[column.parts["number"].positions] = True
    return found


def _numbers(column: FieldColumn) -> Floats:
    """The numbers of a column as float64, NaN elsewhere; integers that no float64 holds are infinite."""
    numbers = np.full(column.size, np.nan)
    part = column.parts.get("number")
    if part is not None:
        assert isinstance(part.values, np.ndarray)
        floats = list(map(_float, part.values.tolist())) if part.values.dtype == object else part.values
        numbers[part.positions] = floats
    return numbers


def _float(number: int | float) -> float:
    try:
        return float(number)
    except OverflowError:
        return float("inf") if number > 0 else float("-inf")
