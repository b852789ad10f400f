"""Puts the parts of a server together."""

from __future__ import annotations

import os
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import NotFoundException
from litestar.plugins import PluginProtocol
from litestar.plugins.core import MsgspecDIPlugin
from litestar.types import ControllerRouterHandler

from runlake.server.config import ServerConfig
from runlake.server.context import ServerContext
from runlake.server.draining import tell_of_end
from runlake.server.http.asgi import ASGIApp
from runlake.server.http.health import answers, folder_checks, health_routes
from runlake.server.http.metrics import Metrics
from runlake.server.http.problems import problem_response
from runlake.server.http.sessions import Sessions
from runlake.server.http.signing import Signer
from runlake.server.http.store_metrics import StoreMetrics
from runlake.server.http.turns import Turns
from runlake.server.mcp import McpDoor
from runlake.server.middleware import add_middleware
from runlake.server.openapi import openapi_config
from runlake.server.page import files
from runlake.server.page.frame import read_frame
from runlake.server.page.keys import KeyDoor
from runlake.server.page.redirects import answer_unknown
from runlake.server.page.session import session_router
from runlake.server.people.people import open_people
from runlake.server.routes.api import api_router
from runlake.server.routes.people import people_router
from runlake.server.routes.sql import Queries
from runlake.server.wandb.context import WandbContext
from runlake.server.wandb.documents.graphql import GraphQL
from runlake.server.wandb.exports import Exports
from runlake.server.wandb.mutations.mutations import MutationRoot
from runlake.server.wandb.nodes.query_root import NODES
from runlake.server.wandb.routes import WandbParts, wandb_router
from runlake.service.contract import Service
from runlake.service.contract.numbers import Numbers
from runlake.service.open import open_as_server, open_cluster_as_server


def create_app() -> ASGIApp:
    """The application as a worker runs it: configured by the environment, see `config`."""
    return build_app(ServerConfig.from_environment(os.environ)).app


class _PlainLitestar(Litestar):
    """Without what Litestar has for the models of Pydantic and attrs, of which there are none: 10 MB in each worker."""

    @staticmethod
    def _get_default_plugins(plugins: list[PluginProtocol]) -> list[PluginProtocol]:
        return [*plugins, MsgspecDIPlugin()]


class BuiltApp(NamedTuple):
    """The application, and what is inside: the routes, and what they share."""

    app: ASGIApp
    routes: Litestar
    context: ServerContext


class _OpenedStore(NamedTuple):
    """The store of a server: what can be looked at of it, and where exports lie; None where none are made."""

    service: Service
    checks: Mapping[str, Callable[[], bool]]
    exports_dir: Path | None
    numbers: Numbers | None = None


def _open_store(config: ServerConfig, root: Path) -> _OpenedStore:
    if config.bucket_url is not None and config.store_database_url is not None:
        cluster = open_cluster_as_server(
            config.store_database_url,
            config.bucket_url,
            default_entity=config.default_entity,
            cache_dir=root,
            cache_bytes=config.cache_bytes,
            signed_endpoint=config.bucket_endpoint,
            upload_way=config.upload_way,
            ducklake=config.ducklake,
        )
        # Replicas would each make other files of a run under the same names: rows are read live.
        return _OpenedStore(cluster, {"store": lambda: answers(cluster.ping)}, None, cluster.numbers)
    service = open_as_server(root, default_entity=config.default_entity, environ=os.environ)
    return _OpenedStore(service, folder_checks(root), service.exports_dir)


def build_app(config: ServerConfig) -> BuiltApp:
    """The whole application over the store that is configured; people are made room for where there is none."""
    metrics = Metrics()
    draining = threading.Event()
    tell_of_end(draining)
    root = Path(config.root)
    people = open_people(root, config.database_url)
    opened = _open_store(config, root)
    service = opened.service
    followed = None if opened.numbers is None else StoreMetrics(opened.numbers, metrics.registry)
    signer = Signer(people.signing_secret())
    sessions = Sessions(signer, people)
    context = ServerContext(
        service=service,
        people=people,
        signer=signer,
        public_url=config.base_url,
        url_life_s=config.url_life_s,
        leads_to_bucket=config.leads_to_bucket,
        turns=Turns(config.costly_turns or None),
    )
    queries = Queries()
    door = KeyDoor(people, sessions, is_secure=config.is_tls, url_of=context.base_url)
    tools = McpDoor(context, queries)
    routes: list[ControllerRouterHandler] = [
        *files.HANDLERS,
        read_frame,
        session_router(door),
        *health_routes(checks=opened.checks, people=people, metrics=metrics, draining=draining, store_metrics=followed),
        wandb_router(WandbParts(GraphQL(mutations=MutationRoot), WandbContext(NODES, Exports(opened.exports_dir)))),
        api_router(ending=draining, tails_per_person=config.tails_per_person, queries=queries),
        people_router(context.office_of_caller),
        tools.route(),
    ]

    @asynccontextmanager
    async def lifespan(_: Litestar) -> AsyncIterator[None]:
        yield
        draining.set()
        if followed is not None:
            followed.close()
        queries.close()
        await tools.close()
        context.close()

    def provide_context() -> ServerContext:
        return context

    app = _PlainLitestar(
        route_handlers=routes,
        dependencies={
            "context": Provide(provide_context, sync_to_thread=False),
            "page_folder": Provide(lambda: files.PAGE_FOLDER, sync_to_thread=False),
            "embed_from": Provide(lambda: config.embed_from, sync_to_thread=False),
            "service": Provide(context.service_of_caller, sync_to_thread=False),
        },
        exception_handlers={NotFoundException: answer_unknown, Exception: problem_response},
        openapi_config=openapi_config(),
        lifespan=[lifespan],
        logging_config=None,  # `logs.configure_logs` has done it, for the whole process
    )
    turns = context.turns
    layered = add_middleware(app, config=config, people=people, metrics=metrics, turns=turns, sessions=sessions)
    return BuiltApp(layered, app, context)
