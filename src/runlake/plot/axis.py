"""Axes: which numbers are marked, how they are written, and where a number lies between two ends."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

_LARGEST, _SMALLEST_SPAN = sys.float_info.max, 1e-290
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)
_UNITS = ((1e12, 1e12, "T"), (1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k"))
"""From which size on, what is one of the unit, and its letter."""


@dataclass(frozen=True, slots=True)
class Axis:
    """An axis of numbers from `low` to `high`, which are different and finite, with the marked ones in `ticks`."""

    low: float
    high: float
    ticks: list[float]

    def place(self, value: float) -> float:
        """Where a value lies: 0 at the low end, 1 at the high one."""
        # In halves: the span between the largest floats is not one.
        return (value / 2 - self.low / 2) / (self.high / 2 - self.low / 2)

    def labels(self) -> list[str]:
        """The text of each tick."""
        return tick_texts(self.ticks)


def axis_over(values: Iterable[float], *, tick_count: int, with_zero: bool = False, exact: bool = False) -> Axis:
    """An axis that shows all finite values, its ends being ticks; with `exact` its ends are the values' own.

    Without a finite value it goes from 0 to 1; a single value stands in the middle.
    """
    finite = [value for value in values if -math.inf < value < math.inf]
    low, high = (min(finite), max(finite)) if finite else (0.0, 1.0)
    if with_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    narrowest = max(abs(low), abs(high)) * 1e-12
    if high / 2 - low / 2 <= max(narrowest / 2, _SMALLEST_SPAN):
        half = max(narrowest * 10, abs(low) * 0.1, _SMALLEST_SPAN * 10) if low else 0.5
        low, high = max(low - half, -_LARGEST), min(high + half, _LARGEST)
    step = _nice_step(low, high, tick_count)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    if not exact:
        first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
        low, high = max(first * step, -_LARGEST), min(last * step, _LARGEST)
    ticks = [place * step for place in range(first, last + 1)]
    return Axis(low, high, [tick for tick in ticks if low <= tick <= high])


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """Ticks a step apart as short texts that tell them from each other: 0.25, 12k, 1.5M, 3e-07."""
    largest = max((abs(tick) for tick in ticks), default=0.0)
    step = (ticks[1] / 2 - ticks[0] / 2) * 2 if len(ticks) > 1 else largest
    if largest >= 1e15 or 0 < step < 1e-4:
        texts = [f"{tick:.4g}" if abs(tick) > step * 1e-6 else "0" for tick in ticks]
        return [text.replace("-", "−", 1) if text.startswith("-") else text for text in texts]
    unit, letter = next(((unit, letter) for least, unit, letter in _UNITS if largest >= least), (1.0, ""))
    digits = max(0, -math.floor(math.log10(step / unit) + 1e-9)) if step else 0
    if abs(round(step / unit, digits) * unit - step) > step * 1e-6:  # steps of 2.5 need one digit more
        digits += 1
    return [_signed(tick / unit, digits) + letter if abs(tick) > step * 1e-6 else "0" for tick in ticks]


def _signed(value: float, digits: int) -> str:
    return ("−" if value < 0 else "") + f"{abs(value):.{digits}f}"


def value_text(value: float) -> str:
    """A number as text for a reader: six digits, no more."""
    return f"{value:.6g}" if math.isfinite(value) else "none"


def _nice_step(low: float, high: float, tick_count: int) -> float:
    rough = (high / tick_count) - (low / tick_count)
    power = 10.0 ** math.floor(math.log10(rough))
    return next((step * power for step in _STEPS if step * power >= rough * 0.999), 10 * power)
