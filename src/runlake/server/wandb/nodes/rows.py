"""Rows of a run as this wire has them: ordered by step, whole ones as text, chosen ones as strict JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from runlake.errors import BadValueError
from runlake.model import AXES, STEP, RunInfo, Stream
from runlake.query.rows.dicts import axes_of_keys, iter_rows, row_batches
from runlake.query.rows.history import History
from runlake.query.rows.sample import is_numeric, row_sample, sample_rows
from runlake.query.rows.select import by_step, slice_rows, take_rows, with_keys
from runlake.server.wandb.budget import Budget
from runlake.server.wandb.histories import Histories
from runlake.server.wandb.wire import dump_json_string, dump_strict, load_json_string, read_strict
from runlake.service.contract import Service

DEFAULT_SAMPLES = 500
MAX_KEYS = 1_000

_EVENT_AXES = ("_timestamp", "_runtime")
_SYSTEM_MARK = "_wandb"


@dataclass(frozen=True, slots=True)
class Spec:
    """What one sampled history is to hold: rows with all `keys`, min_step ≤ `_step` < max_step."""

    keys: tuple[str, ...]
    samples: int | None = None
    min_step: int | None = None
    max_step: int | None = None


def read_spec(text: str) -> Spec:
    """A spec as the client writes it; there `maxStep` is the last step itself. `BadValueError` says what is wrong."""
    spec = load_json_string(text, "a spec of a sampled history")
    if not isinstance(spec, Mapping):
        raise BadValueError(
            f'a spec of a sampled history is like {{"keys": ["loss"], "samples": 500}}, not {text[:60]}'
        )
    keys = spec.get("keys") or ()
    if not isinstance(keys, list | tuple) or not all(isinstance(key, str) for key in keys) or len(keys) > MAX_KEYS:
        raise BadValueError(f"the keys of a spec are a list of up to {MAX_KEYS} names, not {str(keys)[:60]}")
    max_step = _whole(spec, "maxStep")
    return Spec(
        tuple(dict.fromkeys(keys)),
        _whole(spec, "samples"),
        _whole(spec, "minStep"),
        None if max_step is None else max_step + 1,
    )


def whole_rows(
    service: Service,
    histories: Histories,
    info: RunInfo,
    *,
    stream: Stream,
    samples: int | None,
    min_step: int | None,
    max_step: int | None,
    budget: Budget,
) -> list[str]:
    """At most `samples` rows with min_step ≤ `_step` < max_step, each as JSON text with everything logged in it."""
    history = histories.read(service, info, stream=stream)
    history = in_steps(history, min_step, max_step)
    history = take_rows(history, row_sample(history.row_count, _sample_count(samples, history, min_step, max_step)))
    budget.take_rows(history)
    if stream == "events":
        mark = {_SYSTEM_MARK: True}
        rows: Iterator[dict[str, Any]]
        rows = ({**mark, **row} for row in iter_rows(history, axes=_EVENT_AXES))
    else:
        rows = iter_rows(history)
    return list(map(dump_strict if is_strict(history) else dump_json_string, rows))


def sampled_rows(
    service: Service, histories: Histories, info: RunInfo, spec: Spec, budget: Budget
) -> list[dict[str, Any]]:
    """At most `spec.samples` of the rows that have all keys of `spec`, with those keys only, as strict JSON."""
    if not spec.keys:
        return []
    metrics = [key for key in spec.keys if key not in AXES]
    axes = axes_of_keys(spec.keys)
    if len(metrics) == 1 and set(spec.keys) <= {STEP, *metrics} and spec.min_step is None and spec.max_step is None:
        samples = max(1, DEFAULT_SAMPLES if spec.samples is None else spec.samples)
        drawn = service.sample_history(info.path, metrics[0], samples=samples)
        # What is no number has no line: then the rows themselves are read.
        if drawn.series and all(map(is_numeric, drawn.series)):
            budget.take_rows(drawn)
            return _strict_rows(by_step(drawn), axes)
    history = histories.read(service, info, keys=spec.keys)
    history = with_keys(in_steps(history, spec.min_step, spec.max_step), spec.keys)
    samples = _sample_count(spec.samples, history, spec.min_step, spec.max_step)
    history = take_rows(history, sample_rows(history, metrics, samples))
    budget.take_rows(history)
    return _strict_rows(history, axes)


def in_steps(history: History, min_step: int | None, max_step: int | None) -> History:
    """The rows with min_step ≤ `_step` < max_step of a history that is ordered by step."""
    start = 0 if min_step is None else int(np.searchsorted(history.step, min_step))
    stop = history.row_count if max_step is None else int(np.searchsorted(history.step, max_step))
    return slice_rows(history, start, max(start, stop))


def is_strict(history: History) -> bool:
    """Whether nothing in the rows needs more than strict JSON: that is written several times as fast."""
    axes = [axis for axis in (history.timestamp, history.runtime) if axis is not None]
    if not all(bool(np.isfinite(axis).all()) for axis in axes):
        return False
    return all(
        bool(np.isfinite(series.values.to_numpy()).all()) if series.lane == "f64" else series.lane != "json"
        for series in history.series
        if len(series.values)
    )


def _strict_rows(history: History, axes: Iterable[str]) -> list[dict[str, Any]]:
    return [row for batch in row_batches(history, axes=axes, read=read_strict) for row in batch]


def _sample_count(samples: int | None, history: History, min_step: int | None, max_step: int | None) -> int:
    """How many rows are wanted. A page as long as its steps is a scan: there the rows of one step all come."""
    if samples is None:
        return DEFAULT_SAMPLES
    if min_step is not None and max_step is not None and samples >= max_step - min_step:
        return max(1, history.row_count)
    return max(1, samples)


def _whole(spec: Mapping[str, Any], name: str) -> int | None:
    value = spec.get(name)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**63):
        return value
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    raise BadValueError(f"{name} of a spec is a whole number, not {str(value)[:60]}")
