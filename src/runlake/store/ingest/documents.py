"""The last whole documents that a process elsewhere sent of its config and summary.

Clients that send everything each time would otherwise overwrite what others edited meanwhile: only what differs from
the last document of the same client is recorded. They are derived: without them the next document counts as new.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from msgspec import MsgspecError

from runlake.differences import flat_differences
from runlake.errors import CorruptError
from runlake.store.journal import record
from runlake.values import encode_json

Documents = dict[str, dict[str, Any]]
"""By name, what stood in the last one: path → canonical value."""


def unpack_documents(content: bytes) -> Documents:
    """What was kept; empty where nothing was, or nothing that can be read."""
    try:
        if crc32(content[4:]) != int.from_bytes(content[:4], "little"):
            return {}
        return record.decode_body(content[4:])
    except (MsgspecError, CorruptError):
        return {}


def pack_documents(documents: Documents) -> bytes:
    """The inverse of `unpack_documents`."""
    body = record.encode_body(documents)
    return crc32(body).to_bytes(4, "little") + body


def changes_between(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any] | None:
    """The edit that makes one flat document of another, None where they are the same."""
    to_set, to_unset = flat_differences(before, after, _same)
    return {"set": to_set, "unset": to_unset} if to_set or to_unset else None


def _same(one: Any, other: Any) -> bool:
    """Equal, and of one type; NaN is NaN."""
    return type(one) is type(other) and (one == other or encode_json(one) == encode_json(other))
