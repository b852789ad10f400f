"""The addresses at which W&B's client puts and fetches the bytes of artifacts."""

from __future__ import annotations

import contextlib
import itertools
import re
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from anyio import to_thread
from litestar import HttpMethod, Request, Response, put, route
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery, SkipValidation
from litestar.response import Stream

from runlake.artifact_model import ArtifactInfo, ContentInfo, ManifestEntry
from runlake.errors import CorruptError, NotFoundError
from runlake.incoming import Incoming
from runlake.md5 import digest_of_hex
from runlake.server.context import ServerContext
from runlake.server.http.file_bytes import receive_bytes
from runlake.server.http.turns import in_turn
from runlake.server.wandb.artifact_addresses import (
    FILES,
    MANIFESTS,
    UPLOADS,
    file_address,
    manifest_address,
    upload_address,
)
from runlake.server.wandb.artifact_manifest import manifest_pieces
from runlake.server.wandb.downloads import send_download
from runlake.server.wandb.ids import artifact_id_of, artifact_node_id
from runlake.service.contract import Service
from runlake.stopping import check_wanted

Context = NamedDependency[SkipValidation[ServerContext]]
"""What the server is made of: the app provides it."""

_MD5 = re.compile(r"[0-9a-f]{32}")
MAX_SEARCHED = 1_000
"""The manifests of so many versions are read for an address that names none."""
_READING = [HttpMethod.GET, HttpMethod.HEAD]


@put(
    [f"{UPLOADS}/{{artifact_id:str}}/{{hex_md5:str}}", f"{UPLOADS}/{{artifact_id:str}}/{{hex_md5:str}}/{{name:path}}"],
    status_code=200,
    request_max_body_size=None,
    include_in_schema=False,
)
async def upload(
    request: Request[Any, Any, Any],
    context: Context,
    artifact_id: FromPath[str],
    hex_md5: FromPath[str],
    name: FromPath[str | None] = None,
    token: FromQuery[str | None] = None,
) -> Response[bytes]:
    """Put bytes for a draft, which are those that the address says or none; the address carries the permission."""
    plain_name = None if name is None else name.removeprefix("/")
    address = upload_address(artifact_id, hex_md5, plain_name)
    begin = await to_thread.run_sync(_begin_upload, context, request, artifact_id, plain_name, address, token)
    await receive_bytes(request, begin, md5=digest_of_hex(hex_md5))
    return Response(b"{}", headers={"ETag": f'"{hex_md5}"'}, media_type="application/json")


def _begin_upload(
    context: ServerContext,
    request: Request[Any, Any, Any],
    artifact_id: str,
    name: str | None,
    address: str,
    token: str | None,
) -> Callable[[], Incoming[ContentInfo]]:
    service = context.service_permitted(request, "PUT", address, token)
    info = service.find_artifact(artifact_id)
    return partial(service.receive_content, info.collection.at(info.artifact_id), name)


@route(
    f"{FILES}/{{artifact_id:str}}/{{name:path}}",
    http_method=_READING,
    sync_to_thread=True,
    include_in_schema=False,
    media_type="application/octet-stream",
)
def download(
    request: Request[Any, Any, Any],
    context: Context,
    artifact_id: FromPath[str],
    name: FromPath[str],
    token: FromQuery[str | None] = None,
) -> Response[Any]:
    """A file of a version, whole or in part, by an address that carries the permission or with a key."""
    file_name = name.removeprefix("/")
    service = context.service_permitted(request, "GET", file_address(artifact_id, file_name), token)
    return _send(request, context, service, service.find_artifact(artifact_id), file_name)


@route(
    f"{MANIFESTS}/{{artifact_id:str}}",
    http_method=_READING,
    sync_to_thread=True,
    include_in_schema=False,
    media_type="application/json",
)
def download_manifest(
    request: Request[Any, Any, Any],
    context: Context,
    artifact_id: FromPath[str],
    token: FromQuery[str | None] = None,
) -> Response[Any]:
    """What a version is made of, as W&B writes it."""
    service = context.service_permitted(request, "GET", manifest_address(artifact_id), token)
    info = service.find_artifact(artifact_id)
    entries = service.read_manifest(info.collection.at(info.artifact_id))
    pieces: Iterator[bytes] = manifest_pieces(entries, artifact_node_id(info.artifact_id))
    return Stream(iter(()) if request.method == HttpMethod.HEAD else pieces, media_type="application/json")


@route(
    "/artifactsV2/{region:str}/{entity:str}/{project:str}/{collection_name:str}/{rest:path}",
    http_method=_READING,
    sync_to_thread=True,
    include_in_schema=False,
    media_type="application/octet-stream",
)
def download_by_digest(request: Request[Any, Any, Any], context: Context, rest: FromPath[str]) -> Response[Any]:
    """A file by its MD5 and the version that has it. What else the address says, as the file's name, is not quoted."""
    service = context.service_of_caller(request)
    node_ids, digits = _split_at_digest(rest.removeprefix("/").split("/"))
    digest = digest_of_hex(digits)
    for node_id in node_ids:
        info = service.find_artifact(artifact_id_of(node_id))
        name = _name_by_digest(service.read_manifest(info.collection.at(info.artifact_id)), digest)
        if name is not None:
            return _send(request, context, service, info, name)
    raise NotFoundError(f"no version that the address names has a file whose MD5 is {digits}")


@route(
    "/artifacts/{entity:str}/{hex_md5:str}",
    http_method=_READING,
    include_in_schema=False,
    media_type="application/octet-stream",
)
async def download_of_entity(
    request: Request[Any, Any, Any], context: Context, entity: FromPath[str], hex_md5: FromPath[str]
) -> Response[Any]:
    """A file by its MD5 and whose it is, as old manifests of W&B's have it (storage layout V1).

    It is looked for in the versions that the caller may read, of each collection the newest first.
    """
    service, digest = await to_thread.run_sync(context.service_of_caller, request), digest_of_hex(hex_md5)
    find = partial(_find_in_entity, service, entity, digest)
    info, name = await in_turn(request, find)
    return await to_thread.run_sync(_send, request, context, service, info, name)


def _find_in_entity(service: Service, entity: str, digest: str) -> tuple[ArtifactInfo, str]:
    """The first version found that has a file of this digest, and its name there."""
    for info in itertools.islice(_versions_of(service, entity), MAX_SEARCHED):
        check_wanted()
        with contextlib.suppress(NotFoundError, CorruptError):
            name = _name_by_digest(service.read_manifest(info.path), digest)
            if name is not None:
                return info, name
    raise NotFoundError(
        f"none of the newest {MAX_SEARCHED:,} versions of {entity} that you may read has a file whose MD5 is "
        f"{digest} (base64); ask for it by its artifact: /artifactsV2/…"
    )


def _versions_of(service: Service, entity: str) -> Iterator[ArtifactInfo]:
    """The versions of all collections, of that which was changed last first."""
    collections = [
        collection
        for project in service.list_projects(entity)
        for collection in service.list_collections(project.entity, project.name)
        if collection.kind == "sequence"
    ]
    for collection in sorted(collections, key=lambda collection: collection.updated_at, reverse=True):
        yield from service.list_artifacts(collection.path)


def _split_at_digest(parts: list[str]) -> tuple[list[str], str]:
    """(the ids of versions, the MD5) of an address that goes on with a name."""
    for place, part in enumerate(parts[:3]):
        if place and _MD5.fullmatch(part):
            return parts[:place], part
    raise NotFoundError("the address of a file of an artifact holds the id of a version and an MD5")


def _name_by_digest(entries: list[ManifestEntry], digest: str) -> str | None:
    return next((entry.path for entry in entries if entry.digest == digest and entry.ref is None), None)


def _send(
    request: Request[Any, Any, Any], context: ServerContext, service: Service, info: ArtifactInfo, name: str
) -> Response[Any]:
    path = info.collection.at(info.artifact_id)
    return send_download(
        request,
        context,
        url_for=partial(service.content_url, path, name),
        open_bytes=partial(service.open_content, path, name),
    )


HANDLERS = [upload, download, download_manifest, download_by_digest, download_of_entity]
