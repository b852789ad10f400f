"""What the places know of which references speak, and what they say when something is not as it was noted."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from runlake.artifacts.entry import Entry
from runlake.artifacts.names import inner_name
from runlake.errors import BadValueError, NotFoundError


class Place(Protocol):
    """Where addresses of one scheme lead."""

    def look_at(self, address: str, inner: str | None, *, checksum: bool, max_objects: int) -> list[Entry]:
        """What is there: one entry, or those below. `inner` is the name in the artifact, of a folder before each."""
        ...

    def fetch(self, entry: Entry, target: Path) -> None:
        """Bring what an entry noted. `NotFoundError` where it is gone, `BadValueError` where it changed."""
        ...


class NotedPlace:
    """A place of which only the address is noted."""

    def look_at(self, address: str, inner: str | None, *, checksum: bool, max_objects: int) -> list[Entry]:
        return [noted(address, inner)]

    def fetch(self, entry: Entry, target: Path) -> None:
        raise BadValueError(
            f"{entry.path!r} is a reference to {entry.ref}: get it there with the tools of that place, "
            "or pass allow_missing_references=True"
        )


def noted(address: str, inner: str | None) -> Entry:
    """A reference of which only the address is known."""
    name = inner or inner_name(unquote(urlsplit(address).path).rstrip("/").rpartition("/")[2] or address)
    return Entry(name, digest=address, ref=address, size=0)


def changed(entry: Entry, found: str) -> BadValueError:
    """What to raise where a reference leads to something else than was noted."""
    return BadValueError(
        f"{entry.path!r} is a reference to {entry.ref}, which changed since it was logged (it was {entry.digest}, "
        f"and is {found}); log the artifact again, or pass allow_missing_references=True to go without it"
    )


def gone(entry: Entry) -> NotFoundError:
    """What to raise where a reference leads to nothing."""
    return NotFoundError(
        f"{entry.path!r} is a reference to {entry.ref}, and nothing is there; put it back, "
        "or pass allow_missing_references=True to go without it"
    )
