"""What a tool answers: how much of what there is, how to have the rest, and never more than so many bytes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct

from runlake.clean_text import json_text, one_line
from runlake.values import encode_json

T = TypeVar("T")

MAX_ANSWER_BYTES = 40_000
"""Some 10,000 to 16,000 tokens: more fills the memory of whoever asks, and some clients refuse it."""

MAX_CHARACTERS = 1_000
"""A longer value is cut where several are shown."""

_FRAME_BYTES = 2_000
"""What an answer has beside what was found: how complete it is, and how to go on."""


class Answer(Struct, frozen=True, kw_only=True):
    """What was found; `rest` says of each thing that is missing how to have it, and is empty when nothing is.

    `is_sampled`: some of what was found stands for more of the same.
    """

    found: dict[str, Any]
    rest: Sequence[str] = ()
    is_sampled: bool = False

    def text(self) -> str:
        """As one JSON document that says first whether it is complete; hidden characters in it are escaped."""
        document: dict[str, Any] = {"complete": not self.rest}
        if self.is_sampled:
            document["sampled"] = True
        if self.rest:
            document["rest"] = [cut_text(sentence, MAX_CHARACTERS) for sentence in self.rest]
        return json_of({**document, **self.found})


class Room:
    """What an answer has room for. One is used up by one answer."""

    def __init__(self, max_bytes: int = MAX_ANSWER_BYTES) -> None:
        self.left_bytes = max(max_bytes - _FRAME_BYTES, 1)
        self._cut_count = 0

    def fit(self, values: Iterable[T], max_bytes: int | None = None) -> list[T]:
        """The first of `values`, as many as there is room for, or for `max_bytes` of it."""
        left = self.left_bytes if max_bytes is None else min(max_bytes, self.left_bytes)
        fitting: list[T] = []
        for value in values:
            size_bytes = len(json_of(value).encode()) + 1
            if size_bytes > left:
                break
            left -= size_bytes
            self.left_bytes -= size_bytes
            fitting.append(value)
        return fitting

    def shown(self, value: Any, max_characters: int = MAX_CHARACTERS) -> Any:
        """A value as it is, or its beginning as a text where it is long; what was cut is counted.

        In an answer it takes no more than some 4 bytes for each of `max_characters`, whatever is in it.
        """
        text = value if isinstance(value, str) else str(encode_json(value)) if isinstance(value, dict | list) else None
        if text is None or (len(text) <= max_characters and len(json_of(value)) <= 3 * max_characters + 20):
            return value
        self._cut_count += 1
        return cut_text(one_line(text[: max_characters + 1]), max_characters, len(text))

    def rest_of_texts(self, how: str) -> list[str]:
        """That values were cut, and how to read one whole; nothing when none was."""
        if not self._cut_count:
            return []
        return [f"{self._cut_count} long values are cut and end in a count of characters; {how}"]


def page(room: Room, values: Sequence[T], offset: int, what: str, max_bytes: int | None = None) -> tuple[list[T], str]:
    """The values from `offset` on that fit, and what to call for the rest: nothing for the last of them."""
    shown = room.fit(islice(values, offset, None), max_bytes)
    return shown, rest_of(what, offset, len(shown), len(values))


def rest_of(what: str, offset: int, shown_count: int, total_count: int) -> str:
    """A sentence about a page of `total_count`, empty for the last one."""
    end = offset + shown_count
    if end >= total_count:
        return ""
    if not shown_count:
        return f"{what}: none of {total_count:,} fits here; ask for {what} alone"
    return f"{what}: {offset:,} to {end - 1:,} of {total_count:,}; call again with offset={end}"


def cut_text(text: str, max_characters: int, whole_characters: int | None = None) -> str:
    """A text, or its beginning with how long it is, or the whole of which it is the beginning."""
    if len(text) <= max_characters:
        return text
    return f"{text[:max_characters]}… ({whole_characters or len(text):,} characters)"


def json_of(value: Any) -> str:
    """Canonical JSON in which nothing hides: see `values.encode_json` for NaN and bytes."""
    return json_text(str(encode_json(value)))
