"""Which rows of a run are asked for: keys, samples and streams, from the words of the Api to a `History`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from runlake import values
from runlake.errors import BadValueError, warn
from runlake.model import AXES, STEP, STREAMS, RunPath, Stream
from runlake.query.rows.dicts import axes_of_keys
from runlake.query.rows.history import History
from runlake.query.rows.sample import check_sample_count, is_numeric, sample_rows
from runlake.query.rows.select import Join, find_series, take_rows, with_keys

if TYPE_CHECKING:
    from runlake.service.contract import Service

_NAMED_KEYS = 10


class Selection(Struct, frozen=True):
    """Rows that were asked for: `row_count` is how many there were before sampling, `axes` what each row carries."""

    history: History
    row_count: int
    axes: tuple[str, ...] | None = None


def select_rows(
    service: Service,
    path: RunPath,
    *,
    stream: Stream = "history",
    keys: Sequence[str] | None = None,
    samples: int | None = None,
    x_axis: str = STEP,
    join: Join = "inner",
    min_step: int | None = None,
    max_step: int | None = None,
    whole: History | None = None,
) -> Selection:
    """The rows of one stream, of `keys` as `select.with_keys` joins them, and no more than `samples` of them.

    `whole` is what the service has of `wanted_keys`, where that is known already. One numeric key keeps its lowest and
    highest values; otherwise whole rows are taken evenly. First and last stay in both cases. Keys that do not exist,
    and keys that never share a row, are named in a `RunlakeWarning`.
    """
    if samples is not None:
        check_sample_count(samples)
    if keys is None:
        history = service.read_history(path, stream=stream, min_step=min_step, max_step=max_step)
        return _sampled(history, samples, [], None)
    wanted = wanted_keys(keys, x_axis)
    axes = axes_of_keys(wanted, x_axis)
    metrics = [key for key in wanted if key not in AXES]
    is_line = len(wanted) == len(metrics) == 1 and join in ("inner", "any") and min_step is max_step is None
    if samples is not None and is_line and whole is None:
        drawn = service.sample_history(path, wanted[0], samples=samples, stream=stream)
        # What is no number has no line: then the rows themselves are read.
        if drawn.series and all(map(is_numeric, drawn.series)):
            return Selection(drawn, drawn.source_row_count or 0, axes)
    if whole is None:
        whole = service.read_history(path, stream=stream, keys=wanted, min_step=min_step, max_step=max_step)
    history = with_keys(whole, wanted, join)
    if not history.row_count or join != "inner":
        _warn_about_keys(service, path, stream, metrics, whole, join)
    return _sampled(history, samples, metrics, axes)


def wanted_keys(keys: Sequence[str], x_axis: str = STEP) -> list[str]:
    """What is to be read for some keys, that of the x axis included."""
    return list(dict.fromkeys([*check_keys(keys), *([] if x_axis == STEP else [x_axis])]))


def stream_named(name: str) -> Stream:
    """The stream of this name; W&B's ``default`` is ``history``. `BadValueError` names those there are."""
    if name == "default":
        return "history"
    for stream in STREAMS:
        if name == stream:
            return stream
    raise BadValueError(f"stream={name!r}; it can be {', '.join(STREAMS)}")


def check_keys(keys: Sequence[str]) -> Sequence[str]:
    """Refuse what is no list of names."""
    if isinstance(keys, str):
        raise BadValueError(f"keys={keys!r} is one text; write a list: keys=[{keys!r}]")
    try:
        names = list(keys)
    except TypeError:
        raise BadValueError(f"keys={keys!r}; it must be a list of names") from None
    for name in names:
        if not isinstance(name, str):
            raise BadValueError(f"keys={keys!r}; every key must be text, and {name!r} is a {type(name).__name__}")
    return names


def near_matches(name: str, known: Iterable[str]) -> list[str]:
    """The known names that look like `name`, the likeliest first: the same ending or beginning, then spelling."""
    import difflib

    known = list(dict.fromkeys(known))
    low = name.lower()
    parts = [other for other in known if other.lower().split("/")[-1] == low or other.lower().startswith(f"{low}.")]
    spelt = difflib.get_close_matches(low, [other.lower() for other in known], n=3, cutoff=0.6)
    alike = [other for wanted in spelt for other in known if other.lower() == wanted]
    return list(dict.fromkeys(parts + alike))[:5]


def _sampled(history: History, samples: int | None, metrics: Sequence[str], axes: tuple[str, ...] | None) -> Selection:
    row_count = history.row_count
    if samples is not None and row_count > samples:
        history = take_rows(history, sample_rows(history, metrics, samples))
    return Selection(history, row_count, axes)


def _warn_about_keys(
    service: Service, path: RunPath, stream: Stream, keys: Sequence[str], history: History, join: Join
) -> None:
    missing = [key for key in keys if not find_series(history, key)]
    if not missing:
        if join == "inner" and history.row_count and len(keys) > 1:
            text = f"no row of {path} has all of {_listed(keys)}; they are logged in different rows"
            warn(f"{text}: join='outer' aligns them on their step", has_prefix=False)
        return
    known = [values.plain_name(key) for key in service.list_keys(path, stream=stream)]
    for key in missing:
        alike = near_matches(key, known)
        hint = f"; did you mean {_listed(alike)}?" if alike else f"; there are: {_listed(known)}" if known else ""
        warn(f"{path} has no key {key!r} in its {stream}{hint}", has_prefix=False)


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_NAMED_KEYS])
    return shown if len(names) <= _NAMED_KEYS else f"{shown} and {len(names) - _NAMED_KEYS:,} more"
