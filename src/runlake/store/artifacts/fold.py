"""The entries of a collection's ledger, and what they come to; pure.

The number of a version is not written anywhere: it is how many were committed before it, so versions have no hole.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from runlake.artifact_model import (
    LATEST,
    ArtifactEdit,
    ArtifactInfo,
    ArtifactPath,
    CollectionInfo,
    CollectionKind,
    CollectionPath,
)
from runlake.errors import BadValueError
from runlake.model import RunPath
from runlake.ready import ready
from runlake.store.artifacts.names import (
    check_aliases,
    check_artifact_id,
    check_collection_path,
    check_tags,
    check_type,
    version_number_of,
)
from runlake.store.artifacts.proof import prove_count, prove_edit, prove_plain, prove_time, prove_ttl
from runlake.store.layout import check_run_path


class Created(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="create"):
    """The first entry."""

    at: float
    type: str
    collection_kind: CollectionKind = "sequence"


class Committed(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="commit"):
    """The next version. Its manifest was written before. `created_at` is when it was begun."""

    at: float
    artifact_id: str
    digest: str
    size_bytes: int
    file_count: int
    created_at: float
    description: str | None = None
    metadata: dict[str, Any] = {}
    aliases: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    run: RunPath | None = None
    user: str | None = None
    ttl_s: float | None = None
    history_step: int | None = None


class Linked(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="link"):
    """The next version of a portfolio: one that is at home in the collection `source`."""

    at: float
    artifact_id: str
    source: CollectionPath
    aliases: tuple[str, ...] = ()


class Edited(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="edit"):
    """What is known of a version was changed."""

    at: float
    artifact_id: str
    edit: ArtifactEdit


class Deleted(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="delete"):
    """A version was deleted; its files stay until they are collected."""

    at: float
    artifact_id: str


class Restored(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="restore"):
    """A deleted version was taken back."""

    at: float
    artifact_id: str


class Collected(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="collect"):
    """A deleted version is gone for good: its files are removed next, and nobody takes it back."""

    at: float
    artifact_id: str


class Described(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", tag="describe"):
    """What is known of the collection was changed; with `name` it is called so from then on."""

    at: float
    name: str | None = None
    type: str | None = None
    description: str | None = None
    add_tags: tuple[str, ...] = ()
    remove_tags: tuple[str, ...] = ()


Entry = Created | Committed | Linked | Edited | Deleted | Restored | Collected | Described


def entry_of(body: Any) -> Entry:
    """What the body of an entry says; BadValueError for one that makes no sense, or is of a kind that is not known."""
    try:
        entry: Entry = msgspec.convert(body, ready(Entry))
    except (msgspec.ValidationError, RecursionError) as error:
        raise BadValueError(f"an entry makes no sense: {error}") from None
    prove_time("the time of an entry", entry.at)
    match entry:
        case Created():
            check_type(entry.type)
        case Described():
            if entry.type is not None:
                check_type(entry.type)
            check_tags(entry.add_tags)
            prove_plain("the description of a collection", (entry.name, entry.description, entry.remove_tags))
        case Committed():
            _prove_committed(entry)
        case Linked():
            check_artifact_id(entry.artifact_id)
            check_collection_path(entry.source)
            check_aliases(entry.aliases)
        case Edited():
            check_artifact_id(entry.artifact_id)
            prove_edit(entry.edit)
        case Deleted() | Restored() | Collected():
            check_artifact_id(entry.artifact_id)
    return entry


def _prove_committed(entry: Committed) -> None:
    check_artifact_id(entry.artifact_id)
    check_aliases(entry.aliases)
    check_tags(entry.tags)
    prove_count("the size of a version", entry.size_bytes)
    prove_count("the number of its files", entry.file_count)
    prove_time("when a version was begun", entry.created_at)
    prove_ttl(entry.ttl_s)
    if entry.run is not None:
        check_run_path(entry.run)
    prove_plain("a version", entry)


_JUST_BEHIND_S = 1e-6


class Version(msgspec.Struct):
    """One version: the entry that made it, and what became of it."""

    number: int
    entry: Committed | Linked
    description: str | None = None
    metadata: dict[str, Any] = {}
    aliases: list[str] = []
    tags: list[str] = []
    ttl_s: float | None = None
    updated_at: float = 0.0
    deleted_at: float | None = None
    decided_at: float = 0.0
    """When it was deleted or taken back last; what stands later in the ledger is later. 0 while it never was."""
    is_collected: bool = False
    """Gone for good: it cannot be restored."""

    @property
    def artifact_id(self) -> str:
        return self.entry.artifact_id


class CollectionFold:
    """What the entries so far come to; `created` must be among them before anything else is asked."""

    def __init__(self, path: CollectionPath) -> None:
        self.path = path
        self.next_entry = 1
        self.versions: list[Version] = []
        self.aliases: dict[str, Version] = {}
        self.tags: list[str] = []
        self.description: str | None = None
        self.type = ""
        self.called: str | None = None
        """The name that it was given last, when it was given another."""
        self.updated_at = 0.0
        self.live_count = 0
        self._by_id: dict[str, Version] = {}
        self._by_digest: dict[str, list[Version]] = {}
        self._created: Created | None = None

    @property
    def is_created(self) -> bool:
        return self._created is not None

    @property
    def kind(self) -> CollectionKind:
        return "sequence" if self._created is None else self._created.collection_kind

    def take(self, number: int, body: dict[str, Any]) -> None:
        """Add the next entry. What a later version added to the kinds is passed over, and what makes no sense."""
        self.next_entry = number + 1
        try:
            entry = entry_of(body)
        except BadValueError:
            return
        if self._created is None and not isinstance(entry, Created):
            return
        self.updated_at = max(self.updated_at, entry.at)  # what another store decided earlier may come later
        match entry:
            case Created():
                self.type = self.type if self._created else entry.type
                self._created = self._created or entry
            case Committed() | Linked():
                if isinstance(entry, Committed) == (self.kind == "sequence"):
                    self._take_version(entry)
            case Edited():
                self._edit(entry)
            case Deleted():
                self._delete(entry)
            case Restored():
                self._restore(entry)
            case Collected():
                self._collect(entry)
            case Described():
                self.type, self.called = entry.type or self.type, entry.name or self.called
                self.description = self.description if entry.description is None else entry.description
                self.tags = _changed(self.tags, entry.add_tags, entry.remove_tags)

    def by_id(self, artifact_id: str) -> Version | None:
        """The version of this id, also when it was deleted."""
        return self._by_id.get(artifact_id)

    def by_digest(self, digest: str) -> Version | None:
        """The newest version of this digest that is there."""
        return max(self._by_digest.get(digest, ()), key=lambda version: version.number, default=None)

    def find(self, version: str) -> Version | None:
        """The version that a number, an alias or an id means, if it is there."""
        number = version_number_of(version)
        if number is not None:
            found = self.versions[number] if number < len(self.versions) else None
        else:
            found = self.aliases.get(version) or self._by_id.get(version)
            if found is None and version == LATEST:
                found = next(self.live(), None)
        return None if found is None or found.deleted_at is not None else found

    def live(self) -> Iterator[Version]:
        """The versions that are there, the newest first."""
        return (version for version in reversed(self.versions) if version.deleted_at is None)

    def describe(self, version: Version) -> ArtifactInfo:
        """A version of a sequence as readers see it."""
        made = version.entry
        assert isinstance(made, Committed), "a portfolio has no versions of its own"
        return ArtifactInfo(
            entity=self.path.entity,
            project=self.path.project,
            name=self.path.name,
            artifact_id=made.artifact_id,
            type=self.type,
            state="COMMITTED" if version.deleted_at is None else "DELETED",
            version_number=version.number,
            digest=made.digest,
            size_bytes=made.size_bytes,
            file_count=made.file_count,
            description=version.description,
            metadata=version.metadata,
            aliases=tuple(version.aliases),
            tags=tuple(version.tags),
            created_by=made.run,
            user=made.user,
            created_at=made.created_at,
            updated_at=version.updated_at,
            ttl_s=version.ttl_s,
            history_step=made.history_step,
        )

    def describe_link(self, version: Version, source: ArtifactInfo) -> ArtifactInfo:
        """A version of a portfolio as readers see it: that which is at home elsewhere, under its name here."""
        return msgspec.structs.replace(
            source,
            entity=self.path.entity,
            project=self.path.project,
            name=self.path.name,
            version_number=version.number,
            aliases=tuple(version.aliases),
            linked_at=version.entry.at,
            source=ArtifactPath(*source.collection, source.version or source.artifact_id),
        )

    def describe_collection(self) -> CollectionInfo:
        """The collection as readers see it."""
        return CollectionInfo(
            entity=self.path.entity,
            project=self.path.project,
            name=self.path.name,
            type=self.type,
            kind=self.kind,
            description=self.description,
            tags=tuple(self.tags),
            aliases={alias: f"v{version.number}" for alias, version in self.aliases.items()},
            version_count=self.live_count,
            size_bytes=sum(v.entry.size_bytes for v in self.live() if isinstance(v.entry, Committed)),
            created_at=0.0 if self._created is None else self._created.at,
            updated_at=self.updated_at,
        )

    def _take_version(self, entry: Committed | Linked) -> None:
        if entry.artifact_id in self._by_id:
            return  # two processes finished one draft, or linked one version: the first made the version
        version = Version(number=len(self.versions), entry=entry, updated_at=entry.at)
        if isinstance(entry, Committed):
            version.description, version.metadata = entry.description, entry.metadata
            version.tags, version.ttl_s = list(entry.tags), entry.ttl_s
        self.versions.append(version)
        self._by_id[entry.artifact_id] = version
        self._set_live(version)
        self._give(version, entry.aliases)

    def _give(self, version: Version, aliases: tuple[str, ...]) -> None:
        for alias in aliases:
            holder = self.aliases.get(alias)
            if holder is not version:
                if holder is not None:
                    holder.aliases.remove(alias)
                version.aliases.append(alias)
                self.aliases[alias] = version

    def _take_away(self, version: Version, aliases: tuple[str, ...]) -> None:
        for alias in aliases:
            if self.aliases.get(alias) is version:
                del self.aliases[alias]
                version.aliases.remove(alias)

    def _edit(self, entry: Edited) -> None:
        version, edit = self._by_id.get(entry.artifact_id), entry.edit
        if version is None or version.deleted_at is not None:
            return  # deleted before the edit was written
        version.updated_at = entry.at
        version.description = version.description if edit.description is None else edit.description
        version.metadata = version.metadata if edit.metadata is None else edit.metadata
        if edit.ttl_s is not None:
            version.ttl_s = edit.ttl_s if edit.ttl_s > 0 else None
        version.tags = _changed(version.tags, edit.add_tags, edit.remove_tags)
        self._take_away(version, edit.remove_aliases)
        self._give(version, edit.add_aliases)

    def _delete(self, entry: Deleted) -> None:
        version = self._by_id.get(entry.artifact_id)
        if version is None or version.deleted_at is not None:
            return
        self._take_away(version, tuple(version.aliases))
        version.deleted_at = entry.at
        version.decided_at = _later(version, entry.at)
        self.live_count -= 1
        made = version.entry
        if isinstance(made, Committed) and made.digest:
            same = self._by_digest[made.digest]
            same.remove(version)
            if not same:
                del self._by_digest[made.digest]

    def _restore(self, entry: Restored) -> None:
        version = self._by_id.get(entry.artifact_id)
        if version is None or version.deleted_at is None or version.is_collected:
            return
        version.deleted_at = None
        version.decided_at = _later(version, entry.at)
        self._set_live(version)

    def _collect(self, entry: Collected) -> None:
        version = self._by_id.get(entry.artifact_id)
        if version is not None and version.deleted_at is not None:
            version.is_collected = True

    def _set_live(self, version: Version) -> None:
        self.live_count += 1
        made = version.entry
        if isinstance(made, Committed) and made.digest:
            self._by_digest.setdefault(made.digest, []).append(version)


def _later(version: Version, at: float) -> float:
    """`at`, or just behind what was decided before, whatever the clock said."""
    return max(at, version.decided_at + _JUST_BEHIND_S) if version.decided_at else at


def _changed(tags: list[str], added: tuple[str, ...], removed: tuple[str, ...]) -> list[str]:
    gone = set(removed)
    return [tag for tag in dict.fromkeys((*tags, *added)) if tag not in gone]
