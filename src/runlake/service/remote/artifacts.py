"""The verbs of artifacts over HTTP."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any, BinaryIO, NoReturn

from runlake.artifact_model import (
    ArtifactEdit,
    ArtifactInfo,
    ArtifactPath,
    ArtifactStart,
    CollectionEdit,
    CollectionInfo,
    CollectionPath,
    ContentInfo,
    ManifestEntry,
    Relation,
    UploadAddress,
    WantedUpload,
)
from runlake.errors import NotSupportedError
from runlake.model import RunPath
from runlake.service.remote.bodies import READ_BYTES, sent_whole
from runlake.service.remote.file import RemoteFile
from runlake.service.remote.past_server import PastServer
from runlake.service.remote.requests import JSON_HEADERS, ServerRequests, check_names, run_at
from runlake.service.wire import documents
from runlake.service.wire.artifacts import (
    CompletedUpload,
    ContentQuery,
    Linking,
    UploadQuery,
    Using,
    artifact_address,
    collection_address,
    content_address,
    decode_entries,
    encode_entries,
)
from runlake.service.wire.documents import API_PREFIX, project_address
from runlake.store.artifacts.names import (
    check_artifact_id,
    check_artifact_path,
    check_collection_path,
    check_entry_path,
)

_LINES_HEADERS = {"Content-Type": documents.LINES_TYPE}


class HttpArtifacts:
    """`contract.artifacts` over HTTP."""

    def __init__(self, server: ServerRequests) -> None:
        self._server = server
        self._http = server.http
        self._past_server = PastServer(self.offer_uploads)

    def begin_artifact(self, path: CollectionPath, start: ArtifactStart) -> ArtifactInfo:
        return self._ask(_collection_at(path, "versions"), start, is_repeatable=start.artifact_id is not None)

    def find_content(self, draft: ArtifactPath, digests: Sequence[str]) -> list[ContentInfo]:
        asked = ContentQuery(digests=list(digests))
        return documents.unpack(self._server.ask(_artifact_at(draft, "content", "find"), asked), list[ContentInfo])

    def put_content(self, draft: ArtifactPath, content: BinaryIO, name: str | None = None) -> ContentInfo:
        if name is None and (put := self._past_server.put(draft, content)) is not None:
            return put
        parts = () if name is None else check_entry_path(name).split("/")
        body = sent_whole(self._http, _artifact_at(draft, "content", *parts), content, stays=True)
        return documents.unpack(body, ContentInfo)

    def receive_content(self, draft: ArtifactPath, name: str | None = None) -> NoReturn:
        raise NotSupportedError("receive_content is what a server asks of its own store; over HTTP use put_content")

    def offer_uploads(
        self, draft: ArtifactPath, wanted: Sequence[WantedUpload], valid_s: float
    ) -> list[UploadAddress | None]:
        asked = UploadQuery(wanted=list(wanted), valid_s=valid_s)
        answer = self._server.ask(_artifact_at(draft, "content", "uploads"), asked)
        return documents.unpack(answer, list[UploadAddress | None])

    def complete_upload(self, draft: ArtifactPath, digest: str, tags: Sequence[str]) -> bool:
        said = CompletedUpload(digest=digest, tags=list(tags))
        return documents.unpack(self._server.ask(_artifact_at(draft, "content", "uploads", "complete"), said), bool)

    def commit_artifact(self, draft: ArtifactPath, entries: Sequence[ManifestEntry]) -> ArtifactInfo:
        body = self._http.request(
            "POST",
            _artifact_at(draft, "commit"),
            content=encode_entries(entries),
            headers=_LINES_HEADERS,
            is_repeatable=True,
        )
        return documents.unpack(body, ArtifactInfo)

    def read_artifact(self, path: ArtifactPath) -> ArtifactInfo:
        return self._server.get(_artifact_at(path), ArtifactInfo)

    def find_artifact(self, artifact_id: str) -> ArtifactInfo:
        return self._server.get(f"{API_PREFIX}/artifact-ids/{check_artifact_id(artifact_id)}", ArtifactInfo)

    def read_manifest(self, path: ArtifactPath) -> list[ManifestEntry]:
        return decode_entries(self._http.request("GET", _artifact_at(path, "manifest")))

    def open_content(self, path: ArtifactPath, name: str) -> BinaryIO:
        _artifact_at(path)
        return io.BufferedReader(RemoteFile(self._http, content_address(path, name)), READ_BYTES)

    def content_url(self, path: ArtifactPath, name: str, valid_s: float) -> None:
        """The server sends the bytes itself."""

    def list_artifacts(self, path: CollectionPath) -> list[ArtifactInfo]:
        return self._server.get(_collection_at(path, "versions"), list[ArtifactInfo])

    def edit_artifact(self, path: ArtifactPath, edit: ArtifactEdit) -> ArtifactInfo:
        body = self._http.request(
            "PATCH", _artifact_at(path), content=documents.pack(edit), headers=JSON_HEADERS, is_repeatable=True
        )
        return documents.unpack(body, ArtifactInfo)

    def delete_artifact(self, path: ArtifactPath, *, delete_aliases: bool = False) -> None:
        self._http.request("DELETE", _artifact_at(path), query={"delete_aliases": delete_aliases})

    def restore_artifact(self, path: ArtifactPath) -> ArtifactInfo:
        return self._ask(_artifact_at(path, "restore"), {})

    def link_artifact(self, path: ArtifactPath, target: CollectionPath, aliases: Sequence[str] = ()) -> ArtifactInfo:
        return self._ask(_artifact_at(path, "link"), Linking(target=target, aliases=tuple(aliases)))

    def use_artifact(self, path: ArtifactPath, run: RunPath, use_as: str | None = None) -> ArtifactInfo:
        return self._ask(_artifact_at(path, "users"), Using(run=run, use_as=use_as))

    def list_artifact_users(self, path: ArtifactPath) -> list[RunPath]:
        return self._server.get(_artifact_at(path, "users"), list[RunPath])

    def list_artifact_links(self, path: ArtifactPath) -> list[ArtifactInfo]:
        return self._server.get(_artifact_at(path, "links"), list[ArtifactInfo])

    def list_run_artifacts(self, run: RunPath, relation: Relation) -> list[ArtifactInfo]:
        return self._server.get(run_at(run, "artifacts"), list[ArtifactInfo], relation=relation)

    def list_collections(self, entity: str, project: str, *, type: str | None = None) -> list[CollectionInfo]:
        check_names(entity, project)
        return self._server.get(project_address(entity, project, "artifacts"), list[CollectionInfo], type_name=type)

    def read_collection(self, path: CollectionPath) -> CollectionInfo:
        return self._server.get(_collection_at(path), CollectionInfo)

    def edit_collection(self, path: CollectionPath, edit: CollectionEdit) -> CollectionInfo:
        body = self._http.request("PATCH", _collection_at(path), content=documents.pack(edit), headers=JSON_HEADERS)
        return documents.unpack(body, CollectionInfo)

    def delete_collection(self, path: CollectionPath) -> None:
        self._http.request("DELETE", _collection_at(path))

    def _ask(self, address: str, document: Any, *, is_repeatable: bool = True) -> ArtifactInfo:
        body = self._http.request(
            "POST", address, content=documents.pack(document), headers=JSON_HEADERS, is_repeatable=is_repeatable
        )
        return documents.unpack(body, ArtifactInfo)


def _collection_at(path: CollectionPath, *rest: str) -> str:
    return collection_address(check_collection_path(path), *rest)


def _artifact_at(path: ArtifactPath, *rest: str) -> str:
    return artifact_address(check_artifact_path(path), *rest)
