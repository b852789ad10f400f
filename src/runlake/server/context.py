"""What a server is made of: opened once in each of its processes, and shared by all requests."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from litestar import Request

from runlake.errors import AuthenticationError
from runlake.server.http.auth import require_person
from runlake.server.http.signing import Signer
from runlake.server.http.turns import Turns
from runlake.server.people.directory import Person
from runlake.server.people.guard import GuardedService
from runlake.server.people.office import Office
from runlake.server.people.people import People
from runlake.server.people.standing import Standing
from runlake.service.contract import Service


@dataclass(frozen=True, slots=True)
class ServerContext:
    """The store, the people, and who may use what of them.

    `public_url` is where the server is found from outside, `url_life_s` how long its signed URLs are good.
    With `leads_to_bucket`, clients are sent there for what lies in one.
    """

    service: Service
    people: People
    signer: Signer
    public_url: str | None = None
    url_life_s: float = 3600.0
    leads_to_bucket: bool = True
    turns: Turns = field(default_factory=Turns)

    def service_for(self, standing: Standing) -> GuardedService:
        """The verbs as somebody may use them."""
        return GuardedService(self.service, self.people, standing)

    def service_of_caller(self, request: Request[Any, Any, Any]) -> Service:
        """The verbs as who sent a request may use them; `AuthenticationError` for nobody."""
        require_person(person_of(request), request.headers.get("authorization"))
        return self.service_for(standing_of(request))

    def office_of_caller(self, request: Request[Any, Any, Any]) -> Office:
        """People as who sent a request may see and change them; `AuthenticationError` for nobody."""
        require_person(person_of(request), request.headers.get("authorization"))
        return Office(self.people, standing_of(request))

    def service_permitted(
        self, request: Request[Any, Any, Any], method: str, signed_path: str, token: str | None
    ) -> Service:
        """The verbs as who may do this can use them: whom the URL was made for, or else whose key was sent."""
        if token is None:
            return self.service_of_caller(request)
        return self.service_of_url(request, method, signed_path, token)

    def service_of_url(
        self, request: Request[Any, Any, Any], method: str, signed_path: str, token: str
    ) -> GuardedService:
        """The verbs as whom a signed URL was made for may use them, as long as the key is valid that it was asked with.

        `SignatureError`, `ExpiredError`, `AuthenticationError` where the URL is none, or none any more.
        """
        key_id, _, user_id = self.signer.check(method, signed_path, token, time.time()).partition(".")
        standing = standing_of(request)
        standing.go_over_to(key_id)
        person = standing.person_in(self.people.directory())
        if person is None or person.id != user_id:
            raise AuthenticationError("this URL was not made for a user of this server; ask for a new one")
        return self.service_for(standing)

    def sign(self, service: GuardedService, method: str, signed_path: str) -> str:
        """A token for `service_of_url`, for whom `service` speaks: who asks, and with which key."""
        person = service.person
        if person is None or service.key_id is None:
            raise AuthenticationError("URLs are signed for who is signed in; sign in with: runlake login")
        subject = f"{service.key_id}.{person.id}"
        return self.signer.sign(method, signed_path, time.time() + self.url_life_s, subject=subject)

    def base_url(self, request: Request[Any, Any, Any]) -> str:
        """The beginning of URLs that a client is given: as configured, else as the client wrote it."""
        return self.public_url or str(request.base_url).rstrip("/")

    def close(self) -> None:
        """Release threads, files and connections."""
        self.turns.close()
        self.service.close()
        self.people.close()


def person_of(request: Request[Any, Any, Any]) -> Person | None:
    """Who sent a request, as `auth.AuthMiddleware` found out; None for nobody whom this server knows."""
    person = request.scope.get("user")
    return person if isinstance(person, Person) else None


def standing_of(request: Request[Any, Any, Any]) -> Standing:
    """What a request stands on, as `auth.AuthMiddleware` found out; that of nobody where no layer asked."""
    standing = request.scope.get("standing")
    return standing if isinstance(standing, Standing) else Standing(person_of(request))
