"""A grid: every combination of values once, each found from its index alone."""

from __future__ import annotations

import math
from typing import Any

from runlake.errors import BadValueError
from runlake.search.plan import MISSING, SweepPlan, assemble, leaves, look_up


def grid_size(plan: SweepPlan) -> int:
    """How many points the grid has."""
    return math.prod(count for _path, count in _counts(plan))


def grid_point(plan: SweepPlan, index: int) -> dict[str, Any]:
    """The nested parameters of one point, from 0 to `grid_size` - 1.

    The order is that of parameter names, the last one changing with every step, as with W&B: it does not depend on how
    the configuration was written or stored.
    """
    size = grid_size(plan)
    if not 0 <= index < size:
        raise BadValueError(f"the grid has {size} points, from 0 to {size - 1}; there is none of index {index}")
    values = {}
    for path, distribution in reversed(list(leaves(plan.parameters))):
        count = distribution.value_count or 1
        index, place = divmod(index, count)
        values[path] = distribution.value_at(place)
    return assemble(plan.parameters, values)


def grid_index(plan: SweepPlan, params: dict[str, Any]) -> int | None:
    """The index of the point with these parameters; None where they are no point of the grid."""
    index = 0
    for path, distribution in leaves(plan.parameters):
        value = look_up(params, path)
        place = None if value is MISSING else distribution.index_of(value)
        if place is None:
            return None
        index = index * (distribution.value_count or 1) + place
    return index


def _counts(plan: SweepPlan) -> list[tuple[tuple[str, ...], int]]:
    counts = []
    for path, distribution in leaves(plan.parameters):
        if distribution.value_count is None:
            raise BadValueError(f"{'.'.join(path)!r} has values that cannot be counted: there is no grid of them")
        counts.append((path, distribution.value_count))
    return counts
