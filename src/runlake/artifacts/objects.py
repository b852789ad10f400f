"""Objects of data types inside artifacts: a file of JSON each, under its name, and the files that it names."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO

from runlake.artifacts.contents import Contents
from runlake.artifacts.entry import Entry
from runlake.errors import BadValueError, NotFoundError
from runlake.media.read import read_media
from runlake.media.table import as_media
from runlake.values import decode_json, encode_json


def add_object(contents: Contents, obj: Any, inner: str, *, overwrite: bool) -> Entry:
    """Add an object under a name; `BadValueError` for what is no object of a data type."""
    media = as_media(obj)
    if media is None:
        raise BadValueError(f"add: {obj!r:.80} is no Table, Image or other object of a data type; use add_file(path)")

    def write(name: str, content: bytes) -> None:
        contents.write(name, content)

    stored = media.stored(write, inner, 0)
    name = f"{inner}.{stored['_type'].removesuffix('-file')}.json"
    return contents.write(name, encode_json(stored).encode(), replaces=overwrite)


def read_object(entries: Mapping[str, Entry], inner: str, open_entry: Callable[[Entry], BinaryIO]) -> Any:
    """The object under a name; None when there is none."""
    pattern = re.compile(re.escape(inner) + r"(\.[\w-]+\.json)?")
    path = next((path for path in entries if pattern.fullmatch(path) and path.endswith(".json")), None)
    if path is None:
        return None
    with open_entry(entries[path]) as file:
        stored = decode_json(file.read().decode())

    def open_file(name: str) -> BinaryIO:
        if name not in entries:
            raise NotFoundError(f"the artifact has no file {name!r}, which {path!r} names")
        return open_entry(entries[name])

    return read_media(stored, open_file)
