"""How a data type is stored: a plain dict in the row, and its bytes, if any, as a file of the run.

Files are named after the key, the step and their content: ``media/images/val/pred_12_0f3a….png``. Because of
the content in the name, two keys that are written alike can only ever share a file that is the same for both,
and storing the same thing twice changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from runlake.errors import CorruptError

WriteFile = Callable[[str, bytes], None]
"""Stores a run file: its name with `/` between the parts, and its content."""

OpenFile = Callable[[str], BinaryIO]
"""Opens a run file by its name; `NotFoundError` when it is not there."""

DIGEST_DIGIT_COUNT = 20
"""Hexadecimal digits of the SHA-256 in a file name: 80 bits, so no two contents of a run ever meet."""

STEM_LIMIT_BYTES = 120
"""What a key may take of a file name; with folder, step and digest the whole stays below 250."""

_UNSAFE = re.compile(r"[^\w.-]+")
_WINDOWS_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\.|$)", re.IGNORECASE)


class Media(ABC):
    """A value with a stored form of its own: Histogram, Image, Table, Html, Audio, Video, Object3D, Molecule."""

    __slots__ = ()

    @abstractmethod
    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the files of this value, if it has any, and return the plain dict that goes into the row."""


def file_stem(key: str) -> str:
    """The part of a file name that comes from a key, safe on every file system.

    Slashes become folders. What is no letter, digit, ``_``, ``-`` or ``.`` becomes ``_``; parts that a file
    system would read as something else (``..``, ``.x``, ``CON``) lose that meaning. Never empty.
    """
    parts = (_UNSAFE.sub("_", part).strip(".") for part in re.split(r"[/\\]", key))
    stem = "/".join(f"_{part}" if _WINDOWS_DEVICE.match(part) else part for part in parts if part)
    if len(stem.encode()) > STEM_LIMIT_BYTES:
        stem = stem.encode()[:STEM_LIMIT_BYTES].decode(errors="ignore").rstrip("./")
    return stem or "_"


def store_file(write_file: WriteFile, folder: str, key: str, step: int, suffix: str, content: bytes) -> dict[str, Any]:
    """Write `content` under ``media/<folder>/`` and return its path, sha256 (hex) and size (bytes)."""
    digest = hashlib.sha256(content).hexdigest()
    path = f"media/{folder}/{file_stem(key)}_{step}_{digest[:DIGEST_DIGIT_COUNT]}.{suffix}"
    write_file(path, content)
    return {"path": path, "sha256": digest, "size": len(content)}


def read_file(value: Mapping[str, Any], open_file: OpenFile) -> bytes:
    """The content of the file that a stored dict names, checked against the dict's sha256 where it has one."""
    path = value["path"]
    with open_file(path) as file:
        content = file.read()
    expected = value.get("sha256")
    if expected is not None and hashlib.sha256(content).hexdigest() != expected:
        raise CorruptError(
            f"the file {path!r} has {len(content)} bytes that are not the ones that were logged "
            f"(sha256 {expected}); it was replaced or damaged: restore it from a copy"
        )
    return content
