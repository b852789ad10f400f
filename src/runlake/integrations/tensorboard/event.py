"""What an event says: a step, a time, and tagged values as plain Python, whoever wrote it and in whichever version.

Numbers of 32 bits become the shortest number that is the same in 32 bits: who wrote 0.1 reads 0.1. What is no value of
a tag (graphs, metadata, session marks) is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from runlake.integrations.tensorboard.tensor import Tensor, read_tensor, shortest
from runlake.integrations.tensorboard.wire import WireError, doubles, fields, floats, raw, signed, text


@dataclass(frozen=True, slots=True)
class Buckets:
    """A histogram as the older messages have it: each bucket's upper end, and how many values it holds."""

    lowest: float
    highest: float
    upper_ends: tuple[float, ...]
    counts: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Encoded:
    """The bytes of a file: an image, or a sound."""

    kind: str
    content: bytes


@dataclass(frozen=True, slots=True)
class TaggedValue:
    """One value of a summary; `plugin` says what a tensor means, where the file says so."""

    tag: str
    value: float | Buckets | Encoded | Tensor
    plugin: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """One event; those without values have an empty tuple. `hyperparameters` are those of the plugin of that name."""

    wall_time: float = 0.0
    step: int = 0
    values: tuple[TaggedValue, ...] = ()
    hyperparameters: Mapping[str, Any] = field(default_factory=dict)


def read_event(message: bytes) -> Event:
    """The event of a record; raises `WireError` for bytes that are none."""
    wall_time, step = 0.0, 0
    values: list[TaggedValue] = []
    hyperparameters: dict[str, Any] = {}
    for number, _, value in fields(message):
        if number == 1:
            wall_time = doubles(value)[0]
        elif number == 2 and isinstance(value, int):
            step = signed(value)
        elif number == 5:
            for tagged, found in _summary(raw(value)):
                hyperparameters |= found
                if tagged is not None:
                    values.append(tagged)
    return Event(wall_time, step, tuple(values), hyperparameters)


def read_summary(message: bytes) -> tuple[TaggedValue, ...]:
    """The values of a summary that stands by itself."""
    return tuple(tagged for tagged, _ in _summary(message) if tagged is not None)


def _summary(message: bytes) -> Iterator[tuple[TaggedValue | None, dict[str, Any]]]:
    for number, _, value in fields(message):
        if number == 1:
            yield _value(raw(value))


def _value(message: bytes) -> tuple[TaggedValue | None, dict[str, Any]]:
    tag, plugin, content, found = "", "", b"", None
    for number, _, value in fields(message):
        if number == 1:
            tag = text(value)
        elif number == 2:
            found = shortest(floats(value)[0])
        elif number in _READERS:
            found = _READERS[number](raw(value))
        elif number == 9:
            plugin, content = _metadata(raw(value))
    if plugin == "hparams":
        return None, _hyperparameters(content)
    return (None if found is None else TaggedValue(tag, found, plugin)), {}


def _metadata(message: bytes) -> tuple[str, bytes]:
    for number, _, value in fields(message):
        if number == 1:
            parts = {number: raw(value) for number, _, value in fields(raw(value))}
            return parts.get(1, b"").decode("utf-8", "replace"), parts.get(2, b"")
    return "", b""


def _buckets(message: bytes) -> Buckets:
    ends: dict[int, float] = {1: 0.0, 2: 0.0}
    lists: dict[int, tuple[float, ...]] = {6: (), 7: ()}
    for number, _, value in fields(message):
        if number in ends:
            ends[number] = doubles(value)[0]
        elif number in lists:
            lists[number] += doubles(value)
    return Buckets(ends[1], ends[2], lists[6], lists[7])


def _image(message: bytes) -> Encoded:
    return Encoded("image", b"".join(raw(value) for number, _, value in fields(message) if number == 4))


def _sound(message: bytes) -> Encoded:
    return Encoded("audio", b"".join(raw(value) for number, _, value in fields(message) if number == 4))


_READERS: Mapping[int, Any] = {4: _image, 5: _buckets, 6: _sound, 8: read_tensor}
"""How the field of this number in a value is read."""


def _hyperparameters(content: bytes) -> dict[str, Any]:
    """Those that a session was started with: a map of names to what JSON can hold."""
    found: dict[str, Any] = {}
    for number, _, start in fields(content):
        if number != 3:
            continue
        for inner, _, entry in fields(raw(start)):
            if inner == 1:
                name, value = "", None
                for part, _, content in fields(raw(entry)):  # type: ignore[assignment]
                    if part == 1:
                        name = text(content)
                    elif part == 2:
                        value = _json_value(raw(content))
                found[name] = value
    return found


def _json_value(message: bytes) -> Any:
    for number, _, value in fields(message):
        if number == 2:
            number_value = doubles(value)[0]
            return int(number_value) if number_value.is_integer() else number_value
        if number == 3:
            return text(value)
        if number == 4:
            return bool(value)
    return None


__all__ = ["Buckets", "Encoded", "Event", "TaggedValue", "Tensor", "WireError", "read_event", "read_summary"]
