"""What a server is made of: opened once in each of its processes, and shared by all requests."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from litestar import Request

from runlake.server.auth import require_person
from runlake.server.guard import GuardedService
from runlake.server.people import People, Person
from runlake.server.signing import Signer
from runlake.server.turns import Turns
from runlake.server.wandb.commits import Commits
from runlake.server.wandb.exports import Exports
from runlake.server.wandb.graphql import GraphQL
from runlake.server.wandb.handed_out import HandedOut
from runlake.server.wandb.histories import Histories
from runlake.server.wandb.not_kept import Greetings
from runlake.service.contract import Service


@dataclass(frozen=True, slots=True)
class ServerParts:
    """The store, the people, and what is derived from both. `public_url` is where the server is found from outside."""

    service: Service
    people: People
    signer: Signer
    graphql: GraphQL
    histories: Histories
    commits: Commits
    exports: Exports
    public_url: str | None = None
    turns: Turns = field(default_factory=Turns)
    handed_out: HandedOut = field(default_factory=HandedOut)
    greetings: Greetings = field(default_factory=Greetings)

    def service_for(self, person: Person | None) -> GuardedService:
        """The verbs as somebody may use them."""
        return GuardedService(self.service, self.people, person)

    def service_of_caller(self, request: Request[Any, Any, Any]) -> Service:
        """The verbs as who sent a request may use them; `AuthenticationError` for nobody."""
        return self.service_for(require_person(person_of(request), request.headers.get("authorization")))

    def base_url(self, request: Request[Any, Any, Any]) -> str:
        """The beginning of URLs that a client is given: as configured, else as the client wrote it."""
        return self.public_url or str(request.base_url).rstrip("/")

    def close(self) -> None:
        """Release threads, files and connections."""
        self.turns.close()
        self.service.close()
        self.people.close()


def person_of(request: Request[Any, Any, Any]) -> Person | None:
    """Who sent a request, as `auth.SignIn` found out; None for nobody whom this server knows."""
    person = request.scope.get("user")
    return person if isinstance(person, Person) else None
