"""The verbs of lines over HTTP."""

from __future__ import annotations

from msgspec.structs import replace

from runlake.model import ProjectKeys, Stream
from runlake.query.runs.filter import plain_filter
from runlake.query.tiles.question import TilesQuery
from runlake.query.tiles.tiles import Tiles
from runlake.service.remote.requests import ServerRequests, check_names
from runlake.service.wire import tiles as wire_tiles
from runlake.service.wire.documents import project_address


class HttpTiles:
    """`contract.tiles` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server

    def read_tiles(self, entity: str, project: str, asked: TilesQuery) -> Tiles:
        check_names(entity, project)
        asked = replace(asked, filters=plain_filter(asked.filters))
        return wire_tiles.read_tiles(self._server.ask(project_address(entity, project, "tiles"), asked))

    def list_project_keys(
        self, entity: str, project: str, *, stream: Stream = "history", offset: int = 0, limit: int | None = None
    ) -> ProjectKeys:
        check_names(entity, project)
        address = project_address(entity, project, "keys")
        return self._server.get(address, ProjectKeys, stream=stream, offset=offset, limit=limit)
