"""Lists in pages, as this wire has them: edges with a cursor each, and whether more will come."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from runlake.errors import BadValueError
from runlake.ready import ready

DEFAULT_PAGE = 50
MAX_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class PageInfo:
    """Where the page ends."""

    endCursor: str | None
    hasNextPage: bool


@dataclass(frozen=True, slots=True)
class Edge:
    """One item of a page; passing `cursor` on gives what is behind it."""

    node: Any
    cursor: str


@dataclass(frozen=True, slots=True)
class Connection:
    """One page of a list."""

    edges: list[Edge]
    pageInfo: PageInfo
    totalCount: int | None = None


class Cursor(msgspec.Struct, frozen=True, omit_defaults=True):
    """Behind `offset` items, the last of which was `name`; `version` says which state of the list was meant."""

    offset: int
    name: str = ""
    version: str = ""

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).decode()


def read_cursor(text: str | None) -> Cursor | None:
    """The cursor that a client passes on; None at the beginning. `BadValueError` for text that is none."""
    if not text:
        return None
    try:
        cursor = msgspec.json.decode(base64.urlsafe_b64decode(text.encode()), type=ready(Cursor))
    except (binascii.Error, msgspec.MsgspecError, UnicodeError, ValueError) as error:
        raise BadValueError(f"{text[:80]!r} is no cursor ({error}); pass one that this server gave") from None
    if not 0 <= cursor.offset < 2**53:
        raise BadValueError(f"{text[:80]!r} is no cursor: it stands outside of every list")
    return cursor


def page_size(first: int | None) -> int:
    """How many items a page has; more than `MAX_PAGE` are never given at once."""
    return DEFAULT_PAGE if first is None else min(check_page(first), MAX_PAGE)


def check_page(first: int) -> int:
    """Refuse a size of a page that is none."""
    if first < 0:
        raise BadValueError(f"first={first}; a page has 0 items or more")
    return first


def make_connection(
    nodes: Sequence[Any],
    *,
    offset: int,
    total_count: int,
    name_of: Callable[[Any], str] = lambda node: "",
    version: str = "",
    has_more: bool | None = None,
) -> Connection:
    """A page whose first item stands at `offset` among `total_count`; `has_more` where that is known otherwise."""
    edges = [Edge(node, str(Cursor(offset + place + 1, name_of(node), version))) for place, node in enumerate(nodes)]
    if has_more is None:
        has_more = offset + len(nodes) < total_count
    return Connection(edges, PageInfo(edges[-1].cursor if edges else None, has_more), total_count)


def slice_by_name(
    nodes: Sequence[Any], *, first: int | None, after: str | None, name_of: Callable[[Any], str]
) -> Connection:
    """A page of a list that is ordered by name: what comes and goes elsewhere in it moves nothing here."""
    cursor = read_cursor(after)
    start = 0
    if cursor is not None:
        start = next((place for place, node in enumerate(nodes) if name_of(node) > cursor.name), len(nodes))
    chosen = nodes[start : start + page_size(first)]
    return make_connection(chosen, offset=start, total_count=len(nodes), name_of=name_of)


def slice_behind(
    nodes: Sequence[Any], *, first: int | None, after: str | None, name_of: Callable[[Any], str]
) -> Connection:
    """A page of a list in any order: it goes on behind the item that the cursor names.

    Where that one is gone, as when each item is deleted that was read, it is counted how many are missing since.
    """
    cursor, total_count = read_cursor(after), len(nodes)
    start = 0
    if cursor is not None:
        found = next((place for place, node in enumerate(nodes) if name_of(node) == cursor.name), None)
        gone_count = int(cursor.version) - total_count if cursor.version.isdecimal() else 0
        start = max(0, min(cursor.offset, cursor.offset - gone_count)) if found is None else found + 1
    chosen = nodes[start : start + page_size(first)]
    return make_connection(chosen, offset=start, total_count=total_count, name_of=name_of, version=str(total_count))


@dataclass(frozen=True, slots=True)
class WholeConnection:
    """A list that comes in one piece."""

    edges: list[Edge] = field(default_factory=list)

    @classmethod
    def of(cls, nodes: Sequence[Any]) -> WholeConnection:
        return cls([Edge(node, str(Cursor(place + 1))) for place, node in enumerate(nodes)])
