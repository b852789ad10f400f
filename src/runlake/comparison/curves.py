"""How far the curves of runs are from each other, on one grid of steps.

The grid has `COLUMN_COUNT` columns of equal width over the steps of all the runs; in each column stands the mean of a
run's finite values there, and between columns that have some the straight line. The distance of two curves is the
root of the mean of the squared differences over the columns where both are: it has the unit of the key.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from msgspec import Struct

from runlake.errors import NotFoundError, StoreError
from runlake.model import RunPath

if TYPE_CHECKING:
    from runlake.service.contract import Service

COLUMN_COUNT = 500
MAX_SHARED_KEYS = 256
"""More are compared only where they are named."""

_KEYS_AT_ONCE = 64
_NUMBERS = ("i64", "f64")

Column = npt.NDArray[np.float64]


class CurveDistance(Struct, frozen=True, kw_only=True):
    """How far the curve of one run is from that of the first: `rms` and `largest` in the unit of the key.

    `at_step` is where the largest difference stands, to half a column of the grid. All three are None where the two
    have no column in common.
    """

    key: str
    run: RunPath
    rms: float | None
    largest: float | None
    at_step: float | None


class Curves(Struct, frozen=True, kw_only=True):
    """The distances of the keys that all runs have; `left_out_count` keys were too many to be compared unasked."""

    distances: tuple[CurveDistance, ...] = ()
    left_out_count: int = 0


def compare_curves(service: Service, paths: Sequence[RunPath], keys: Sequence[str] | None = None) -> Curves:
    """The distances of each run's curves to those of the first: of `keys`, or of all numbers that all of them have.

    `NotFoundError` names a key that a run has not logged as numbers.
    """
    shared = shared_keys(service, paths, keys)
    if keys is None and len(shared) > MAX_SHARED_KEYS:
        return Curves(left_out_count=len(shared))
    return Curves(distances=tuple(_distances(service, paths, shared)))


def shared_keys(service: Service, paths: Sequence[RunPath], keys: Sequence[str] | None = None) -> list[str]:
    """The keys of which all runs have numbers, in the order of the first; or `keys`, once each.

    `NotFoundError` names those of `keys` that a run has not logged as numbers.
    """
    numbers = [_number_keys(service, path) for path in paths]
    if keys is None:
        return [key for key in numbers[0] if not key.startswith("_") and all(key in one for one in numbers[1:])]
    named = list(dict.fromkeys(keys))
    for path, found in zip(paths, numbers, strict=True):
        if missing := [key for key in named if key not in found]:
            raise NotFoundError(f"{path} has no numbers of {', '.join(missing)}; see: runlake show {path}")
    return named


def distance(first: Column, other: Column, centres: Column) -> tuple[float, float, float] | tuple[None, None, None]:
    """`rms`, `largest` and `at_step` of two curves on the same grid, NaN where they have nothing."""
    gaps = np.abs(other - first)
    used = np.flatnonzero(np.isfinite(gaps))
    if not len(used):
        return None, None, None
    place = int(used[np.argmax(gaps[used])])
    scale = gaps[place] or 1.0  # squares of large numbers are larger than floats can be
    rms = float(scale * np.sqrt(np.mean((gaps[used] / scale) ** 2)))
    return rms, float(gaps[place]), float(centres[place])


def _number_keys(service: Service, path: RunPath) -> dict[str, None]:
    series = service.outline_history(path).series
    return dict.fromkeys(one.key for one in series if one.lane in _NUMBERS)


def _distances(service: Service, paths: Sequence[RunPath], keys: Sequence[str]) -> Iterator[CurveDistance]:
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        asked = list(keys[start : start + _KEYS_AT_ONCE])
        window = _common_window(service, paths, asked)
        if window is None:
            continue
        curves = [_columns(service, path, asked, window) for path in paths]
        low, high = window
        centres = low + (high - low) * (np.arange(COLUMN_COUNT) + 0.5) / COLUMN_COUNT
        nothing = np.full(COLUMN_COUNT, np.nan)
        for key in asked:
            first = curves[0].get(key, nothing)
            for path, columns in zip(paths[1:], curves[1:], strict=True):
                rms, largest, at_step = distance(first, columns.get(key, nothing), centres)
                yield CurveDistance(key=key, run=path, rms=rms, largest=largest, at_step=at_step)


def _common_window(service: Service, paths: Sequence[RunPath], keys: list[str]) -> tuple[float, float] | None:
    """The steps that the lines of all runs span together."""
    from runlake.query.tiles.question import TilesQuery

    found = []
    for path in paths:
        asked = TilesQuery(keys=keys, runs=[path.run_id], columns=1)
        window = service.read_tiles(path.entity, path.project, asked).window
        if window is not None:
            found.append(window)
    return (min(low for low, _ in found), max(high for _, high in found)) if found else None


def _columns(service: Service, path: RunPath, keys: list[str], window: tuple[float, float]) -> dict[str, Column]:
    """Key → the run's mean in each column of the grid: the line of a group that this run is alone in."""
    from runlake.query.tiles.question import TilesQuery

    asked = TilesQuery(
        keys=keys,
        runs=[path.run_id],
        group_by=["run_id"],
        window=window,
        columns=COLUMN_COUNT,
        is_exact=True,
    )
    tiles = service.read_tiles(path.entity, path.project, asked)
    if tiles.left_out:
        raise StoreError(f"the curves of {path} cannot be read: {tiles.left_out[0].error}")
    low, high = window
    columns = {}
    for series in tiles.series:
        x, y = series.line[0], series.line[1]
        place = np.minimum(((x - low) / ((high - low) or 1.0) * COLUMN_COUNT).astype(np.int64), COLUMN_COUNT - 1)
        columns[series.key] = np.full(COLUMN_COUNT, np.nan)
        columns[series.key][place] = y
    return columns
