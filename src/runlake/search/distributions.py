"""What a parameter of a sweep may be: each distribution as one small class.

Those of numbers map a share of probability to a value (`ppf`) and back (`cdf`). Those with finitely many values, none
twice, count them: `value_count`, `value_at` and `index_of` are what a grid is made of.
"""

from __future__ import annotations

import bisect
import itertools
import math
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random
from statistics import NormalDist
from typing import Any, Protocol

from runlake.values import encode_json

EDGE = 1e-12
"""Shares nearer than this to 0 or 1 are taken for this far away, where values there are infinite or unsteady."""


class Distribution(Protocol):
    """What may stand at one place of a sweep's parameters."""

    @property
    def value_count(self) -> int | None:
        """How many values there are; None where they cannot be counted."""

    def value_at(self, index: int) -> Any:
        """The value of this index, from 0 to `value_count` - 1."""

    def index_of(self, value: Any) -> int | None:
        """The index of a value; None where it is none of them."""

    def sample(self, rng: Random) -> Any:
        """A value drawn at random."""


class Law(Protocol):
    """A distribution of real numbers."""

    @property
    def low(self) -> float: ...

    @property
    def high(self) -> float: ...

    def ppf(self, share: float) -> float:
        """The number that this share of probability lies below."""

    def cdf(self, value: float) -> float:
        """The share of probability at or below this number."""

    def sample(self, rng: Random) -> float:
        """A number drawn at random."""


# With a density -------------------------------------------------------------------------------------------


class _Uncounted:
    """What all distributions with a density share: their values cannot be counted."""

    __slots__ = ()

    @property
    def value_count(self) -> int | None:
        return None

    def value_at(self, index: int) -> Any:
        raise IndexError(index)

    def index_of(self, value: Any) -> int | None:
        return None


@dataclass(frozen=True, slots=True)
class Uniform(_Uncounted):
    """Every number from `low` to `high` alike."""

    low: float
    high: float

    def ppf(self, share: float) -> float:
        return _within(self.low * (1 - share) + self.high * share, self.low, self.high)

    def cdf(self, value: float) -> float:
        if self.low == self.high:
            return 0.5
        half = self.high / 2 - self.low / 2
        return _within((value / 2 - self.low / 2) / half, 0, 1)

    def sample(self, rng: Random) -> float:
        return self.ppf(rng.random())


@dataclass(frozen=True, slots=True)
class LogUniform(_Uncounted):
    """Numbers from `low` to `high`, both above 0, whose logarithm is uniform; that of 1/x then is, too."""

    low: float
    high: float

    def ppf(self, share: float) -> float:
        exponent = math.log(self.low) * (1 - share) + math.log(self.high) * share
        return _within(math.exp(exponent), self.low, self.high)

    def cdf(self, value: float) -> float:
        return Uniform(math.log(self.low), math.log(self.high)).cdf(math.log(value) if value > 0 else -math.inf)

    def sample(self, rng: Random) -> float:
        return self.ppf(rng.random())


@dataclass(frozen=True, slots=True)
class Normal(_Uncounted):
    """The normal distribution; with a `sigma` of 0, `mu` alone."""

    mu: float
    sigma: float
    low = -math.inf
    high = math.inf

    def ppf(self, share: float) -> float:
        return self.mu + self.sigma * NormalDist().inv_cdf(_within(share, EDGE, 1 - EDGE))

    def cdf(self, value: float) -> float:
        return NormalDist(self.mu, self.sigma).cdf(value) if self.sigma else 0.5

    def sample(self, rng: Random) -> float:
        return self.ppf(rng.random())


@dataclass(frozen=True, slots=True)
class LogNormal(_Uncounted):
    """Numbers above 0 whose logarithm is normal."""

    mu: float
    sigma: float
    low = 0.0
    high = math.inf

    def ppf(self, share: float) -> float:
        return math.exp(min(Normal(self.mu, self.sigma).ppf(share), 709.0))

    def cdf(self, value: float) -> float:
        return Normal(self.mu, self.sigma).cdf(math.log(value)) if value > 0 else 0.0

    def sample(self, rng: Random) -> float:
        return self.ppf(rng.random())


@dataclass(frozen=True, slots=True)
class Beta(_Uncounted):
    """The beta distribution, from 0 to 1. Its `ppf` and `cdf` need SciPy, drawing does not."""

    a: float
    b: float
    low = 0.0
    high = 1.0

    def ppf(self, share: float) -> float:
        from scipy.special import betaincinv

        return float(betaincinv(self.a, self.b, _within(share, EDGE, 1 - EDGE)))

    def cdf(self, value: float) -> float:
        from scipy.special import betainc

        return float(betainc(self.a, self.b, _within(value, 0, 1)))

    def sample(self, rng: Random) -> float:
        return rng.betavariate(self.a, self.b)


# With finitely many values, or steps ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quantized:
    """Multiples of `step` as near as possible to numbers of `law`, and inside its ends.

    They are ints when `step` is one, and otherwise the floats that one would write: 3 × 0.1 is 0.3.
    """

    law: Law
    step: int | float

    @property
    def low(self) -> float:
        return self.law.low

    @property
    def high(self) -> float:
        return self.law.high

    @property
    def bounds(self) -> tuple[float, float]:
        """How many steps the least and the greatest value are from 0; the first is greater where there is no value."""
        step = Decimal(repr(self.step))

        def steps(end: float, rounding: str) -> float:
            if math.isinf(end):
                return end
            return int((Decimal(repr(end)) / step).to_integral_value(rounding))

        return steps(self.law.low, "ROUND_CEILING"), steps(self.law.high, "ROUND_FLOOR")

    @property
    def value_count(self) -> int | None:
        first, last = self.bounds
        return int(last - first + 1) if isinstance(self.law, Uniform) else None

    def value_at(self, index: int) -> int | float:
        return self.multiple(int(self.bounds[0]) + index)

    def index_of(self, value: Any) -> int | None:
        count = self.value_count
        if count is None or not _is_number(value):
            return None
        index = round(value / self.step) - int(self.bounds[0])
        return index if 0 <= index < count and self.value_at(index) == value else None

    def ppf(self, share: float) -> int | float:
        return self._nearest(self.law.ppf(share))

    def cdf(self, value: float) -> float:
        return self.law.cdf(value)

    def sample(self, rng: Random) -> int | float:
        return self._nearest(self.law.sample(rng))

    def _nearest(self, value: float) -> int | float:
        first, last = self.bounds
        return self.multiple(int(_within(round(value / self.step), first, last)))

    def multiple(self, count: int) -> int | float:
        """This many steps."""
        return count * self.step if isinstance(self.step, int) else float(count * Decimal(repr(self.step)))


@dataclass(frozen=True, slots=True)
class IntUniform:
    """Every integer from `low` to `high`, both included, alike."""

    low: int
    high: int

    @property
    def value_count(self) -> int | None:
        return self.high - self.low + 1

    def value_at(self, index: int) -> int:
        return self.low + index

    def index_of(self, value: Any) -> int | None:
        if not _is_number(value) or not self.low <= value <= self.high or value != int(value):
            return None
        return int(value) - self.low

    def ppf(self, share: float) -> int:
        count = self.high - self.low + 1
        return self.low + min(int(share * count), count - 1)

    def cdf(self, value: float) -> float:
        """The middle of the share that `ppf` gives this integer for: nothing lies nearer to its neighbours."""
        return _within((value - self.low + 0.5) / (self.high - self.low + 1), 0, 1)

    def sample(self, rng: Random) -> int:
        return rng.randint(self.low, self.high)


@dataclass(frozen=True, slots=True)
class Categorical:
    """One of `values`, which are any plain data and none of them twice; alike, or with these `probabilities`."""

    values: tuple[Any, ...]
    probabilities: tuple[float, ...] | None = None
    _indices: dict[str, int] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_indices", {encode_json(value): index for index, value in enumerate(self.values)})

    @property
    def value_count(self) -> int | None:
        return len(self.values)

    def value_at(self, index: int) -> Any:
        return self.values[index]

    def index_of(self, value: Any) -> int | None:
        """Of the same type first: 1, 1.0 and True are three values. Then 1.0 stands for 1, as JSON may have it."""
        index = self._indices.get(encode_json(value))
        if index is None and _is_number(value) and math.isfinite(value) and value == int(value):
            other = int(value) if isinstance(value, float) else float(value)
            index = self._indices.get(encode_json(other))
        return index

    def sample(self, rng: Random) -> Any:
        if self.probabilities is None:
            return self.values[rng.randrange(len(self.values))]
        ends = list(itertools.accumulate(self.probabilities))
        return self.values[bisect.bisect(ends, rng.random() * ends[-1], hi=len(ends) - 1)]


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same."""

    value: Any

    @property
    def value_count(self) -> int | None:
        return 1

    def value_at(self, index: int) -> Any:
        return self.value

    def index_of(self, value: Any) -> int | None:
        """Whatever a run has here: it makes no difference to the search."""
        return 0

    def sample(self, rng: Random) -> Any:
        return self.value


def _within(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
