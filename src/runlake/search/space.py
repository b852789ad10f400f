"""The parameters of a sweep as points of a cube, which is what a Gaussian process works on.

Each distribution is one axis: numbers take one column, their share of probability; things without an order take one
column for each of them. A parameter of few values has points only there: `snap` moves others to the nearest.
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from runlake.search.distributions import Categorical, Constant, Distribution, IntUniform, Quantized
from runlake.search.plan import MISSING, Tree, assemble, leaves, look_up

Floats = NDArray[np.float64]

TABLE_SIZE = 512
"""Parameters with more values than this are taken for continuous until a value is needed."""

NAMED_APART = 1 / math.sqrt(2)
"""How far along its column a thing without an order lies, so that any two are 1 apart."""


class Axis(Protocol):
    """One parameter as columns."""

    @property
    def width(self) -> int:
        """How many columns."""

    def encode(self, value: Any) -> Sequence[float] | None:
        """The columns of a value; None where it is none of this parameter's."""

    def decode(self, columns: Floats) -> Any:
        """The value at a snapped point."""

    def snap(self, columns: Floats) -> Floats:
        """Many points, each moved to the nearest where there is a value."""

    def spread(self, shares: Floats) -> Floats:
        """Shares of probability as points."""


@dataclass(frozen=True)
class Continuous:
    """One column, of any value between."""

    distribution: Any
    width = 1

    def encode(self, value: Any) -> Sequence[float] | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        slack = 1e-9 * abs(value)
        is_within = self.distribution.low <= value + slack and value - slack <= self.distribution.high
        return [self.distribution.cdf(value)] if is_within else None

    def decode(self, columns: Floats) -> Any:
        return self.distribution.ppf(float(columns[0]))

    def snap(self, columns: Floats) -> Floats:
        return columns

    def spread(self, shares: Floats) -> Floats:
        return shares[:, None]


@dataclass(frozen=True)
class Ordered:
    """One column, with values at some places of it; `places` ascend."""

    values: Sequence[Any]
    places: Floats
    ends: Floats
    width = 1

    def encode(self, value: Any) -> Sequence[float] | None:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        index = bisect.bisect_left(self.values, value)
        for near in (index, index - 1):
            if 0 <= near < len(self.values) and math.isclose(self.values[near], value, rel_tol=1e-9):
                return [float(self.places[near])]
        return None

    def decode(self, columns: Floats) -> Any:
        return self.values[self._nearest(columns[:1])[0]]

    def snap(self, columns: Floats) -> Floats:
        return self.places[self._nearest(columns[:, 0])][:, None]

    def spread(self, shares: Floats) -> Floats:
        return self.places[np.minimum(np.searchsorted(self.ends, shares, side="right"), len(self.places) - 1)][:, None]

    def _nearest(self, points: Floats) -> NDArray[np.intp]:
        middles = (self.places[1:] + self.places[:-1]) / 2
        return np.searchsorted(middles, points)


@dataclass(frozen=True)
class Named:
    """One column for each of several things that have no order."""

    distribution: Categorical
    ends: Floats

    @property
    def width(self) -> int:
        return len(self.distribution.values)

    def encode(self, value: Any) -> Sequence[float] | None:
        index = self.distribution.index_of(value)
        return None if index is None else [NAMED_APART * (index == other) for other in range(self.width)]

    def decode(self, columns: Floats) -> Any:
        return self.distribution.values[int(np.argmax(columns))]

    def snap(self, columns: Floats) -> Floats:
        snapped: Floats = np.eye(self.width)[np.argmax(columns, axis=1)] * NAMED_APART
        return snapped

    def spread(self, shares: Floats) -> Floats:
        chosen = np.minimum(np.searchsorted(self.ends, shares, side="right"), self.width - 1)
        points: Floats = np.eye(self.width)[chosen] * NAMED_APART
        return points


class Space:
    """All parameters that can differ, as the columns of a matrix."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._constants = {}
        self._axes: list[tuple[tuple[str, ...], Axis, slice]] = []
        start = 0
        for path, distribution in leaves(tree):
            if distribution.value_count == 1:
                self._constants[path] = distribution.value_at(0)
                continue
            axis = _axis(distribution)
            self._axes.append((path, axis, slice(start, start + axis.width)))
            start += axis.width
        self.column_count = start

    @property
    def axes(self) -> list[tuple[Axis, slice]]:
        """Each axis and its columns."""
        return [(axis, columns) for _path, axis, columns in self._axes]

    def encode(self, params: dict[str, Any]) -> list[float] | None:
        """Parameters as a point; None where one is missing, or is none that the sweep could have chosen."""
        point: list[float] = []
        for path, axis, _columns in self._axes:
            value = look_up(params, path)
            columns = None if value is MISSING else axis.encode(value)
            if columns is None:
                return None
            point += columns
        return point

    def decode(self, point: Floats) -> dict[str, Any]:
        """A point as nested parameters."""
        values = {path: axis.decode(point[columns]) for path, axis, columns in self._axes}
        return assemble(self._tree, values | self._constants)

    def snap(self, points: Floats) -> Floats:
        """Points, each moved to the nearest that parameters can have."""
        return np.hstack([axis.snap(points[:, columns]) for axis, columns in self.axes])

    def spread(self, shares: Floats) -> Floats:
        """Points from shares of probability, one for each axis."""
        return np.hstack([axis.spread(shares[:, index]) for index, (axis, _columns) in enumerate(self.axes)])

    def every_point(self, *, at_most: int) -> Floats | None:
        """All points, where each axis has countable values and there are no more points than this."""
        places: list[list[Sequence[float]]] = []
        for axis, _columns in self.axes:
            if isinstance(axis, Ordered):
                places.append([[place] for place in axis.places.tolist()])
            elif isinstance(axis, Named):
                places.append((np.eye(axis.width) * NAMED_APART).tolist())
            else:
                return None
            if math.prod(map(len, places)) > at_most:
                return None
        return np.array([list(itertools.chain(*parts)) for parts in itertools.product(*places)])


def _axis(distribution: Distribution) -> Axis:
    count = distribution.value_count
    if isinstance(distribution, Categorical):
        assert count is not None
        shares = distribution.probabilities or [1 / count] * count
        values = distribution.values
        if all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values):
            order = sorted(range(count), key=lambda index: values[index])
            return Ordered([values[i] for i in order], np.linspace(0, 1, count), np.cumsum([shares[i] for i in order]))
        return Named(distribution, np.cumsum(shares))
    if isinstance(distribution, IntUniform | Quantized):
        table = _table(distribution)
        if 1 < len(table) <= TABLE_SIZE:
            places = np.array([distribution.cdf(value) for value in table])
            ends = (places[1:] + places[:-1]) / 2
            return Ordered(table, places, np.append(ends, 1.0))
    assert not isinstance(distribution, Constant)
    return Continuous(distribution)


def _table(distribution: IntUniform | Quantized) -> Sequence[Any]:
    """All values, or those that make up all but a millionth; none where there are too many."""
    if isinstance(distribution, IntUniform):
        return range(distribution.low, distribution.high + 1)
    if (count := distribution.value_count) is not None:
        return [distribution.value_at(index) for index in range(count)] if count <= TABLE_SIZE else ()
    ends = (distribution.ppf(share) / distribution.step for share in (1e-6, 1 - 1e-6))
    first, last = map(round, ends)
    return [distribution.multiple(count) for count in range(first, last + 1)] if last - first < TABLE_SIZE else ()
