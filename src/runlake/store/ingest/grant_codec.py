"""Openings of writers and their grants as msgpack, for other processes and for the network.

They hold bytes of a journal and values of rows, which JSON would make longer and slower. Light: the training process
reads a grant.
"""

from __future__ import annotations

import msgspec

from runlake.errors import BadValueError, CorruptError
from runlake.model import OpenRequest, RunInfo, WriterGrant
from runlake.ready import ready
from runlake.store.journal import record
from runlake.store.journal.fold import pack_info, unpack_info


def pack_request(opening: OpenRequest) -> bytes:
    """An opening as bytes."""
    return record.encode_body({name: getattr(opening, name) for name in opening.__struct_fields__})


def unpack_request(content: bytes) -> OpenRequest:
    """The inverse of `pack_request`; BadValueError for bytes that are none."""
    try:
        return msgspec.convert(record.decode_body(content), ready(OpenRequest))
    except (msgspec.MsgspecError, CorruptError, UnicodeError) as error:
        raise BadValueError(f"this is no opening of a writer: {error}") from None


def pack_grant(grant: WriterGrant) -> bytes:
    """A grant as bytes."""
    fields = {name: getattr(grant, name) for name in grant.__struct_fields__}
    if isinstance(grant.before, RunInfo):
        fields["before"] = pack_info(grant.before)
    return record.encode_body(fields)


def unpack_grant(content: bytes) -> WriterGrant:
    """The inverse of `pack_grant`; BadValueError for bytes that are none."""
    try:
        fields = record.decode_body(content)
        if fields.get("before") is not None:
            fields["before"] = unpack_info(fields["before"])
        return msgspec.convert(fields, ready(WriterGrant))
    except (msgspec.MsgspecError, CorruptError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise BadValueError(f"this is no grant of a writer: {error}") from None
