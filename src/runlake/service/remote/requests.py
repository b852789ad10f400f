"""What the verbs over HTTP ask, and where: documents to and fro, and the addresses of things."""

from __future__ import annotations

from typing import Any, TypeVar

from runlake.model import RunPath
from runlake.service.remote.http import HttpClient
from runlake.service.wire import documents
from runlake.service.wire.documents import run_address, sweep_address
from runlake.store.layout import check_run_path
from runlake.sweep_model import SweepPath

JSON_HEADERS = {"Content-Type": documents.JSON_TYPE}

T = TypeVar("T")


class ServerRequests:
    """One server, spoken to in documents. `compression` is what rows are sent in."""

    def __init__(self, http: HttpClient, *, compression: str) -> None:
        self.http = http
        self.url = http.base_url
        self.compression = compression

    def get(self, address: str, kind: type[T], **query: Any) -> T:
        """What is there."""
        return documents.unpack(self.http.request("GET", address, query=query), kind)

    def ask(self, address: str, document: Any, **query: Any) -> bytes:
        """A question that is too long for an address."""
        content = documents.pack(document)
        return self.http.request(
            "POST", address, query=query, content=content, headers=JSON_HEADERS, is_repeatable=True
        )


def run_at(path: RunPath, *rest: str) -> str:
    """The address of a run, or of something of it."""
    check_names(*path)
    return run_address(path, *rest)


def sweep_at(path: SweepPath, *rest: str) -> str:
    """The address of a sweep, or of something of it."""
    check_names(*path)
    return sweep_address(path, *rest)


def check_names(*names: str) -> None:
    """What cannot be a name has no place in an address either."""
    entity, project, *rest = names
    check_run_path(RunPath(entity, project, *(rest or ["any"])))
