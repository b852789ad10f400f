"""The files of a run as nodes, and pages of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from runlake.errors import AuthenticationError, ForbiddenError, NotFoundError
from runlake.model import FileInfo, RunPath
from runlake.query.runs.pattern import like_pattern
from runlake.server.wandb.context import RequestContext, ResolveInfo
from runlake.server.wandb.ids import file_node_id
from runlake.server.wandb.nodes.connection import (
    Connection,
    Cursor,
    make_connection,
    page_size,
    read_cursor,
    slice_by_name,
)
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


@dataclass(frozen=True)
class RunFiles:
    """The files of a run, as one request asks for them."""

    context: RequestContext
    path: RunPath

    @cached_property
    def count(self) -> int:
        """How many there are."""
        return self.context.service.count_files(self.path)

    def page(
        self, *, names: Sequence[str | None] | None, first: int | None, after: str | None, pattern: str | None
    ) -> Connection:
        """A page of the files with one of these names (all when there are none) that are like the SQL `pattern`."""
        if not (names or pattern):
            return self._page_of_all(first, after)
        wanted = [plain_file_name(name) for name in names if name] if names else None
        infos = self.context.service.list_files(self.path, names=wanted)
        if pattern:
            hits = like_pattern(pattern, "the pattern of files").found_in([info.name for info in infos])
            infos = [info for info, is_hit in zip(infos, hits.tolist(), strict=True) if is_hit]
        return slice_by_name(self._nodes(infos), first=first, after=after, name_of=_name_of)

    def _page_of_all(self, first: int | None, after: str | None) -> Connection:
        """What comes behind the page is asked for by one file more."""
        cursor, size = read_cursor(after) or Cursor(0), page_size(first)
        infos = self.context.service.list_files(self.path, after=cursor.name, limit=size + 1)
        return make_connection(
            self._nodes(infos[:size]),
            offset=cursor.offset,
            total_count=self.count,
            name_of=_name_of,
            has_more=len(infos) > size,
        )

    def _nodes(self, infos: Sequence[FileInfo]) -> list[FileNode]:
        return [FileNode(self.context, self.path, info) for info in infos]


def _name_of(file: FileNode) -> str:
    return file.name


def plain_file_name(name: str) -> str:
    """A file's name as it is stored, of one that a client may begin with ``./``."""
    return "/".join(part for part in name.split("/") if part not in ("", "."))
