"""The records of a ``.swanlab`` file, in one form: those of version 1 are JSON, those of version 2 Protocol Buffers.

The messages (``swanlab.record.v1.Record``) are told by their numbered fields, which are fixed; they are read without
SwanLab's package.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from runlake.errors import BadValueError
from runlake.importers.wandb_log import LogHead, read_head, read_records
from runlake.integrations.tensorboard.wire import doubles, fields, raw, signed, text

LOG = LogHead(".swanlab", b":SWL", 0xE1D6, frozenset({1, 2}))
_JSON = 1
_START, _FINISH, _COLUMN, _SCALAR, _MEDIA, _LOG, _SAVE = 10, 11, 12, 13, 14, 16, 20
_KINDS = {
    1: "scalar", 2: "image", 3: "audio", 4: "text", 5: "video", 6: "echarts", 7: "object3d", 8: "molecule", 9: "html",
}  # fmt: skip
_STATES = {0: "running", 1: "finished", 2: "crashed", 3: "aborted"}
_NUMBERS = {"NaN": float("nan"), "INF": float("inf"), "-INF": float("-inf")}
_SYSTEM_CLASS = 2


class Start(NamedTuple):
    """What a run says of itself; `started_at` in seconds since 1970, as all times here."""

    project: str
    run_id: str
    name: str
    description: str
    tags: tuple[str, ...]
    group: str
    job_type: str
    resumes: bool
    started_at: float | None


class Column(NamedTuple):
    """A key is announced."""

    key: str
    kind: str
    is_system: bool


class Scalar(NamedTuple):
    """A number was logged."""

    key: str
    step: int
    at: float
    value: float


class Media(NamedTuple):
    """Values of a data type were logged: of each the path below ``media/``, or the text (`is_inline`); a caption."""

    key: str
    kind: str
    step: int
    at: float
    items: tuple[tuple[str, str | None], ...]
    is_inline: bool = False


class Line(NamedTuple):
    """A line was printed; one of the same number replaces it."""

    number: int
    text: str
    at: float
    is_error: bool


class Saved(NamedTuple):
    """A file was saved."""

    name: str
    is_own: bool


class End(NamedTuple):
    """The run has ended: finished, crashed or aborted."""

    state: str
    error: str
    at: float


Said = Start | Column | Scalar | Media | Line | Saved | End


def read_said(log: Path, lost: Counter[str], problems: list[str]) -> Iterator[Said]:
    """What a file says, in its order. What is damaged is named in `problems`, what is not known counted in `lost`.

    BadValueError for a file that is none, or of a version that is not known.
    """
    with log.open("rb") as file:
        try:
            version = read_head(file, LOG)
        except BadValueError as error:
            raise BadValueError(f"{log}: {error}") from None
        file.seek(0)
        found: list[str] = []
        reader = _JsonRecords(lost) if version == _JSON else _Messages(lost)
        try:
            for record in read_records(file, found, LOG):
                try:
                    said = reader.read(record)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                    found.append(f"a record is none: {error}")  # WireError is a ValueError
                    continue
                if said is not None:
                    yield said
        finally:
            problems += [f"{log.name}: {problem}" for problem in found]


class _Messages:
    """Version 2."""

    def __init__(self, lost: Counter[str]) -> None:
        self._lost = lost

    def read(self, record: bytes) -> Said | None:
        for number, _, content in fields(record):
            if number in (1, 2):
                continue
            said: dict[int, Any] = {}
            tags: list[str] = []
            for field, _, value in fields(raw(content)):
                if number == _START and field == 6:
                    tags.append(text(value))
                else:
                    said[field] = value
            return self._said(number, said, tuple(tags))
        return None

    def _said(self, number: int, said: dict[int, Any], tags: tuple[str, ...]) -> Said | None:
        if number == _SCALAR:
            value = dict((field, content) for field, _, content in fields(raw(said.get(5, b""))))
            return Scalar(_text(said, 1), _step(said), _at(said.get(4)), doubles(value[1])[0] if 1 in value else 0.0)
        if number == _COLUMN:
            kind = _KINDS.get(int(said.get(2, 0)), "unknown")
            return Column(_text(said, 3), kind, is_system=said.get(1) == _SYSTEM_CLASS)
        if number == _LOG:
            return Line(int(said.get(4, 1)) - 1, _text(said, 1), _at(said.get(3)), is_error=bool(said.get(2)))
        if number == _MEDIA:
            return self._media(said)
        if number == _START:
            names = [_text(said, field) for field in (1, 10, 4, 5)]
            return Start(
                names[0], names[1], names[2], names[3], tags, _text(said, 7), _text(said, 8), bool(said.get(11)),
                _at(said[12]) if 12 in said else None,
            )  # fmt: skip
        if number == _FINISH:
            return End(_STATES.get(int(said.get(1, 0)), "running"), _text(said, 2), _at(said.get(3)))
        if number == _SAVE:
            return Saved(_text(said, 3) or _text(said, 1), is_own=bool(said.get(5)))
        self._lost[f"record of kind {number}"] += 1
        return None

    def _media(self, said: dict[int, Any]) -> Media:
        kind = _KINDS.get(int(said.get(3, 0)), "unknown")
        items = []
        for _, _, item in fields(raw(said.get(5, b""))):
            found = dict((field, content) for field, _, content in fields(raw(item)))
            items.append((f"{kind}/{_text(found, 1)}", _text(found, 4) or None))
        return Media(_text(said, 1), kind, _step(said), _at(said.get(4)), tuple(items))


class _JsonRecords:
    """Version 1. The run is said by three records, of which the last one begins it here."""

    def __init__(self, lost: Counter[str]) -> None:
        self._lost = lost
        self._project = ""
        self._started_at: float | None = None
        self._kinds: dict[str, str] = {}

    def read(self, record: bytes) -> Said | None:
        document = json.loads(record)
        kind, data = document["model_type"], document["data"]
        if kind == "Scalar":
            metric = data["metric"]
            value = metric["data"]
            number = _NUMBERS.get(value, value) if isinstance(value, str) else value
            return Scalar(data["key"], int(data["step"]), _seconds(metric["create_time"]), float(number))
        if kind == "Log":
            number, is_error = int(data.get("epoch") or 1) - 1, data.get("level") == "ERROR"
            return Line(number, str(data["message"]), _seconds(data["create_time"]), is_error=is_error)
        if kind == "Column":
            self._kinds[data["key"]] = str(data["column_type"]).lower()
            return Column(data["key"], self._kinds[data["key"]], is_system=data.get("cls") == "SYSTEM")
        if kind == "Media":
            return self._media(data)
        if kind == "Experiment":
            return Start(
                self._project, str(data["id"]), str(data["name"]), str(data.get("description") or ""),
                tuple(map(str, data.get("tags") or ())), str(data.get("group") or ""), str(data.get("job_type") or ""),
                False, self._started_at,
            )  # fmt: skip
        if kind == "Header":
            self._started_at = _seconds(data["create_time"])
        elif kind == "Project":
            self._project = str(data["name"])
        elif kind == "Footer":
            state = "finished" if data.get("success") else "crashed"
            return End(state, str(data.get("error") or ""), _seconds(data["create_time"]))
        elif kind != "Runtime":
            self._lost[f"record of kind {kind}"] += 1
        return None

    def _media(self, data: dict[str, Any]) -> Media:
        key, metric, kind = data["key"], data["metric"], self._kinds.get(data["key"], "unknown")
        names = data.get("buffers_name")
        more = metric.get("more") or []
        captions = [item.get("caption") if isinstance(item, dict) else None for item in more]
        contents = metric["data"] if names is None else [f"{data['kid']}/{name}" for name in names]
        items = zip(map(str, contents), [*captions, *[None] * len(contents)], strict=False)
        at, step = _seconds(metric["create_time"]), int(data["step"])
        return Media(key, kind, step, at, tuple(items), is_inline=names is None)


def _text(said: dict[int, Any], field: int) -> str:
    return text(said[field]) if field in said else ""


def _step(said: dict[int, Any]) -> int:
    return signed(int(said.get(2, 0)))


def _at(timestamp: Any) -> float:
    """A Timestamp as seconds since 1970."""
    if timestamp is None:
        return 0.0
    said = {number: value for number, _, value in fields(raw(timestamp)) if isinstance(value, int)}
    return signed(said.get(1, 0)) + said.get(2, 0) / 1e9


def _seconds(words: Any) -> float:
    found = datetime.fromisoformat(str(words))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
