"""What audio, video, objects and molecules share: one file with a caption, kept as its bytes."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Self, TypeVar

from runlake.errors import BadValueError
from runlake.media.left_out import left_out
from runlake.media.stored import Media, OpenFile, WriteFile, read_file, store_file


class FileMedia(Media):
    """One file of a known kind; its content is made, or read, when the object is made.

    Of a stored one the file is opened when its content is first asked for.
    """

    __slots__ = ("_content", "_facts", "_load", "_note", "caption", "format")

    TYPE: ClassVar[str]
    """`_type` of one stored value."""
    LIST_TYPE: ClassVar[str]
    """`_type` of several under one key."""
    LIST_NAME: ClassVar[str]
    """Under which name a stored list holds its dicts."""
    FOLDER: ClassVar[str]
    """The folder under ``media/``."""
    FORMATS: ClassVar[Mapping[str, str]]
    """Endings of file names → MIME types."""

    caption: str | None
    format: str
    """The kind of file, as its name ends."""

    def _set(self, content: bytes | None, format: str, caption: str | None, facts: Mapping[str, Any]) -> None:
        """Fill a new object; `facts` are what the stored dict says beyond path, format and caption.

        Without `content`, set `_load` to what makes it.
        """
        self.caption = None if caption is None else str(caption)
        self.format = format
        self._content = content
        self._load: Callable[[], bytes] | None = None
        self._facts = dict(facts)
        self._note: str | None = None

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Self:
        """The value of a stored dict; the inverse of `stored`. Its file is opened when its content is asked for."""
        made = cls.__new__(cls)
        made.caption = value.get("caption")
        made.format = value["format"] if "format" in value else ending_of(value["path"], cls.FORMATS) or ""
        made._content = None
        made._load = lambda: read_file(value, open_file)
        made._facts = {name: fact for name, fact in value.items() if name not in _NOT_FACTS}
        made._note = None
        return made

    @property
    def content(self) -> bytes:
        """The bytes of the file. Of a stored one: `CorruptError` when they are not the ones logged."""
        if self._content is None:
            assert self._load is not None  # set where there is no content yet
            self._content, self._load = self._load(), None
        return self._content

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the file and return its dict; `caption` is there when given."""
        content = self.content  # of which the format is known only when it is made
        if self._note is not None:
            left_out(self._note)
        stored: dict[str, Any] = {"_type": self.TYPE}
        stored |= store_file(write_file, self.FOLDER, key, step, self.format, content)
        stored |= {"format": self.format, **self._facts}
        return stored if self.caption is None else stored | {"caption": self.caption}

    def _data_url(self) -> str:
        encoded = base64.b64encode(self.content).decode()
        return f"data:{self.FORMATS.get(self.format, 'application/octet-stream')};base64,{encoded}"

    def _figure(self, inner: str) -> str:
        """`inner` with the caption under it, as HTML."""
        caption = html.escape(self.caption or "")
        under = f'<figcaption style="font-size:smaller">{caption}</figcaption>' if caption else ""
        return f'<figure style="margin:0">{inner}{under}</figure>'

    def __repr__(self) -> str:
        caption = f", {self.caption!r}" if self.caption is not None else ""
        facts = "".join(f", {name} {fact}" for name, fact in self._facts.items())
        return f"{type(self).__name__}({self.format}{facts}{caption})"


Kind = TypeVar("Kind", bound=FileMedia)

_NOT_FACTS = frozenset({"_type", "path", "sha256", "size", "format", "caption"})


def ending_of(name: str, formats: Mapping[str, str]) -> str | None:
    """Which of the endings in `formats` a file name has, the longest first; None when it has none of them."""
    lowered = name.lower()
    return max((ending for ending in formats if lowered.endswith(f".{ending}")), key=len, default=None)


def is_path(data: Any) -> bool:
    """Whether a value is given as the path of a file: a string or a path object."""
    return isinstance(data, str) or hasattr(data, "__fspath__")


def read_path(path: Any, what: str, formats: Mapping[str, str]) -> tuple[bytes, str]:
    """The content of a file and its ending, which must be one of `formats`; `what` is for messages."""
    ending = ending_of(str(path), formats)
    if ending is None:
        raise BadValueError(
            f"{what} was to be read from {str(path)!r}, which ends in none of {', '.join(formats)}; "
            "convert the file, or keep it as it is with save(path)"
        )
    try:
        return Path(path).read_bytes(), ending
    except OSError as error:
        raise BadValueError(
            f"{what} was to be read from {str(path)!r}: {error.strerror}; "
            f"give the path of a file, seen from {Path.cwd()}"
        ) from error


def content_of(data: Any) -> bytes | None:
    """The bytes of bytes-like data or of an open file (text as UTF-8); None for everything else."""
    if isinstance(data, bytes | bytearray | memoryview):
        return bytes(data)
    if not hasattr(data, "read"):
        return None
    content = data.read()
    return content.encode() if isinstance(content, str) else bytes(content)


def check_format(format: str | None, what: str, formats: Mapping[str, str], data: Any = None) -> str:
    """The ending asked for, in small letters, or that of the open file `data`.

    Raises `BadValueError` when none or an unknown one is given.
    """
    if format is None:
        format = ending_of(str(getattr(data, "name", "")), formats)
    if format is None:
        raise BadValueError(f"{what} was given without saying its kind; it can be {', '.join(formats)}")
    name = format.lower().lstrip(".")
    if name not in formats:
        raise BadValueError(f"{what} of kind {format!r} was given; known are {', '.join(formats)}")
    return name


def store_list(items: Sequence[FileMedia], write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
    """Several of one kind under one key, as one dict: ``{"_type", "count", "<name>": [a dict each]}``.

    `captions` holds an entry each where any has one.
    """
    kind = type(items[0])
    stored: dict[str, Any] = {
        "_type": kind.LIST_TYPE,
        "count": len(items),
        kind.LIST_NAME: [item.stored(write_file, key, step) for item in items],
    }
    if any(item.caption is not None for item in items):
        stored["captions"] = [item.caption for item in items]
    return stored


def read_list(kind: type[Kind], value: Mapping[str, Any], open_file: OpenFile) -> list[Kind]:
    """The values of a dict made by `store_list`."""
    return [kind.from_stored(one, open_file) for one in value[kind.LIST_NAME]]
