"""Server-sent events as bytes."""

from __future__ import annotations

from runlake.errors import RunlakeError
from runlake.service.wire import documents

EVENTS_TYPE = documents.EVENTS_TYPE
COMMENT_BEGIN = b": following\n\n"
COMMENT_ALIVE = b": still there\n\n"
"""What no reader sees, and what keeps a connection open."""


def event(kind: str, data: object, event_id: str | None = None) -> bytes:
    """One event, its data as JSON."""
    place = b"" if event_id is None else f"id: {event_id}\n".encode()
    return place + f"event: {kind}\n".encode() + b"data: " + documents.pack(data) + b"\n\n"


def problem_event(error: RunlakeError) -> bytes:
    """The event that ends a stream with an error; `service.wire.documents.error_of` makes that of it again."""
    return event("problem", documents.problem_document(error))
