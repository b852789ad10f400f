"""The verb of engines over HTTP."""

from __future__ import annotations

from runlake.listing_model import SegmentList
from runlake.model import Stream
from runlake.service.remote.requests import ServerRequests, check_names
from runlake.service.wire.documents import project_address


class HttpSegments:
    """`contract.segments` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server

    def list_segments(
        self, entity: str, project: str, *, stream: Stream = "history", signed_for_s: float | None = None
    ) -> SegmentList:
        check_names(entity, project)
        address = project_address(entity, project, "segments")
        return self._server.get(address, SegmentList, stream=stream, signed_for_s=signed_for_s)
