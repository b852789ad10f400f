"""The files of a run as nodes, and pages of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runlake.errors import AuthenticationError, ForbiddenError, NotFoundError
from runlake.model import FileInfo, RunPath
from runlake.query.runs.pattern import like_pattern
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import file_node_id
from runlake.server.wandb.nodes.connection import Connection, slice_by_name
from runlake.server.wandb.wire import iso_time


@dataclass(frozen=True, slots=True)
class FileNode:
    """One file of a run."""

    context: RequestContext
    path: RunPath
    info: FileInfo

    @property
    def id(self) -> str:
        return file_node_id(self.path, self.info.name)

    @property
    def name(self) -> str:
        return self.info.name

    @property
    def displayName(self) -> str:
        return self.info.name

    @property
    def sizeBytes(self) -> int:
        return self.info.size_bytes

    @property
    def mimetype(self) -> str:
        return self.info.mimetype

    @property
    def updatedAt(self) -> str:
        return iso_time(self.info.updated_at)

    @property
    def md5(self) -> str:
        return self.info.md5

    def url(self, _: ResolveInfo, upload: bool | None = None) -> str | None:
        return self.uploadUrl(_) if upload else self.directUrl(_)

    def directUrl(self, _: ResolveInfo) -> str:
        return self.context.file_url("GET", self.path, self.info.name)

    def uploadUrl(self, _: ResolveInfo) -> str | None:
        """None for who may not write: it would be refused when it is used."""
        try:
            self.context.require_write(self.path)
        except (AuthenticationError, ForbiddenError, NotFoundError):
            return None
        return self.context.file_url("PUT", self.path, self.info.name)


def list_file_nodes(context: RequestContext, path: RunPath) -> list[FileNode]:
    """All files of a run, by name."""
    return [FileNode(context, path, info) for info in context.service.list_files(path)]


def file_page(
    files: Sequence[FileNode],
    *,
    names: Sequence[str | None] | None,
    first: int | None,
    after: str | None,
    pattern: str | None,
) -> Connection:
    """A page of the files with one of these names (all when there are none) that are like the SQL `pattern`."""
    if names:
        wanted = {plain_file_name(name) for name in names if name}
        files = [file for file in files if file.name in wanted]
    if pattern:
        hits = like_pattern(pattern, "the pattern of files").found_in([file.name for file in files])
        files = [file for file, is_hit in zip(files, hits.tolist(), strict=True) if is_hit]
    return slice_by_name(files, first=first, after=after, name_of=lambda file: file.name)


def plain_file_name(name: str) -> str:
    """A file's name as it is stored, of one that a client may begin with ``./``."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))
