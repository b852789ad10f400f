"""What a server is made of: opened once in each of its processes, and shared by all requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Request

from runlake.server.auth import find_person, require_person
from runlake.server.guard import GuardedService
from runlake.server.people import People, Person
from runlake.server.signing import Signer
from runlake.server.wandb.graphql import GraphQL
from runlake.server.wandb.histories import Histories
from runlake.service.contract import Service


@dataclass(frozen=True, slots=True)
class ServerParts:
    """The store, the people, and what is derived from both. `public_url` is where the server is found from outside."""

    service: Service
    people: People
    signer: Signer
    graphql: GraphQL
    histories: Histories
    public_url: str | None = None

    def service_for(self, person: Person | None) -> GuardedService:
        """The verbs as somebody may use them."""
        return GuardedService(self.service, self.people, person)

    def find_person(self, authorization: str | None) -> Person | None:
        """Who sent an Authorization header; None for nobody whom this server knows."""
        return find_person(self.people, authorization)

    def require_person(self, authorization: str | None) -> Person:
        """Who sent an Authorization header; `AuthenticationError` for nobody."""
        return require_person(self.people, authorization)

    def base_url(self, request: Request[Any, Any, Any]) -> str:
        """The beginning of URLs that a client is given: as configured, else as the client wrote it."""
        return self.public_url or str(request.base_url).rstrip("/")
