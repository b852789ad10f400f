"""Opaque ids: texts that clients hand back, and only this server reads.

They are base64 of a kind and a name, so they stay the same for ever and need no table.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import zlib
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import quote, unquote

from runlake.artifact_model import ArtifactPath, CollectionPath
from runlake.errors import BadValueError
from runlake.model import STREAMS, RunPath
from runlake.sweep_model import SweepPath
from runlake.view_model import ViewPath


def run_node_id(path: RunPath) -> str:
    """The `id` of a run."""
    return _encode("run", *path)


class RunReference(NamedTuple):
    """What an `id` of a run says. One with `row_counts` was given to a process that is to go on behind those rows.

    `writer`: the process goes on as this writer, which was begun for it.
    """

    path: RunPath
    row_counts: dict[str, int] | None = None
    writer: str | None = None


def resumed_node_id(path: RunPath, row_counts: Mapping[str, int]) -> str:
    """The `id` of a run as a process that may go on with it is told."""
    return _encode("resumed", *path, _counts_text(row_counts))


def rewound_node_id(path: RunPath, writer: str, row_counts: Mapping[str, int]) -> str:
    """The `id` of a run that was rewound for a process, which then goes on as `writer`."""
    return _encode("rewound", *path, writer, _counts_text(row_counts))


def read_run_reference(node_id: str) -> RunReference:
    """What any `id` of a run says; `BadValueError` for text that is none."""
    kind = _kind_of(node_id)
    if kind == "resumed":
        *names, counts = _decode(kind, node_id, 4)
        return RunReference(RunPath(*names), _counts_of(counts))
    if kind == "rewound":
        *names, writer, counts = _decode(kind, node_id, 5)
        return RunReference(RunPath(*names), _counts_of(counts), writer)
    return RunReference(run_path_of(node_id))


def run_path_of(node_id: str) -> RunPath:
    """The run that has this `id`; `BadValueError` for text that is none."""
    return RunPath(*_decode("run", node_id, 3))


def project_node_id(entity: str, project: str) -> str:
    """The `id` of a project."""
    return _encode("project", entity, project)


def project_number(entity: str, project: str) -> int:
    """A number that fits GraphQL's Int, the same for ever. Projects may share one: it names nothing."""
    return zlib.crc32(f"{entity}/{project}".encode()) & 0x7FFFFFFF


def project_internal_id(entity: str, project: str) -> str:
    """The `internalId` of a project: base64 of a kind and its number."""
    return base64.b64encode(f"Project:{project_number(entity, project)}".encode()).decode()


def file_node_id(path: RunPath, name: str) -> str:
    """The `id` of a file of a run."""
    return _encode("file", *path, name)


def file_of(node_id: str) -> tuple[RunPath, str]:
    """(run, file name) of an `id`; `BadValueError` for text that is none."""
    entity, project, run_id, name = _decode("file", node_id, 4)
    return RunPath(entity, project, run_id), name


def artifact_node_id(artifact_id: str) -> str:
    """The `id` of a version of an artifact, wherever it is linked to."""
    return _encode("artifact", artifact_id)


def artifact_id_of(node_id: str) -> str:
    """The artifact id of an `id`; `BadValueError` for text that is none."""
    (artifact_id,) = _decode("artifact", node_id, 1)
    return artifact_id


def artifact_id_of_client(client_id: str) -> str:
    """The artifact id of what a client begins under an id of its own, which is random."""
    return made_artifact_id("client", client_id)


def made_artifact_id(*names: str) -> str:
    """An artifact id that is the same whenever, and wherever, the same is begun."""
    return hashlib.sha256("\0".join(("runlake artifact", *names)).encode("utf-8", "replace")).hexdigest()[:32]


def artifact_file_node_id(artifact_id: str, name: str) -> str:
    """The `id` of a file of a version."""
    return _encode("artifactfile", artifact_id, name)


def manifest_node_id(artifact_id: str, name: str = "") -> str:
    """The `id` of what a version is made of; of one that is to be uploaded for a draft, with its name there."""
    return _encode("manifest", artifact_id, name)


def manifest_of(node_id: str) -> tuple[str, str]:
    """(artifact id, name) of an `id`; `BadValueError` for text that is none."""
    artifact_id, name = _decode("manifest", node_id, 2)
    return artifact_id, name


def tag_node_id(name: str) -> str:
    """The `id` of a tag: tags are words, the same everywhere."""
    return _encode("tag", name)


class CollectionReference(NamedTuple):
    """What an `id` of a collection says: the name that it had, and when it was made, which tells it from others."""

    path: CollectionPath
    created_at: float


def collection_node_id(path: CollectionPath, created_at: float) -> str:
    """The `id` of a collection of artifacts. It leads to the collection also when that has another name."""
    return _encode("collection", path.entity, path.project, repr(created_at), path.name)


def collection_of(node_id: str) -> CollectionReference:
    """The collection that an `id` means; `BadValueError` for text that is none."""
    entity, project, created_at, name = _decode("collection", node_id, 4)
    try:
        return CollectionReference(CollectionPath(entity, project, name), float(created_at))
    except ValueError:
        raise BadValueError("an id of a collection was changed; pass one that this server gave") from None


def membership_node_id(path: ArtifactPath) -> str:
    """The `id` of a version in one collection."""
    return _encode("membership", *path)


def alias_node_id(path: CollectionPath, alias: str) -> str:
    """The `id` of an alias in a collection."""
    return _encode("alias", *path, alias)


def artifact_type_node_id(entity: str, project: str, name: str) -> str:
    """The `id` of a type of artifacts."""
    return _encode("artifact_type", entity, project, name)


def sweep_node_id(path: SweepPath) -> str:
    """The `id` of a sweep."""
    return _encode("sweep", *path)


def sweep_of(node_id: str) -> SweepPath:
    """The sweep of an `id`; `BadValueError` for text that is none."""
    return SweepPath(*_decode("sweep", node_id, 3))


def agent_node_id(path: SweepPath, agent_id: str) -> str:
    """The `id` of an agent: with it alone the agent reports, so it leads to the sweep."""
    return _encode("agent", *path, agent_id)


def agent_of(node_id: str) -> tuple[SweepPath, str]:
    """(sweep, agent id) of an `id`; `BadValueError` for text that is none."""
    *names, agent_id = _decode("agent", node_id, 4)
    return SweepPath(*names), agent_id


def entity_node_id(name: str) -> str:
    """The `id` of an entity: a team, or what is one person's."""
    return _encode("entity", name)


def view_node_id(path: ViewPath) -> str:
    """The `id` of a saved view: it stands in addresses without the ``=`` at its end, and holds no ``/``."""
    return _encode("view", *(quote(name, safe="") for name in path))


def view_of(node_id: str) -> ViewPath:
    """The view of an `id`, with its ``=`` or without; `BadValueError` for text that is none."""
    digits = node_id.rstrip("=")
    return ViewPath(*map(unquote, _decode("view", digits + "=" * (-len(digits) % 4), 3)))


def user_node_id(username: str) -> str:
    """The `id` of a person."""
    return _encode("user", username)


def user_of(node_id: str) -> str:
    """The username of an `id`; `BadValueError` for text that is none."""
    (username,) = _decode("user", node_id, 1)
    return username


def _counts_text(row_counts: Mapping[str, int]) -> str:
    return "-".join(str(row_counts[stream]) for stream in STREAMS)


def _counts_of(text: str) -> dict[str, int]:
    numbers = text.split("-")
    if len(numbers) != len(STREAMS) or not all(number.isdecimal() for number in numbers):
        raise BadValueError("an id of a run was changed; pass one that this server gave")
    return {stream: int(number) for stream, number in zip(STREAMS, numbers, strict=True)}


def _kind_of(node_id: str) -> str:
    try:
        return base64.b64decode(node_id.encode(), validate=True).decode().partition("/")[0]
    except (binascii.Error, UnicodeError):
        return ""


def _encode(kind: str, *names: str) -> str:
    return base64.b64encode("/".join((kind, *names)).encode()).decode()


def _decode(kind: str, node_id: str, count: int) -> list[str]:
    """Names hold no `/`, but the last may."""
    try:
        found, *names = base64.b64decode(node_id.encode(), validate=True).decode().split("/", count)
    except (binascii.Error, UnicodeError):
        found, names = "", []
    if found != kind or len(names) != count:
        raise BadValueError(f"{node_id[:80]!r} is no id of a {kind}; pass one that this server gave")
    return names
