"""What is asked of `read_tiles`, and its bounds."""

from __future__ import annotations

import math
from typing import Any, Literal

from msgspec import Struct

from runlake.errors import BadValueError, TooLargeError
from runlake.model import STEP

MAX_KEYS = 64
MAX_COLUMNS = 4000
MAX_WIDTH = 100_000
"""How many rows a Gaussian or a running mean may look at from one."""
MAX_COLUMNS_IN_ALL = 2**23
"""Columns of all lines of an answer: four points of 16 bytes in each are half a gigabyte."""

Scale = Literal["linear", "log"]
Window = tuple[float | None, float | None]


class Smoothing(Struct, frozen=True, kw_only=True):
    """How lines are smoothed, over all rows: see `smoothing.smoothed` for what `amount` means of each kind."""

    kind: Literal["ema", "gaussian", "mean"]
    amount: float


class Aggregate(Struct, frozen=True, kw_only=True):
    """What is drawn of a group: a line, and a band around it."""

    line: Literal["mean", "median", "min", "max"] = "mean"
    band: Literal["std", "stderr", "minmax", "quantiles"] | None = None


class TilesQuery(Struct, frozen=True, kw_only=True):
    """Which lines of which runs, at how many columns.

    `runs`: ids, in this order; None for all that match `filters`, in `order`, the first `limit` of them. `x` is an axis
    or any key of the same rows, `window` its bounds (None: as far as the rows go), both included. With `group_by`,
    fields as filters name them, one line is drawn of each group and key. With `is_exact` False the answer may be made
    from sketches that keep every lowest and highest value. `known`: versions of runs that the reader has.
    """

    keys: list[str]
    runs: list[str] | None = None
    filters: dict[str, Any] | None = None
    order: tuple[str, ...] = ("-created_at",)
    limit: int | None = None
    stream: Literal["history", "events"] = "history"
    x: str = STEP
    window: Window | None = None
    columns: int = 400
    x_scale: Scale = "linear"
    smoothing: Smoothing | None = None
    group_by: list[str] | None = None
    aggregate: Aggregate | None = None
    is_exact: bool = False
    known: dict[str, str] | None = None

    @property
    def bounds(self) -> Window:
        """The window, with both ends open where there is none."""
        return self.window or (None, None)


def check_query(query: TilesQuery) -> None:
    """`BadValueError` for what cannot be drawn, `TooLargeError` for more keys or columns than one question may have."""
    if len(query.keys) > MAX_KEYS:
        raise TooLargeError(f"{len(query.keys)} keys in one question; {MAX_KEYS} are allowed: ask in several")
    if not 1 <= query.columns <= MAX_COLUMNS:
        raise BadValueError(f"columns={query.columns}; it must be from 1 to {MAX_COLUMNS}")
    if query.limit is not None and query.limit < 0:
        raise BadValueError(f"limit={query.limit}; it must be 0 or more, or null for all")
    low, high = query.bounds
    if any(end is not None and not math.isfinite(end) for end in (low, high)):
        raise BadValueError(f"window=[{low}, {high}]; its ends must be finite numbers, or null where it is open")
    if low is not None and high is not None and low > high:
        raise BadValueError(f"window=[{low}, {high}]; the lower end must come first")
    if query.smoothing is not None:
        _check_smoothing(query.smoothing)


def check_answer_size(query: TilesQuery, line_count: int) -> None:
    """`TooLargeError` for an answer that would not fit into memory."""
    if line_count * query.columns > MAX_COLUMNS_IN_ALL:
        raise TooLargeError(
            f"{line_count:,} lines of {query.columns} columns are more than one answer may hold "
            f"({MAX_COLUMNS_IN_ALL:,} columns in all); ask for fewer columns, fewer keys, or set a limit"
        )


def _check_smoothing(smoothing: Smoothing) -> None:
    amount = smoothing.amount
    if smoothing.kind == "ema":
        if not 0 <= amount < 1:
            raise BadValueError(f"amount={amount} of an EMA; it must be from 0 to less than 1")
    elif not 0 <= amount <= MAX_WIDTH:
        raise BadValueError(f"amount={amount} rows of smoothing; it must be from 0 to {MAX_WIDTH}")
