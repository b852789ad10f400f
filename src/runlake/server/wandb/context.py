"""What a GraphQL request needs beside its document, and what all of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from graphql import GraphQLResolveInfo

from runlake.artifact_model import ArtifactPath, CollectionKind, CollectionPath
from runlake.model import RunInfo, RunPath
from runlake.server.wandb.budget import Budget
from runlake.server.wandb.commits import Commits
from runlake.server.wandb.completing import Completing
from runlake.server.wandb.exports import Exports
from runlake.server.wandb.handed_out import HandedOut
from runlake.server.wandb.histories import Histories
from runlake.service.contract import Service

FileUrl = Callable[[str, RunPath, str], str]
"""(HTTP method, run, file name) → an absolute URL at which that one file can be had, or put."""

SignedUrl = Callable[[str, str], str]
"""(HTTP method, address) → an absolute URL that permits that method there."""

ParquetUrl = Callable[[RunPath, str], str]
"""(run, name of an export) → an absolute URL of its bytes."""


def may_all(_: RunPath | ArtifactPath) -> None:
    """Where nobody is kept from anything."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who speaks: a training process of W&B's client, or a person's script.

    `client_id` names the process where several write one run side by side (`is_shared`).
    """

    is_training: bool = False
    client_id: str | None = None
    is_shared: bool = False


@dataclass(frozen=True, slots=True)
class Nodes:
    """How nodes are made that are led back to, as a run leads to its project, whose file stands above its own."""

    entity: Callable[[RequestContext, str], Any]
    project: Callable[[RequestContext, str, str], Any]
    find_project: Callable[[RequestContext, str, str | None], Any]
    run: Callable[[RequestContext, RunInfo], Any]
    artifact_type: Callable[[RequestContext, str, str, str], Any]
    collection: Callable[[RequestContext, CollectionPath, CollectionKind], Any]


@dataclass(frozen=True, slots=True)
class WandbContext:
    """What all requests of this wire share in one process of a server."""

    nodes: Nodes
    exports: Exports
    histories: Histories = field(default_factory=Histories)
    commits: Commits = field(default_factory=Commits)
    completing: Completing = field(default_factory=Completing)
    handed_out: HandedOut = field(default_factory=HandedOut)


@dataclass(frozen=True, slots=True)
class RequestContext:
    """The person who asks and what they may see: `service` answers for this person, and hides what is not theirs.

    `person` is None for somebody without a key. It has `username`, `email`, `is_admin` and `teams` (name → role).
    `require_write` raises for who may not change a run, where an answer is given without asking `service` for more.
    `shared` is of the whole server, `budget` of this request. Addresses are good for `url_life_s`.
    """

    shared: WandbContext
    service: Service
    person: Any
    people: Any
    base_url: str
    file_url: FileUrl
    parquet_url: ParquetUrl
    signed_url: SignedUrl
    url_life_s: float = 3600.0
    client: Client = Client()
    require_write: Callable[[RunPath | ArtifactPath], None] = may_all
    budget: Budget = field(default_factory=Budget)

    @property
    def who(self) -> str:
        """The name of whoever asks, empty for nobody."""
        return "" if self.person is None else str(self.person.username)


ResolveInfo = GraphQLResolveInfo[RequestContext]
"""What every resolver is told of the field that is asked for."""
