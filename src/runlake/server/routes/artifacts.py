"""Artifacts: begun, filled and committed; read, edited, linked, deleted; and who used them."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any, Literal

from anyio import to_thread
from litestar import Request, Response, delete, get, patch, post, put
from litestar.di import NamedDependency, Provide
from litestar.params import FromPath, FromQuery, HeaderParameter, JSONBody, SkipValidation

from runlake.artifact_model import (
    ArtifactEdit,
    ArtifactInfo,
    ArtifactPath,
    ArtifactStart,
    CollectionEdit,
    CollectionInfo,
    CollectionPath,
    ContentInfo,
    UploadAddress,
)
from runlake.model import RunPath
from runlake.server.http.file_bytes import receive_bytes, send_file
from runlake.server.routes.answers import Asked, Run, answer
from runlake.server.routes.runs import RUN
from runlake.service.wire.artifacts import (
    CompletedUpload,
    ContentQuery,
    Linking,
    UploadQuery,
    Using,
    decode_entries,
    encode_entries,
)
from runlake.service.wire.documents import LINES_TYPE

MAX_VALID_S = 3600.0
"""So long an address to put something past the server is good at most."""

_PROJECT = "/projects/{entity:str}/{project:str}/artifacts"
_COLLECTION = "/artifacts/{entity:str}/{project:str}/{collection_name:str}"
_VERSION = f"{_COLLECTION}/versions/{{version:str}}"

Collection = NamedDependency[SkipValidation[CollectionPath]]
"""The collection that the address names."""

Version = NamedDependency[SkipValidation[ArtifactPath]]
"""The version that the address names, by number, alias or id."""


def collection_path(entity: FromPath[str], project: FromPath[str], collection_name: FromPath[str]) -> CollectionPath:
    """The dependency `collection`."""
    return CollectionPath(entity, project, collection_name)


def artifact_path(
    entity: FromPath[str], project: FromPath[str], collection_name: FromPath[str], version: FromPath[str]
) -> ArtifactPath:
    """The dependency `artifact`."""
    return ArtifactPath(entity, project, collection_name, version)


DEPENDENCIES = {
    "collection": Provide(collection_path, sync_to_thread=False),
    "artifact": Provide(artifact_path, sync_to_thread=False),
}


@get(_PROJECT, sync_to_thread=True)
def list_collections(
    service: Asked, entity: FromPath[str], project: FromPath[str], type_name: FromQuery[str | None] = None
) -> Response[list[CollectionInfo]]:
    """The collections of a project by name, or those of one type."""
    return answer(service.list_collections(entity, project, type=type_name))


@get(_COLLECTION, sync_to_thread=True)
def read_collection(service: Asked, collection: Collection) -> Response[CollectionInfo]:
    """One collection."""
    return answer(service.read_collection(collection))


@patch(_COLLECTION, sync_to_thread=True)
def edit_collection(service: Asked, collection: Collection, data: JSONBody[CollectionEdit]) -> Response[CollectionInfo]:
    """Change what is known of a collection; 409 for a name that is taken."""
    return answer(service.edit_collection(collection, data))


@delete(_COLLECTION, sync_to_thread=True)
def delete_collection(service: Asked, collection: Collection) -> None:
    """Move a collection with all its versions to the trash."""
    service.delete_collection(collection)


@get(f"{_COLLECTION}/versions", sync_to_thread=True)
def list_artifacts(service: Asked, collection: Collection) -> Response[list[ArtifactInfo]]:
    """The versions of a collection, the newest first."""
    return answer(service.list_artifacts(collection))


@post(f"{_COLLECTION}/versions", sync_to_thread=True, status_code=200)
def begin_artifact(service: Asked, collection: Collection, data: JSONBody[ArtifactStart]) -> Response[ArtifactInfo]:
    """Begin an artifact: a PENDING one, or the version that has the same digest already."""
    return answer(service.begin_artifact(collection, data))


@get(_VERSION, sync_to_thread=True)
def read_artifact(service: Asked, artifact: Version) -> Response[ArtifactInfo]:
    """One version, by number, alias or id."""
    return answer(service.read_artifact(artifact))


@patch(_VERSION, sync_to_thread=True)
def edit_artifact(service: Asked, artifact: Version, data: JSONBody[ArtifactEdit]) -> Response[ArtifactInfo]:
    """Change what is known of a version."""
    return answer(service.edit_artifact(artifact, data))


@delete(_VERSION, sync_to_thread=True)
def delete_artifact(service: Asked, artifact: Version, delete_aliases: FromQuery[bool] = False) -> None:
    """Delete a version; 409 while it has an alias, unless those are to be deleted too."""
    service.delete_artifact(artifact, delete_aliases=delete_aliases)


@post(f"{_VERSION}/restore", sync_to_thread=True, status_code=200)
def restore_artifact(service: Asked, artifact: Version) -> Response[ArtifactInfo]:
    """Take a deleted version back."""
    return answer(service.restore_artifact(artifact))


@post(f"{_VERSION}/content/find", sync_to_thread=True, status_code=200)
def find_content(service: Asked, artifact: Version, data: JSONBody[ContentQuery]) -> Response[list[ContentInfo]]:
    """Which of these contents need not be put."""
    return answer(service.find_content(artifact, data.digests))


@post(f"{_VERSION}/content/uploads", sync_to_thread=True, status_code=200)
def offer_uploads(
    service: Asked, artifact: Version, data: JSONBody[UploadQuery]
) -> Response[list[UploadAddress | None]]:
    """Where each of these contents may be put past the server; null for what is put here."""
    return answer(service.offer_uploads(artifact, data.wanted, min(max(data.valid_s, 1.0), MAX_VALID_S)))


@post(f"{_VERSION}/content/uploads/complete", sync_to_thread=True, status_code=200)
def complete_upload(service: Asked, artifact: Version, data: JSONBody[CompletedUpload]) -> Response[bool]:
    """Say that all parts of a content were put past the server; false where it was not in parts."""
    return answer(service.complete_upload(artifact, data.digest, data.tags))


@put(f"{_VERSION}/content", request_max_body_size=None)
async def put_content(
    service: Asked,
    artifact: Version,
    request: Request[Any, Any, Any],
    content_md5: Annotated[str | None, HeaderParameter(name="Content-MD5")] = None,
) -> Response[ContentInfo]:
    """Put bytes for a draft; `Content-MD5` (base64) is compared with them."""
    return answer(await receive_bytes(request, partial(service.receive_content, artifact), md5=content_md5))


@put(f"{_VERSION}/content/{{name:path}}", request_max_body_size=None)
async def put_named_content(
    service: Asked,
    artifact: Version,
    request: Request[Any, Any, Any],
    name: FromPath[str],
    content_md5: Annotated[str | None, HeaderParameter(name="Content-MD5")] = None,
) -> Response[ContentInfo]:
    """The same under a name, by which the bytes can be read again before the draft is committed."""
    begin = partial(service.receive_content, artifact, name.removeprefix("/"))
    return answer(await receive_bytes(request, begin, md5=content_md5))


@post(f"{_VERSION}/commit", status_code=200)
async def commit_artifact(service: Asked, artifact: Version, request: Request[Any, Any, Any]) -> Response[ArtifactInfo]:
    """Make a draft the next version: the body is its manifest, an entry a line."""
    entries = decode_entries(await request.body())
    return answer(await to_thread.run_sync(partial(service.commit_artifact, artifact, entries)))


@get(f"{_VERSION}/manifest", sync_to_thread=True)
def read_manifest(service: Asked, artifact: Version) -> Response[bytes]:
    """What a version is made of, an entry a line, in the order of the paths."""
    return Response(encode_entries(service.read_manifest(artifact)), media_type=LINES_TYPE)


@get(f"{_VERSION}/files/{{name:path}}", sync_to_thread=True, media_type="application/octet-stream")
def open_content(
    request: Request[Any, Any, Any],
    service: Asked,
    artifact: Version,
    name: FromPath[str],
    part: Annotated[str | None, HeaderParameter(name="Range")] = None,
    if_range: Annotated[str | None, HeaderParameter(name="If-Range")] = None,
    if_none_match: Annotated[str | None, HeaderParameter(name="If-None-Match")] = None,
) -> Response[Any]:
    """The bytes of one file, or the range of them that is asked for."""
    content = service.open_content(artifact, name.removeprefix("/"))
    return send_file(request, content, part=part, if_range=if_range, if_none_match=if_none_match)


@post(f"{_VERSION}/link", sync_to_thread=True, status_code=200)
def link_artifact(service: Asked, artifact: Version, data: JSONBody[Linking]) -> Response[ArtifactInfo]:
    """A version as the next one of a portfolio."""
    return answer(service.link_artifact(artifact, data.target, data.aliases))


@get(f"{_VERSION}/users", sync_to_thread=True)
def list_artifact_users(service: Asked, artifact: Version) -> Response[list[RunPath]]:
    """The runs that used a version, as [entity, project, run_id]."""
    return answer(service.list_artifact_users(artifact))


@get(f"{_VERSION}/links", sync_to_thread=True)
def list_artifact_links(service: Asked, artifact: Version) -> Response[list[ArtifactInfo]]:
    """What a version is in each portfolio that it is linked to."""
    return answer(service.list_artifact_links(artifact))


@post(f"{_VERSION}/users", sync_to_thread=True, status_code=200)
def use_artifact(service: Asked, artifact: Version, data: JSONBody[Using]) -> Response[ArtifactInfo]:
    """Note that a run uses a version."""
    return answer(service.use_artifact(artifact, data.run, data.use_as))


@get("/artifact-ids/{artifact_id:str}", sync_to_thread=True)
def find_artifact(service: Asked, artifact_id: FromPath[str]) -> Response[ArtifactInfo]:
    """One version by nothing but its id."""
    return answer(service.find_artifact(artifact_id))


@get(f"{RUN}/artifacts", sync_to_thread=True)
def list_run_artifacts(
    service: Asked, run: Run, relation: FromQuery[Literal["logged", "used"]] = "logged"
) -> Response[list[ArtifactInfo]]:
    """The versions that a run logged or used."""
    return answer(service.list_run_artifacts(run, relation))


HANDLERS = [
    list_collections,
    read_collection,
    edit_collection,
    delete_collection,
    list_artifacts,
    begin_artifact,
    read_artifact,
    edit_artifact,
    delete_artifact,
    restore_artifact,
    find_content,
    offer_uploads,
    complete_upload,
    put_content,
    put_named_content,
    commit_artifact,
    read_manifest,
    open_content,
    link_artifact,
    list_artifact_users,
    list_artifact_links,
    use_artifact,
    find_artifact,
    list_run_artifacts,
]
