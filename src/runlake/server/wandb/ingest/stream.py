"""The body of a ``file_stream`` request as a batch for the run's writer. Pure: bytes in, values out.

W&B's client sends the lines of a few files: rows of history and of system metrics as JSON, printed lines as text, and
the whole summary. ``offset`` counts the lines of the run, also those from before the process; a writer's rows are
counted from its beginning, so `base` is taken off.
"""

from __future__ import annotations

import datetime
import json
import re
import time
import zlib
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Annotated, Any

import msgspec

from runlake.errors import BadValueError
from runlake.model import HIDDEN_KEY, RUNTIME, STEP, TIMESTAMP, LoggedRow, Stream, WriterBatch, is_time
from runlake.server.wandb.ingest.lazy_rows import LazyRows
from runlake.server.wandb.wire import NOT_OF_THE_USER
from runlake.values import I64_MAX, I64_MIN

MAX_BODY_BYTES = 64 * 2**20
"""The client sends up to 10 MiB of lines at once; zipped, they may not grow beyond this."""

LARGE_BODY_BYTES = 2**20
"""Larger ones take turns: the client sends so much at once only after it could not reach the server for long."""

MAX_LINES = 400_000
"""Of the shortest lines that the client makes of what was printed, 10 MiB are 350,000."""
MAX_LINE_CHARACTERS = 10 * 2**20
"""The client cuts no row, and sends none that is longer."""
MAX_ROW_TEXTS = 200_000
MAX_ROW_VALUES = 1_000_000
_LONG_LINE_CHARACTERS = 2**19
"""Shorter lines cannot have so many that it matters."""
_OTHER_TEXTS = 10_000
"""So many texts of a request may be names of files."""

_STREAMS: dict[str, Stream] = {"wandb-history.jsonl": "history", "wandb-events.jsonl": "events"}
_SUMMARY, _CONSOLE = "wandb-summary.json", "output.log"
_OF_LINES = ("content", "level", "label")
_LINE = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z? (?:\[([^\]]*)\] )?(.*)", re.DOTALL)
_PLAIN_LINE = re.compile(r"(ERROR )?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?)Z? ()?(.*)", re.DOTALL)


class _Chunk(msgspec.Struct):
    offset: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    content: list[str] = []


class _Body(msgspec.Struct):
    files: dict[str, _Chunk] = {}
    complete: bool | None = None
    exitcode: int | None = None
    preempting: bool | None = None
    uploaded: list[str] | None = None


_decode_body = msgspec.json.Decoder(_Body).decode
_decode_line = msgspec.json.Decoder().decode


def unzipped_bytes(body: bytes, encoding: str | None) -> int:
    """How large a body says that it was before it was zipped (RFC 1952, 2.3.1: the last four bytes)."""
    return int.from_bytes(body[-4:], "little") if encoding == "gzip" else len(body)


def read_body(body: bytes, encoding: str | None) -> bytes:
    """The body as it was before it was zipped. BadValueError for what is no gzip, or more than it says or may be."""
    if encoding in (None, "", "identity"):
        return body
    if encoding != "gzip":
        raise BadValueError(f"a body in {encoding!r} cannot be read; send gzip, or as it is")
    limit = min(unzipped_bytes(body, encoding), MAX_BODY_BYTES)
    unzip = zlib.decompressobj(wbits=31)
    try:
        content = unzip.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadValueError(f"the body is no gzip: {error}") from None
    if len(content) > limit:
        raise BadValueError(f"the body grows beyond {limit} bytes when it is unzipped; send less at once")
    return content


def read_batch(body: bytes, base: Mapping[str, int], *, has_labels: bool = False) -> WriterBatch:
    """What a request says. `has_labels`: lines name the process that printed them. BadValueError says what is wrong."""
    post = _read_post(body)
    rows: dict[Stream, Sequence[LoggedRow]] = {}
    first_n: dict[Stream, int] = {}
    summary: dict[str, Any] | None = None
    runtime_s = 0.0
    for name, chunk in post.files.items():
        stream = _STREAMS.get(name)
        if stream is not None:
            first = chunk.offset - base[stream]
            if first < 0:
                # The process goes on behind other lines than the server saw when it began: these are its first.
                raise BadValueError(f"{name}: line {chunk.offset} was there before this process began")
            rows[stream], first_n[stream] = LazyRows(chunk.content, partial(_rows_of, name, chunk, stream)), first
        elif name == _SUMMARY and chunk.content:
            summary = _json_line(chunk.content[-1], name)
            runtime_s = _runtime_of(summary)
            summary = {key: value for key, value in summary.items() if key not in NOT_OF_THE_USER}
        elif name == _CONSOLE:
            rows["console"] = LazyRows(chunk.content, partial(_console_rows, chunk.offset, has_labels))
    return WriterBatch(
        rows=rows,
        first_n=first_n,
        summary=summary,
        runtime_s=runtime_s,
        is_preempting=bool(post.preempting),
        exit_code=(post.exitcode or 0) if post.complete else None,
    )


def _read_post(body: bytes) -> _Body:
    """The request, whose lines are counted before there is an object for each."""
    # Each text stands between two quotes; those within one are behind a backslash.
    line_count = (body.count(b'"') - body.count(b'\\"')) // 2
    if line_count <= MAX_LINES + _OTHER_TEXTS:
        try:
            post = _decode_body(body)
        except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
            raise BadValueError(f"this is no file_stream request: {error}") from None
        line_count = sum(len(chunk.content) for chunk in post.files.values())
        if line_count <= MAX_LINES:
            return post
    raise BadValueError(f"{line_count:,} lines in one request, and {MAX_LINES:,} are allowed; send fewer at once")


def _rows_of(name: str, chunk: _Chunk, stream: Stream, first: int, lines: Sequence[str]) -> list[LoggedRow]:
    for line in lines:
        if len(line) > _LONG_LINE_CHARACTERS:
            _check_long_line(name, line)
    return _rows(name, _Chunk(chunk.offset + first, list(lines)), stream)


def _check_long_line(name: str, line: str) -> None:
    """BadValueError for a row that is too long, or becomes many more objects than it has characters."""
    for what, count, limit in (
        ("characters", len(line), MAX_LINE_CHARACTERS),
        ("keys and texts", line.count('"') // 2, MAX_ROW_TEXTS),
        ("values", line.count(","), MAX_ROW_VALUES),
    ):
        if count > limit:
            raise BadValueError(f"{name}: a line has {count:,} {what}, and {limit:,} are allowed; log less in one row")


def _console_rows(offset: int, has_labels: bool, first: int, lines: Sequence[str]) -> list[LoggedRow]:
    return [_console_row(offset + first + place, line, has_labels) for place, line in enumerate(lines)]


def _rows(name: str, chunk: _Chunk, stream: Stream) -> list[LoggedRow]:
    rows = []
    for place, text in enumerate(chunk.content):
        line = _json_line(text, name)
        step = line.pop(STEP, None)
        timestamp, runtime = line.pop(TIMESTAMP, None), line.pop(RUNTIME, None)
        if stream == "events":
            line.pop(HIDDEN_KEY, None)
        # The client has its keys in any order: in one order, rows of the same keys are of one shape.
        rows.append(
            LoggedRow(
                step if type(step) is int and I64_MIN <= step <= I64_MAX else chunk.offset + place,
                _seconds(timestamp, time.time()),
                _seconds(runtime, 0.0),
                {key: line[key] for key in sorted(line)},
            )
        )
    return rows


def _seconds(said: Any, otherwise: float) -> float:
    """What a line says, where that can be a time: a script may log anything under the name, and its rows are kept."""
    return float(said) if type(said) in (int, float) and is_time(said) else otherwise


def _json_line(text: str, name: str) -> dict[str, Any]:
    try:
        line = _decode_line(text)
    except RecursionError:
        raise BadValueError(f"{name}: a line is nested too deep to be read; it begins with {text[:60]!r}") from None
    except msgspec.MsgspecError:  # NaN and Infinity stand there as they are, and strict JSON does not know them
        try:
            line = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise BadValueError(f"{name}: a line is no JSON: {error}; it begins with {text[:60]!r}") from None
    if type(line) is not dict:
        raise BadValueError(f"{name}: a line must be an object, not {text[:60]!r}")
    return line


def _runtime_of(summary: Mapping[str, Any]) -> float:
    hidden = summary.get(HIDDEN_KEY)
    for value in (summary.get(RUNTIME), hidden.get("runtime") if isinstance(hidden, dict) else None):
        if type(value) in (int, float):
            return _seconds(value, 0.0)
    return 0.0


def _console_row(number: int, line: str, has_labels: bool) -> LoggedRow:
    """A printed line, as text with its time before it, or as JSON where that was agreed on."""
    level: str | None = None
    label: str | None = None
    text: str | None = line
    timestamp = time.time()
    if line.startswith("{") and '"content"' in line:
        told = _json_line(line, _CONSOLE)
        text, level, label = (said if isinstance(said := told.get(name), str) else None for name in _OF_LINES)
        timestamp = _time_of(str(told.get("ts", ""))) or timestamp
    elif found := (_LINE if has_labels else _PLAIN_LINE).fullmatch(line):
        level = "error" if found[1] else None
        timestamp = _time_of(found[2]) or timestamp
        label, text = found[3], found[4]
    values: dict[str, Any] = {"line": number, "text": text or ""}
    if level:
        values["level"] = level
    if label:
        values["source"] = label
    return LoggedRow(0, timestamp, 0.0, values)


def _time_of(text: str) -> float | None:
    """Seconds since 1970 of a time in UTC without its zone."""
    try:
        moment = datetime.datetime.fromisoformat(text.rstrip("Z")[:26])
    except ValueError:
        return None
    seconds = moment.replace(tzinfo=datetime.UTC).timestamp()
    return seconds if is_time(seconds) else None
