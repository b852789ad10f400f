"""What an artifact says of itself, while it is collected and when it is kept."""

from __future__ import annotations

from typing import Any

from runlake.artifact_model import ArtifactEdit, ArtifactInfo, ArtifactPath, ArtifactStart, digest_of
from runlake.artifacts.contents import Contents
from runlake.artifacts.entry import Entry, Manifest
from runlake.artifacts.kept import Kept
from runlake.artifacts.metadata import plain_metadata
from runlake.artifacts.ttl import ttl_of, ttl_seconds
from runlake.model import RunPath
from runlake.plain import iso_time


class ArtifactFacts:
    """Its names, what it holds, and where it comes from. `Artifact` adds to it and changes it.

    `description`, `metadata`, `aliases`, `tags` and `ttl` can be set; of a version that is kept, `save()` keeps them.
    """

    def __init__(self, name: str, type: str, contents: Contents) -> None:
        self._base_name, self._type = name, type
        self._contents = contents
        self._kept: Kept | None = None
        self.description: str | None = None
        self.metadata: dict[str, Any] = {}
        self.aliases: list[str] = []
        self.tags: list[str] = []
        self.ttl: Any = None
        self.incremental = False
        self.use_as: str | None = None
        self.distributed_id: str | None = None

    def settle(self, kept: Kept) -> None:
        """From now on it is this version; what was set meanwhile is that of it."""
        self._kept = kept
        info = kept.info
        self._base_name, self._type = info.name, info.type
        self.description, self.metadata = info.description, dict(info.metadata)
        self.aliases, self.tags = list(info.aliases), list(info.tags)
        self.ttl = ttl_of(info.ttl_s)

    def begun(self, run: RunPath | None, user: str | None, history_step: int | None) -> ArtifactStart:
        """What it begins with when it is kept; `run` is who made it."""
        return ArtifactStart(
            type=self._type,
            artifact_id=self._contents.artifact_id,
            description=self.description,
            metadata=plain_metadata(self.metadata),
            aliases=tuple(dict.fromkeys(self.aliases)),
            tags=tuple(dict.fromkeys(self.tags)),
            run=run,
            user=user,
            ttl_s=ttl_seconds(self.ttl),
            history_step=history_step,
        )

    def changes(self) -> ArtifactEdit:
        """What was set since it was kept, or read."""
        assert self._kept is not None, "only a version that is kept can be changed"
        info = self._kept.info
        metadata, ttl_s = plain_metadata(self.metadata), ttl_seconds(self.ttl)
        return ArtifactEdit(
            description=None if self.description == info.description else self.description or "",
            metadata=None if metadata == info.metadata else metadata,
            ttl_s=None if ttl_s == info.ttl_s else ttl_s or 0.0,
            add_aliases=tuple(alias for alias in dict.fromkeys(self.aliases) if alias not in info.aliases),
            remove_aliases=tuple(alias for alias in info.aliases if alias not in self.aliases),
            add_tags=tuple(tag for tag in dict.fromkeys(self.tags) if tag not in info.tags),
            remove_tags=tuple(tag for tag in info.tags if tag not in self.tags),
        )

    # Names

    @property
    def info(self) -> ArtifactInfo | None:
        """All that the store knows of it; None while it is kept nowhere."""
        return None if self._kept is None else self._kept.info

    @property
    def id(self) -> str | None:
        return None if self.info is None else self.info.artifact_id

    @property
    def type(self) -> str:
        return self._type

    @property
    def base_name(self) -> str:
        """Its name without the version."""
        return self._base_name

    @property
    def name(self) -> str:
        """``name``, and as soon as it is kept ``name:v3``."""
        return self._base_name if self.version is None else f"{self._base_name}:{self.version}"

    @property
    def version(self) -> str | None:
        return None if self.info is None else self.info.version

    @property
    def entity(self) -> str | None:
        return None if self.info is None else self.info.entity

    @property
    def project(self) -> str | None:
        return None if self.info is None else self.info.project

    @property
    def qualified_name(self) -> str:
        """``entity/project/name:v3``."""
        return self.name if self.info is None else f"{self.entity}/{self.project}/{self.name}"

    @property
    def is_link(self) -> bool:
        """Whether it is the link of a portfolio to a version that is at home elsewhere."""
        return self.info is not None and self.info.source is not None

    def is_draft(self) -> bool:
        """Whether it is kept nowhere yet."""
        return self._kept is None

    @property
    def _source(self) -> ArtifactPath | None:
        """Where it is at home."""
        if self.info is None:
            return None
        return self.info.path if self.info.source is None else self.info.source

    @property
    def source_entity(self) -> str | None:
        return None if self._source is None else self._source.entity

    @property
    def source_project(self) -> str | None:
        return None if self._source is None else self._source.project

    @property
    def source_version(self) -> str | None:
        return None if self._source is None else self._source.version

    @property
    def source_name(self) -> str:
        return self.name if self._source is None else f"{self._source.name}:{self._source.version}"

    @property
    def source_qualified_name(self) -> str:
        return self.qualified_name if self._source is None else str(self._source)

    # What it holds

    def _entries(self) -> dict[str, Entry]:
        return self._contents.entries if self._kept is None else self._kept.entries()

    @property
    def manifest(self) -> Manifest:
        return Manifest(self._entries())

    @property
    def digest(self) -> str:
        """That of its names and contents, as W&B computes it: artifacts of the same files have the same."""
        if self.info is not None and self.info.digest:
            return self.info.digest
        return digest_of(entry.described() for entry in self._entries().values())

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return self.manifest.size() if self.info is None or not self.info.digest else self.info.size_bytes

    @property
    def file_count(self) -> int:
        return len(self._entries()) if self.info is None or not self.info.digest else self.info.file_count

    @property
    def digest_algorithm(self) -> str:
        """How the digests of its files are made."""
        return "MD5"

    @property
    def commit_hash(self) -> str | None:
        """The same as `digest`, of an artifact that is kept."""
        return None if self.info is None else self.digest

    # How it stands, and since when

    @property
    def state(self) -> str:
        """PENDING, COMMITTED or DELETED."""
        return "PENDING" if self.info is None else self.info.state

    @property
    def created_at(self) -> str | None:
        """When it was kept, as ``2026-01-31T12:00:00Z``."""
        return None if self.info is None else iso_time(self.info.created_at)

    @property
    def updated_at(self) -> str | None:
        return None if self.info is None else iso_time(self.info.updated_at)

    @property
    def linked_at(self) -> str | None:
        """When the link was made; None of a version at home."""
        return None if self.info is None or self.info.linked_at is None else iso_time(self.info.linked_at)

    @property
    def history_step(self) -> int | None:
        """The last step that its run had logged by then."""
        return None if self.info is None else self.info.history_step

    def json_encode(self) -> dict[str, Any]:
        """What of it can be put into JSON: how W&B names an artifact in the rows of a run."""
        return {"_type": "artifactVersion", "_version": "v0", "id": self.id, "version": self.version,
                "sequenceName": self._base_name, "usedAs": self.use_as or self.name}  # fmt: skip
