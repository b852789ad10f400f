"""Opaque ids: texts that clients hand back, and only this server reads.

They are base64 of a kind and a name, so they stay the same for ever and need no table.
"""

from __future__ import annotations

import base64
import binascii
import zlib

from runlake.errors import BadValueError
from runlake.model import RunPath


def run_node_id(path: RunPath) -> str:
    """The `id` of a run."""
    return _encode("run", *path)


def run_path_of(node_id: str) -> RunPath:
    """The run that has this `id`; `BadValueError` for text that is none."""
    return RunPath(*_decode("run", node_id, 3))


def project_node_id(entity: str, project: str) -> str:
    """The `id` of a project."""
    return _encode("project", entity, project)


def project_of(node_id: str) -> tuple[str, str]:
    """(entity, project) of an `id`; `BadValueError` for text that is none."""
    entity, project = _decode("project", node_id, 2)
    return entity, project


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


def entity_node_id(name: str) -> str:
    """The `id` of an entity: a team, or what is one person's."""
    return _encode("entity", name)


def user_node_id(username: str) -> str:
    """The `id` of a person."""
    return _encode("user", username)


def user_of(node_id: str) -> str:
    """The username of an `id`; `BadValueError` for text that is none."""
    (username,) = _decode("user", node_id, 1)
    return username


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
