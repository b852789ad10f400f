"""Puts the parts of a server together."""

from __future__ import annotations

from pathlib import Path

from litestar import Litestar
from litestar.di import Provide
from litestar.openapi import OpenAPIConfig

from runlake.server.parts import ServerParts
from runlake.server.people import People
from runlake.server.problems import problem_response
from runlake.server.signing import Signer
from runlake.server.wandb.graphql import GraphQL
from runlake.server.wandb.histories import Histories
from runlake.server.wandb.mutations import MutationRoot
from runlake.server.wandb.routes import wandb_router
from runlake.service.local import LocalService
from runlake.version import __version__


def open_parts(root: Path, *, default_entity: str, public_url: str | None = None) -> ServerParts:
    """Open a store and its people; both are made where they are not there yet."""
    root.mkdir(parents=True, exist_ok=True)
    people = People(f"sqlite:///{root / 'server.sqlite'}")
    return ServerParts(
        service=LocalService(root, default_entity=default_entity),
        people=people,
        signer=Signer(people.signing_secret()),
        graphql=GraphQL(mutations=MutationRoot),
        histories=Histories(),
        public_url=public_url,
    )


def build_app(parts: ServerParts) -> Litestar:
    """The ASGI application over parts that are open."""

    def provide_parts() -> ServerParts:
        return parts

    return Litestar(
        route_handlers=[wandb_router()],
        dependencies={"parts": Provide(provide_parts, sync_to_thread=False)},
        exception_handlers={Exception: problem_response},
        openapi_config=OpenAPIConfig(title="runlake", version=__version__, path="/api/v1/schema"),
    )
