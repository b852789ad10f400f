"""What heads of parts, records and rows must say to mean something: asked where bytes come in, and by `check`. Pure.

A checksum says that bytes are as they were sent. It does not say that `clock` is a number, so what a process elsewhere
sends is proven here before it is kept: what has passed, every reader can read. What this library writes passes; what a
later one may add to a record passes too, as long as it is plain data.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from runlake.errors import BadValueError
from runlake.model import AXES, FIRST_TIME_S, LAST_TIME_S, STREAMS, Level, MetricRule, State, is_time
from runlake.ready import ready
from runlake.store.journal import record
from runlake.store.journal.fold import StreamFold, WriterState
from runlake.store.journal.header import part_header_of
from runlake.values import I64_MAX, I64_MIN, MAX_DEPTH, Json, check_json, decode_json, split_path

_Count = Annotated[int, Meta(ge=0, le=I64_MAX - 1)]
_Integer = Annotated[int, Meta(ge=I64_MIN, le=I64_MAX)]
_Time = Annotated[float, Meta(ge=FIRST_TIME_S, le=LAST_TIME_S)]
_Clock = Annotated[int, Meta(ge=0, le=int(LAST_TIME_S + 86_000) * 1_000_000)]
"""Microseconds; every record counts on, so the last ones may lie a little behind the last time of a row."""
_Name = Annotated[str, Meta(min_length=1)]
_RowCounts = dict[str, _Count]


class _Head(Struct):
    """The body of PART."""

    incarnation: _Name
    generation: _Name
    writer: _Name
    role: Literal["run", "child", "editor", "base"]
    number: _Count
    first: _RowCounts
    format: _Count = record.FORMAT_VERSION
    entity: str = ""
    project: str = ""
    run_id: str = ""
    pid: _Integer | None = None
    created_at: _Time = 0.0
    previous_bytes: _Count = 0
    session: _Count = 0
    after: _Time = 0.0
    taken: list[tuple[_Name, _Name, _Count]] = []


class _Record(Struct):
    """What all records have."""

    clock: _Clock
    n: _Count


class _Edit(_Record):
    set: dict[str, Any] = {}
    unset: list[str] = []


class _Info(_Edit):
    name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None
    user: str | None = None
    host: str | None = None
    program: str | None = None
    sweep: str | None = None
    forked_from: str | None = None
    primary: bool | None = None
    base: dict[str, _Integer] = {}


class _Define(_Record):
    rule: MetricRule


class _State(_Record):
    state: State | None = None
    stop: bool = False


class _Cut(_Record):
    taken: list[tuple[_Name, _Name, _Count]]
    writers: list[WriterState]


class _End(_Record):
    row_counts: _RowCounts
    exit_code: _Integer | None = None
    state: State | None = None
    runtime: _Time = 0.0


class _Alert(_Record):
    title: str
    text: str
    level: Level
    timestamp: _Time


class _Lost(_Record):
    rows: dict[str, list[tuple[_Count, _Count]]]


class _Close(Struct):
    row_counts: _RowCounts


class _Shape(Struct):
    number: Annotated[int, Meta(ge=0, lt=record.NO_SHAPE)]
    paths: tuple[str, ...]
    lanes: tuple[Literal["f64", "i64", "bool"], ...]
    order: tuple[str, ...] = ()


_FORMS: dict[int, type[Struct]] = {
    record.PART: _Head,
    record.SHAPE: _Shape,
    record.CLOSE: _Close,
    record.START: _Info,
    record.CONFIG: _Edit,
    record.SUMMARY: _Edit,
    record.DEFINE: _Define,
    record.INFO: _Info,
    record.STATE: _State,
    record.CUT: _Cut,
    record.FILE: _Record,
    record.END: _End,
    record.ALERT: _Alert,
    record.LOST: _Lost,
}
_CHECKED_APART = {"set", "writers"}


_TIMES = ("created_at", "after", "timestamp", "runtime", "last_timestamp", "last_runtime")
_LAST_CLOCK = int(LAST_TIME_S) * 1_000_000


def with_usable_times(body: Any) -> Any:
    """The same body with times that calendars know, changed in place.

    Rows were logged with any number as their time once, and the records that followed them count on from it. So what is
    stored is read with the nearest time that can be; what comes in is not let pass.
    """
    if type(body) is not dict:
        return body
    for name in _TIMES:
        value = body.get(name)
        if type(value) is float and not is_time(value):
            body[name] = min(max(value, FIRST_TIME_S), LAST_TIME_S) if math.isfinite(value) else 0.0
    clock = body.get("clock")
    if type(clock) is int and not 0 <= clock <= _LAST_CLOCK:
        body["clock"] = min(max(clock, 0), _LAST_CLOCK)
    for state in body["writers"] if type(body.get("writers")) is list else ():
        if type(state) is dict:
            streams, records = state.get("streams"), state.get("records")
            inner = [state.get("header"), *(streams.values() if type(streams) is dict else ())]
            inner += (
                [each[1] for each in records if type(each) is list and len(each) == 2] if type(records) is list else []
            )
            for each in inner:
                with_usable_times(each)
    return body


def prove_record(kind: int, body: Any) -> None:
    """BadValueError for the body of a frame that is no row, of which no reader could make sense; it names the field."""
    name = record.KIND_NAMES[kind]
    try:
        found = msgspec.convert(body, ready(_FORMS[kind]), dec_hook=part_header_of)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise BadValueError(f"a {name} record makes no sense: {error}") from None
    for field, value in body.items():
        if type(value) not in _SCALARS and field not in _CHECKED_APART and not _is_integer(value):
            _prove_plain(f"the {field} of a {name} record", value, 0)
    if isinstance(found, _Edit):
        for path in found.unset:
            prove_path(path)
        values = found.set
        if not (_SCALARS.issuperset(map(type, values.values())) and _are_shallow(values)):
            for path, value in values.items():
                if type(value) not in _SCALARS or path.count(".") > MAX_DEPTH:
                    prove_value(path, value)
    elif isinstance(found, _Shape):
        _prove_shape(found)
    elif isinstance(found, _Cut):
        for state in found.writers:
            _prove_state(state)


def prove_row(stream_bits: int, n: int, timestamp: float, runtime: float, values: Mapping[str, Any]) -> None:
    """BadValueError for a row that no reader could take; `values` are those that are not packed."""
    if stream_bits not in record.STREAM_OF_BITS:
        raise BadValueError(f"a row is of the unknown stream {stream_bits >> 1}")
    if n > MAX_ROW_NUMBER:
        raise BadValueError(f"no row can have the number {n}")
    if not (is_time(timestamp) and is_time(runtime)):
        raise BadValueError(f"row {n} has the time {timestamp!r} and the runtime {runtime!r}, which cannot be")
    prove_values(values, {}, is_console=stream_bits == record.STREAM_BITS["console"])


MAX_ROW_NUMBER = 2**62 - 1
"""So the highest byte alone says whether a number is one."""


def prove_values(values: Mapping[str, Any], depths: dict[str, int], *, is_console: bool = False) -> None:
    """BadValueError for values by path that are not canonical; `depths` are those of paths that were proven before."""
    for path, value in values.items():
        depth = depths.get(path)
        if depth is None:
            if path in AXES:
                raise BadValueError(f"{path!r} is among the values of a row; it is kept for the row itself")
            depth = depths[path] = prove_path(path)
        kind = type(value)
        if kind is not str and kind is not float:
            _prove_scalar(path, kind, value, depth)
        if is_console:
            is_text = kind is Json and type(decode_json(value)) is str  # with half a surrogate pair in it
            prove_console_value(path, str if is_text else kind)


def prove_console_value(path: str, kind: type) -> None:
    """BadValueError for what cannot be a part of a printed line."""
    expected = CONSOLE_KINDS.get(path)
    if expected is not None and kind is not expected:
        raise BadValueError(f"{path!r} of a printed line must be {expected.__name__}, not {kind.__name__}")


CONSOLE_KINDS = {"line": int, "text": str, "level": str, "source": str}


def prove_path(path: str) -> int:
    """How many dicts a path leads through; BadValueError where these are too many."""
    depth = len(split_path(path)) - 1 if "\\" in path else path.count(".")
    if depth > MAX_DEPTH:
        raise BadValueError(f"the key {path[:60]!r}... is nested deeper than {MAX_DEPTH} levels")
    return depth


def _are_shallow(paths: Iterable[str]) -> bool:
    """Whether none of these can lead through too many dicts, by their lengths alone: of most records that is all."""
    return max(map(len, paths), default=0) <= MAX_DEPTH


def prove_value(path: str, value: Any) -> None:
    """BadValueError for what is no canonical value, or does not belong under a path; keys must be text already."""
    _prove_scalar(path, type(value), value, prove_path(path))


def _prove_scalar(path: str, kind: type, value: Any, depth: int) -> None:
    if kind is Json:
        check_json(value, depth + 1)
    elif kind is int:
        if not I64_MIN <= value <= I64_MAX:
            raise BadValueError(f"{path[:60]!r} is {value}, which has more than 64 bits")
    elif kind not in _SCALARS:
        raise BadValueError(f"{path[:60]!r} is a {kind.__name__}, which is no value of a journal")


_SCALARS = frozenset({float, str, bool, type(None)})


def _prove_plain(where: str, value: Any, depth: int) -> None:
    """Of what no form says more: that it is plain data."""
    if depth > MAX_DEPTH:
        raise BadValueError(f"{where} is nested deeper than {MAX_DEPTH} levels")
    kind = type(value)
    if kind in (list, tuple):
        if depth == MAX_DEPTH or not _SCALARS.issuperset(map(type, value)):
            for item in value:
                _prove_plain(where, item, depth + 1)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise BadValueError(f"{where} has the key {key!r:.60}, which is no text")
            _prove_plain(where, item, depth + 1)
    elif kind is int and not _is_integer(value):
        raise BadValueError(f"{where} is {value}, which has more than 64 bits")
    elif kind is not int and kind not in _SCALARS:
        raise BadValueError(f"{where} is a {kind.__name__}, which is no plain data")


def _is_integer(value: Any) -> bool:
    return type(value) is int and I64_MIN <= value <= I64_MAX


def _prove_shape(shape: _Shape) -> None:
    if len(shape.paths) != len(shape.lanes) or len(set(shape.paths)) != len(shape.paths):
        raise BadValueError(
            f"shape {shape.number} has {len(shape.paths)} keys, some twice, and {len(shape.lanes)} types"
        )
    if shape.order and not set(shape.paths) <= set(shape.order):
        raise BadValueError(f"the order of shape {shape.number} lacks some of its keys")
    named = (*shape.paths, *shape.order)
    if _are_shallow(named) and _AXES.isdisjoint(named):
        return
    for path in named:
        prove_path(path)
        if path in AXES:
            raise BadValueError(f"shape {shape.number} names {path!r}, which is kept for the row itself")


_AXES = frozenset(AXES)


def _prove_state(state: WriterState) -> None:
    """What CUT says of a writer whose rows were taken over."""
    prove_record(record.PART, {"number": 0, "first": {}, "writer": state.writer, **state.header.body})
    for kind, body in state.records:
        if kind not in _FORMS or kind in (record.PART, record.SHAPE, record.CLOSE, record.CUT):
            raise BadValueError(f"the writer {state.writer} has a record of kind {kind} in a cut")
        prove_record(kind, body)
    for stream, fold in state.streams.items():
        if stream not in STREAMS:
            raise BadValueError(f"the writer {state.writer} has rows of the unknown stream {stream!r:.60}")
        prove_fold(fold)


def prove_fold(fold: StreamFold) -> None:
    """BadValueError for what cannot be left of any rows."""
    if not (is_time(fold.last_timestamp) and is_time(fold.last_runtime)):
        raise BadValueError(f"rows end at {fold.last_timestamp!r}, {fold.last_runtime!r} s behind their begin")
    for number in (fold.row_count, fold.last_step, *(number for n, at, _ in fold.last.values() for number in (n, at))):
        if not I64_MIN <= number <= I64_MAX:
            raise BadValueError(f"{number} among the last values of rows has more than 64 bits")
    for path, (_, _, value) in fold.last.items():
        prove_value(path, value)
