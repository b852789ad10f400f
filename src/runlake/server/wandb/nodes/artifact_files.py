"""The files of a version as nodes, references among them, and pages of them."""

from __future__ import annotations

import mimetypes
from collections.abc import Sequence
from dataclasses import dataclass

from runlake.artifact_model import ArtifactInfo, ManifestEntry
from runlake.server.wandb.artifact_addresses import file_address, manifest_address
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import artifact_file_node_id, artifact_node_id, manifest_node_id
from runlake.server.wandb.nodes.connection import Connection, check_page, make_connection, read_cursor
from runlake.server.wandb.wire import iso_time

MAX_FILES_PAGE = 5_000
_DEFAULT_PAGE = 50
_UNKNOWN_TYPE = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class ArtifactFileNode:
    """One file of a version. Of a reference the bytes are elsewhere: its URL says so to whoever follows it."""

    context: RequestContext
    info: ArtifactInfo
    entry: ManifestEntry

    @property
    def id(self) -> str:
        return artifact_file_node_id(self.info.artifact_id, self.entry.path)

    @property
    def name(self) -> str:
        return self.entry.path

    @property
    def displayName(self) -> str:
        return self.entry.path

    @property
    def sizeBytes(self) -> int:
        return self.entry.size_bytes

    @property
    def mimetype(self) -> str:
        return mimetypes.guess_type(self.entry.path)[0] or _UNKNOWN_TYPE

    @property
    def updatedAt(self) -> str:
        return iso_time(self.info.created_at)

    @property
    def digest(self) -> str:
        return self.entry.digest

    @property
    def md5(self) -> str | None:
        return self.entry.digest if self.entry.ref is None else None

    @property
    def storagePath(self) -> str:
        return self._address

    @property
    def artifact(self) -> dict[str, str]:
        return {"id": artifact_node_id(self.info.artifact_id)}

    def url(self, _: ResolveInfo, upload: bool | None = None) -> str | None:
        """None for an upload: what a version is made of does not change."""
        return None if upload else self.directUrl(_)

    def directUrl(self, _: ResolveInfo) -> str:
        return self.context.signed_url("GET", self._address)

    @property
    def _address(self) -> str:
        return file_address(self.info.artifact_id, self.entry.path)


@dataclass(frozen=True, slots=True)
class ManifestNode:
    """What a version is made of, as a file to be fetched."""

    context: RequestContext
    info: ArtifactInfo

    @property
    def id(self) -> str:
        return manifest_node_id(self.info.artifact_id)

    @property
    def file(self) -> ManifestFileNode:
        return ManifestFileNode(self.context, self.info)


@dataclass(frozen=True, slots=True)
class ManifestFileNode:
    """The file of a manifest, which is made when it is fetched."""

    context: RequestContext
    info: ArtifactInfo

    @property
    def id(self) -> str:
        return manifest_node_id(self.info.artifact_id)

    @property
    def name(self) -> str:
        return "wandb_manifest.json"

    def directUrl(self, _: ResolveInfo) -> str:
        return self.context.signed_url("GET", manifest_address(self.info.artifact_id))


def artifact_file_page(
    context: RequestContext,
    info: ArtifactInfo,
    *,
    names: Sequence[str | None] | None = None,
    first: int | None = None,
    after: str | None = None,
) -> Connection:
    """A page of the files of a version, or of those with one of these names; a version does not change in between."""
    home = info.collection if info.source is None else info.source.collection
    entries = context.service.read_manifest(home.at(info.artifact_id))
    if names:
        wanted = set(names)
        entries = [entry for entry in entries if entry.path in wanted]
    cursor = read_cursor(after)
    start = 0 if cursor is None else cursor.offset
    size = _DEFAULT_PAGE if first is None else min(check_page(first), MAX_FILES_PAGE)
    nodes = [ArtifactFileNode(context, info, entry) for entry in entries[start : start + size]]
    return make_connection(nodes, offset=start, total_count=len(entries))
