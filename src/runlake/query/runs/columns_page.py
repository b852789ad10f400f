"""What a table of runs shows: named columns of a page of runs, groups and facets. No run becomes an object for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runlake.errors import BadValueError
from runlake.listing_model import AGGREGATES, FacetValue, RunColumnsPage, RunColumnsQuery, RunGroup
from runlake.query.runs.column import FieldColumn, Positions
from runlake.query.runs.filter import parse_field, parse_filter
from runlake.query.runs.groups import aggregate, facet, group_runs
from runlake.query.runs.index import RunIndex
from runlake.stopping import check_wanted

MAX_COLUMNS = 1000
MAX_GROUP_KEYS = 16
MAX_FACETS = 64
MAX_FACET_VALUES = 1000
MAX_CELLS = 5_000_000
"""So many values one answer may have, those of groups included."""


def columns_page(index: RunIndex, query: RunColumnsQuery, problems: Mapping[str, str] | None = None) -> RunColumnsPage:
    """What `query` asks of the runs of an index, with the `problems` of runs that cannot be read.

    The `version` in the query is for who chose the index.

    `FilterError` for a column, filter or order that is none, `BadValueError` for more than the limits of this module.
    """
    _check(query)
    filters: dict[str, Any] | None = query.filters
    if query.run_ids is not None:
        filters = {"$and": [filters or {}, {"run_id": {"$in": list(query.run_ids)}}]}
    node = parse_filter(filters)
    needs_all = query.group_by is not None or query.facets is not None
    offset, limit = (0, None) if needs_all else (query.offset, query.limit)
    found = index.page(node, query.order, offset=offset, limit=limit)
    chosen = index.rows_at(found.positions)
    end = None if query.limit is None else query.offset + query.limit
    rows = chosen[query.offset : end] if needs_all else chosen
    names = ("run_id", *dict.fromkeys(query.columns))
    _check_cells(len(names) * len(rows), "columns, or a smaller limit")
    run_ids, *columns = ([*_column(index, name).cells(rows)] for name in names)
    facets = None if query.facets is None else _facets(index, chosen, query.facets)
    return RunColumnsPage(
        version=index.version,
        total_count=found.total_count,
        run_ids=tuple(run_ids),
        columns=dict(zip(names[1:], columns, strict=True)),
        groups=None if query.group_by is None else tuple(_groups(index, chosen, query, query.group_by)),
        facets=None if facets is None else {name: tuple(values) for name, (values, _) in facets.items()},
        facet_value_counts=None if facets is None else {name: count for name, (_, count) in facets.items()},
        problems=dict(problems or {}),
    )


def _groups(index: RunIndex, rows: Positions, query: RunColumnsQuery, names: Sequence[str]) -> list[RunGroup]:
    by = {name: _column(index, name) for name in names}
    grouping = group_runs(list(by.values()), rows)
    asked = query.aggregates or {}
    _check_cells(len(grouping.first) * (len(by) + sum(map(len, asked.values())) + 1), "groups: group by less")
    values = [column.cells(rows[grouping.first]) for column in by.values()]
    told = {name: aggregate(_column(index, name), rows, grouping, which) for name, which in asked.items()}
    return [
        RunGroup(
            values={name: cells[number] for name, cells in zip(by, values, strict=True)},
            run_count=run_count,
            aggregates={name: of_groups[number] for name, of_groups in told.items()},
        )
        for number, run_count in enumerate(grouping.run_counts)
    ]


def _facets(index: RunIndex, rows: Positions, names: Sequence[str]) -> dict[str, tuple[list[FacetValue], int]]:
    in_order = np.sort(rows)
    return {name: facet(_column(index, name), in_order, limit=MAX_FACET_VALUES) for name in names}


def _column(index: RunIndex, name: str) -> FieldColumn:
    check_wanted()
    return index.column(parse_field(name, "the columns"))


def _check(query: RunColumnsQuery) -> None:
    if query.offset < 0 or (query.limit is not None and query.limit < 0):
        raise BadValueError(f"offset {query.offset} and limit {query.limit} must not be negative")
    if query.aggregates is not None and query.group_by is None:
        raise BadValueError("aggregates are of groups: name columns in group_by, or none of them for one group of all")
    aggregates = query.aggregates or {}
    wrong = [name for names in aggregates.values() for name in names if name not in AGGREGATES]
    if wrong:
        raise BadValueError(f"there is no aggregate {wrong[0]!r}; there are {', '.join(AGGREGATES)}")
    for asked, limit, what in (
        (query.columns, MAX_COLUMNS, "columns"),
        (query.group_by, MAX_GROUP_KEYS, "columns to group by"),
        (aggregates, MAX_COLUMNS, "columns to aggregate"),
        (query.facets, MAX_FACETS, "facets"),
    ):
        if asked is not None and len(asked) > limit:
            raise BadValueError(f"{len(asked):,} {what} in one request, and {limit:,} are allowed; ask in several")


def _check_cells(count: int, advice: str) -> None:
    if count > MAX_CELLS:
        raise BadValueError(
            f"this answer would have {count:,} values, and {MAX_CELLS:,} are allowed; ask for fewer {advice}"
        )
