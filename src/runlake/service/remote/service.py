"""The verbs over HTTP: see `service.contract` for what they promise, and `runlake.server.routes` for the other side."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from runlake.service.on_first_use import on_first_use
from runlake.service.remote.care import HttpCare
from runlake.service.remote.files import HttpFiles
from runlake.service.remote.http import ATTEMPTS, HttpClient
from runlake.service.remote.projects import HttpProjects
from runlake.service.remote.requests import ServerRequests
from runlake.service.remote.writers import HttpWriters
from runlake.service.united import UnitedService
from runlake.service.wire import documents
from runlake.service.wire.documents import API_PREFIX

if TYPE_CHECKING:
    from runlake.service.remote.artifacts import HttpArtifacts
    from runlake.service.remote.rows import HttpRows
    from runlake.service.remote.runs import HttpRuns
    from runlake.service.remote.segments import HttpSegments
    from runlake.service.remote.sql import HttpSql
    from runlake.service.remote.sweeps import HttpSweeps
    from runlake.service.remote.tiles import HttpTiles
    from runlake.service.remote.views import HttpViews


class RemoteService(UnitedService):
    """A store behind a server. Threads may share it.

    Raises what the verbs over a folder raise; besides, UnreachableError where the server does not answer, and
    NotSupportedError for the care that only the machine with the disk can take.
    """

    def __init__(
        self,
        base_url: str,
        *,
        api_key: str | None = None,
        timeout_s: float | None = None,
        attempts: int = ATTEMPTS,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        default_entity: str | None = None,
    ) -> None:
        self._http = HttpClient(
            base_url, api_key=api_key, timeout_s=timeout_s, attempts=attempts, transport=transport, sleep=sleep
        )
        server = ServerRequests(self._http, compression="none" if _is_this_machine(base_url) else "zstd")

        def make_runs() -> HttpRuns:
            from runlake.service.remote.runs import HttpRuns

            return HttpRuns(server)

        def make_rows() -> HttpRows:
            from runlake.service.remote.rows import HttpRows

            return HttpRows(server)

        def make_sweeps() -> HttpSweeps:
            from runlake.service.remote.sweeps import HttpSweeps

            return HttpSweeps(server)

        def make_artifacts() -> HttpArtifacts:
            from runlake.service.remote.artifacts import HttpArtifacts

            return HttpArtifacts(server)

        def make_views() -> HttpViews:
            from runlake.service.remote.views import HttpViews

            return HttpViews(server)

        def make_tiles() -> HttpTiles:
            from runlake.service.remote.tiles import HttpTiles

            return HttpTiles(server)

        def make_segments() -> HttpSegments:
            from runlake.service.remote.segments import HttpSegments

            return HttpSegments(server)

        def make_sql() -> HttpSql:
            from runlake.service.remote.sql import HttpSql

            return HttpSql(server)

        self._server = server
        self.answer_sql = on_first_use(make_sql).answer_sql  # no verb: see `runlake.sql.ask`
        self._default_entity = default_entity
        super().__init__(
            projects=HttpProjects(server),
            runs=on_first_use(make_runs),
            rows=on_first_use(make_rows),
            files=HttpFiles(server),
            writers=HttpWriters(server),
            sweeps=on_first_use(make_sweeps),
            artifacts=on_first_use(make_artifacts),
            views=on_first_use(make_views),
            tiles=on_first_use(make_tiles),
            segments=on_first_use(make_segments),
            care=HttpCare(server),
        )

    @property
    def url(self) -> str:
        return self._server.url

    @property
    def default_entity(self) -> str:
        if self._default_entity is None:
            self._default_entity = self._server.get(f"{API_PREFIX}/service", documents.ServiceInfo).default_entity
        return self._default_entity

    def close(self) -> None:
        self._http.close()


def _is_this_machine(base_url: str) -> bool:
    host = urlsplit(base_url).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")
