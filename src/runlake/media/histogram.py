"""Histogram: how many values fell between which edges."""

from __future__ import annotations

import html
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError
from runlake.media.arrays import plain
from runlake.media.stored import Media, WriteFile

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_BIN_COUNT = 512
"""The same limit as W&B's: more bins than a screen can show."""

_LARGE = 1e300
"""Beyond this the span between two float64 values can overflow."""

_SVG_WIDTH, _SVG_HEIGHT = 320, 96


class Histogram(Media):
    """Counts between edges, made here from values or given as numpy makes them.

    `sequence` is anything numpy can read as numbers (lists, arrays, tensors of any shape); it is counted into
    `num_bins` equal bins from its lowest to its highest finite value. NaN and infinities are not in any bin:
    they are counted apart in `nan_count` and `inf_count`. No values at all give empty bins over 0 to 1.
    `np_histogram` is (counts, edges), one edge more than counts, kept as given. At most 512 bins.
    Raises `BadValueError`.
    """

    MAX_LENGTH = MAX_BIN_COUNT

    __slots__ = ("bins", "histogram", "inf_count", "nan_count")

    histogram: list[int | float]
    """The count in each bin, n of them."""
    bins: list[int | float]
    """The edges of the bins, n + 1 of them."""
    nan_count: int
    """How many values were NaN."""
    inf_count: int
    """How many values were infinite, of either sign."""

    def __init__(
        self,
        sequence: Iterable[Any] | None = None,
        np_histogram: Sequence[Any] | None = None,
        num_bins: int = 64,
    ) -> None:
        self.nan_count = self.inf_count = 0
        if np_histogram is not None:
            self.histogram, self.bins = _given(np_histogram)
        elif sequence is not None:
            _check_bin_count(num_bins)
            values = _numbers(sequence)
            self.nan_count, self.inf_count, finite = _split(values)
            self.histogram, self.bins = _count(finite, num_bins)
        else:
            raise BadValueError(
                "Histogram() was given neither values nor np_histogram=(counts, edges); pass one of them"
            )

    @classmethod
    def from_stored(cls, value: Mapping[str, Any]) -> Histogram:
        """The histogram of a stored dict; the inverse of `stored`."""
        histogram = cls(np_histogram=(value["values"], value["bins"]))
        histogram.nan_count = value.get("nan_count", 0)
        histogram.inf_count = value.get("inf_count", 0)
        return histogram

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """The histogram as a dict; it needs no file. `nan_count` and `inf_count` are there when not zero."""
        stored: dict[str, Any] = {"_type": "histogram", "values": list(self.histogram), "bins": list(self.bins)}
        if self.nan_count:
            stored["nan_count"] = self.nan_count
        if self.inf_count:
            stored["inf_count"] = self.inf_count
        return stored

    def __repr__(self) -> str:
        return f"Histogram({len(self.histogram)} bins from {self.bins[0]:.6g} to {self.bins[-1]:.6g})"

    def _repr_html_(self) -> str:
        heights = [value if math.isfinite(value) else 0 for value in self.histogram]
        highest = max((abs(height) for height in heights), default=0) or 1
        width = _SVG_WIDTH / max(len(heights), 1)
        bars = "".join(
            f'<rect x="{i * width:.2f}" y="{_SVG_HEIGHT * (1 - abs(height) / highest):.2f}" '
            f'width="{width * 0.92:.2f}" height="{_SVG_HEIGHT * abs(height) / highest:.2f}">'
            f"<title>{html.escape(f'{self.bins[i]:.6g} to {self.bins[i + 1]:.6g}: {height:.6g}')}</title></rect>"
            for i, height in enumerate(heights)
            if height
        )
        label = f"{self.bins[0]:.6g} to {self.bins[-1]:.6g}, highest bin {highest:.6g}"
        for count, name in ((self.nan_count, "NaN"), (self.inf_count, "infinite")):
            label += f", {count} {name}" if count else ""
        return (
            f'<figure style="margin:0"><svg width="{_SVG_WIDTH}" height="{_SVG_HEIGHT}" '
            f'viewBox="0 0 {_SVG_WIDTH} {_SVG_HEIGHT}" fill="#4878a8" role="img" aria-label="{html.escape(label)}">'
            f'{bars}</svg><figcaption style="font-size:smaller">{html.escape(label)}</figcaption></figure>'
        )


def _check_bin_count(count: int) -> None:
    if isinstance(count, bool) or not hasattr(count, "__index__") or not 1 <= count <= MAX_BIN_COUNT:
        raise BadValueError(
            f"a histogram of {count!r} bins was asked for; give a whole number from 1 to {MAX_BIN_COUNT}"
        )


def _given(np_histogram: Sequence[Any]) -> tuple[list[int | float], list[int | float]]:
    if len(np_histogram) != 2:
        raise BadValueError(
            f"np_histogram has {len(np_histogram)} parts; give two, (counts, edges), as numpy.histogram returns them"
        )
    counts, edges = (_plain_numbers(part) for part in np_histogram)
    if len(counts) > MAX_BIN_COUNT:
        raise BadValueError(f"np_histogram has {len(counts)} bins; the limit is {MAX_BIN_COUNT}: use fewer, wider bins")
    if len(edges) != len(counts) + 1:
        raise BadValueError(
            f"np_histogram has {len(counts)} counts and {len(edges)} edges; there must be one edge more than counts"
        )
    return counts, edges


def _plain_numbers(part: Any) -> list[int | float]:
    items = [plain(item) for item in plain(part)]
    for item in items:
        if isinstance(item, bool) or not isinstance(item, int | float):
            raise BadValueError(f"np_histogram holds {item!r}; counts and edges must be numbers in one dimension")
    return items


def _numbers(sequence: Any) -> npt.NDArray[np.float64]:
    """The values as float64[n], whatever their shape."""
    import numpy as np

    if hasattr(sequence, "detach"):
        sequence = sequence.detach().double().cpu().numpy()
    elif isinstance(sequence, Iterable) and not hasattr(sequence, "__array__") and not isinstance(sequence, Sequence):
        sequence = list(sequence)
    try:
        values = np.asarray(sequence)
        if values.dtype.kind in "SUMmc":
            raise BadValueError(f"Histogram() was given values of type {values.dtype}; give real numbers")
        return values.astype(np.float64).ravel()
    except (ValueError, TypeError, OverflowError) as error:
        if isinstance(error, BadValueError):
            raise
        raise BadValueError(f"Histogram() was given values that are not all numbers: {error}") from error


def _split(values: npt.NDArray[np.float64]) -> tuple[int, int, npt.NDArray[np.float64]]:
    """How many are NaN, how many infinite, and the rest."""
    import numpy as np

    is_finite = np.isfinite(values)
    if is_finite.all():
        return 0, 0, values
    nan_count = int(np.isnan(values).sum())
    return nan_count, int((~is_finite).sum()) - nan_count, values[is_finite]


def _count(finite: npt.NDArray[np.float64], num_bins: int) -> tuple[list[int | float], list[int | float]]:
    import numpy as np

    if not len(finite):
        return [0] * num_bins, np.linspace(0.0, 1.0, num_bins + 1).tolist()
    low, high = float(finite.min()), float(finite.max())
    scale = 1.0
    if max(-low, high) > _LARGE:
        # A quarter is exact in binary, and the span of the scaled values cannot overflow.
        scale, low, high, finite = 4.0, low / 4, high / 4, finite / 4
    narrowest = 4 * num_bins * float(np.spacing(max(abs(low), abs(high))))
    if low != high and high - low < narrowest:
        # numpy refuses bins narrower than the distance between neighbouring floats.
        low, high = low - narrowest, high + narrowest
    elif low == high:
        half = max(0.5, narrowest)
        low, high = low - half, high + half
    counts, edges = np.histogram(finite, bins=num_bins, range=(low, high))
    top = sys.float_info.max / scale
    return counts.tolist(), (np.clip(edges, -top, top) * scale).tolist()
