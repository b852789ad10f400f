"""References: what an artifact knows of files that lie elsewhere, and how they are fetched again.

`look_at` notes what is at an address, `fetch_reference` brings it, if it is still what was noted. Each scheme is a
`Place`; its tools are imported when it is used.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from runlake.artifacts.entry import Entry
from runlake.artifacts.names import inner_name
from runlake.artifacts.places import NotedPlace, Place
from runlake.errors import BadValueError, NotFoundError, NotSupportedError

DEFAULT_MAX_OBJECTS = 10_000_000
"""So many files a folder or a prefix may hold, unless `max_objects` says otherwise."""


def place_of(address: str) -> Place:
    """Who knows this address."""
    scheme = urlsplit(address).scheme.lower()
    if scheme == "file":
        from runlake.artifacts.file_references import FilePlace

        return FilePlace()
    if scheme in ("http", "https"):
        from runlake.artifacts.http_references import HttpPlace

        return HttpPlace()
    if scheme in ("s3", "gs"):
        from runlake.artifacts.cloud_references import CloudPlace

        return CloudPlace()
    return NotedPlace()


def look_at(address: str, name: str | Path | None, *, checksum: bool, max_objects: int | None) -> list[Entry]:
    """The entries of what is at an address; `BadValueError` for what is no address."""
    if not urlsplit(address).scheme:
        raise BadValueError(
            f"add_reference: {address!r} is no address; write file:///path, https://…, s3://bucket/key or gs://…"
        )
    inner = None if name is None else inner_name(name)
    limit = DEFAULT_MAX_OBJECTS if max_objects is None else max_objects
    return place_of(address).look_at(address, inner, checksum=checksum, max_objects=limit)


def fetch_reference(entry: Entry, target: Path, *, is_missing_allowed: bool) -> None:
    """Bring what a reference leads to; errors as `Place.fetch` has them, which `is_missing_allowed` passes over."""
    try:
        place_of(entry.ref_target()).fetch(entry, target)
    except (NotFoundError, BadValueError, NotSupportedError):
        if not is_missing_allowed:
            raise
