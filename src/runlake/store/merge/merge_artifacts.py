"""The artifacts of another store into this one: collections, versions, aliases, links, and what runs did with them.

A version is known by its id, wherever its collection is and whatever that is called. It comes with its id, digest,
metadata, tags and times, and gets the next number here; so two stores that logged the same names both keep their
versions. An alias that a version here has stays with it. Of a version that is in both, what was changed last counts,
and the last word on whether it is deleted: as the ledgers have it, with a deletion later than the version itself.
Versions come over one by one, so whoever reads or is killed meanwhile has some of them, and each whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path

import msgspec

from runlake.artifact_model import ArtifactEdit, CollectionPath, ManifestEntry
from runlake.errors import ConflictError, NotFoundError, PathError, RunlakeError, StoreError
from runlake.model import Merged, RunPath
from runlake.store.artifacts.collection import (
    CollectionFolder,
    check_kind,
    create_collection,
    read_artifact_id,
    write_artifact_id,
)
from runlake.store.artifacts.commit import check_contents
from runlake.store.artifacts.content import ContentStore
from runlake.store.artifacts.fold import (
    CollectionFold,
    Committed,
    Deleted,
    Described,
    Edited,
    Entry,
    Linked,
    Restored,
    Version,
)
from runlake.store.artifacts.lineage import note_use
from runlake.store.artifacts.linked import note_linked
from runlake.store.artifacts.manifest import encode_manifest
from runlake.store.folder_store import FolderStore
from runlake.store.merge.merge_contents import MergedContents
from runlake.store.merge.merge_ids import merge_ids
from runlake.store.merge.their_artifacts import TheirCollection, read_theirs
from runlake.store.opening.trash import deleted_collection
from runlake.store.opening.trash_names import COLLECTION_PREFIX

_ATTEMPTS = 3


class ArtifactMerger:
    """Brings collections of one store into another. `moved` says of runs that have another path here which it is."""

    def __init__(
        self, layout: FolderStore, other: FolderStore, moved: Mapping[RunPath, RunPath], *, is_dry_run: bool = False
    ) -> None:
        self._layout, self._other, self.moved = layout, other, moved
        self.is_dry_run = is_dry_run
        self._contents = MergedContents(layout, other)
        self._homes: dict[str, CollectionPath] = {}
        """Where each version of theirs that is here, or was, is at home here."""

    def merge(self, entity: str, project: str, failures: list[RunlakeError]) -> Iterator[Merged]:
        """Bring the collections of a project; yields each when it is there. What cannot be read goes to `failures`."""
        for name in self._other.collection_names(entity, project):
            path = CollectionPath(entity, project, name)
            try:
                theirs = read_theirs(self._other, path)
                yield self._merge(theirs)
            except (StoreError, PathError, ConflictError, NotFoundError) as error:
                failures.append(error)

    def merge_ids(self, failures: list[RunlakeError]) -> None:
        """Bring the other ids under which the versions that were merged are found; when all of them were."""
        if not self.is_dry_run:
            merge_ids(self._layout, self._other, self._homes, failures)

    def _merge(self, theirs: TheirCollection) -> Merged:
        live = [version for version in theirs.fold.versions if version.deleted_at is None]
        place = self._find_place(theirs)
        merged = Merged(path=RunPath(*place), source=RunPath(*theirs.path), outcome="same", is_artifact=True)
        ours = CollectionFolder(self._layout, place)
        is_here = _is_here(ours)
        if is_here:
            try:
                check_kind(ours.fold, theirs.fold.type, theirs.fold.kind)
            except ConflictError:
                return msgspec.structs.replace(merged, outcome="differs")
        new = [version for version in live if ours.fold.by_id(version.artifact_id) is None]
        dead = self._dead_ids(place) if new else set()
        wanted = [version for version in live if version.artifact_id not in dead]
        if not wanted and not any(ours.fold.by_id(version.artifact_id) for version in theirs.fold.versions):
            return msgspec.structs.replace(merged, outcome="deleted" if live else "empty")
        if not is_here and not self.is_dry_run:
            create_collection(self._layout, place, theirs.fold.type, theirs.fold.kind, theirs.created_at)
            ours.catch_up()
        step = _Step(ours, theirs, self.is_dry_run)
        new = [version for version in new if version.artifact_id not in dead]
        copied_bytes = sum(self._bring(step, version) for version in new)
        decided = [version for version in theirs.fold.versions if step.decide(partial(_decided, version))]
        changed_count = len(decided) + sum(step.decide(partial(_changed, version)) for version in wanted)
        changed_count += step.decide(lambda fold: _described(fold, theirs.fold))
        changed_count += self._bring_uses(ours, theirs) if is_here or not self.is_dry_run else 0
        if theirs.fold.kind == "sequence":
            here = (version.artifact_id for version in theirs.fold.versions if ours.fold.by_id(version.artifact_id))
            self._homes.update(dict.fromkeys(here, place))
        is_same = is_here and not new and not changed_count
        return msgspec.structs.replace(
            merged,
            outcome="same" if is_same else "joined" if is_here else "new",
            version_count=len(new),
            deleted_count=sum(version.deleted_at is not None for version in decided),
            copied_bytes=copied_bytes,
        )

    def _find_place(self, theirs: TheirCollection) -> CollectionPath:
        """The collection here that has one of their versions, or the one of that name."""
        if theirs.fold.kind == "portfolio":
            return theirs.path
        for version in sorted(theirs.fold.versions, key=lambda version: version.deleted_at is not None):
            home = self._home_of(version.artifact_id)
            if home is not None:
                if home[:2] != theirs.path[:2]:
                    if version.deleted_at is not None:
                        continue
                    raise self._taken(theirs.path, version.artifact_id, home)
                return home
        return theirs.path

    def _home_of(self, artifact_id: str) -> CollectionPath | None:
        try:
            home = read_artifact_id(self._layout, artifact_id).collection
            return home if CollectionFolder(self._layout, home).catch_up().by_id(artifact_id) is not None else None
        except NotFoundError:
            return None

    def _taken(self, path: CollectionPath, artifact_id: str, home: CollectionPath | None) -> ConflictError:
        return ConflictError(
            f"artifact {path} of {self._other.root} has a version with the id {artifact_id}, which is that of another "
            f"one here, in {home}; nothing more of it was taken"
        )

    def _dead_ids(self, place: CollectionPath) -> set[str]:
        """The versions that our trash has, of collections of that name."""
        folders = self._layout.trash_dir.glob(f"{COLLECTION_PREFIX}*")
        trashed = (folder for folder in folders if deleted_collection(folder) == place)
        return {version.artifact_id for folder in trashed for version in _fold_in(folder, place).versions}

    def _bring(self, step: _Step, version: Version) -> int:
        """One version that is not here; answers how many bytes came with it."""
        made = version.entry
        if isinstance(made, Linked):
            home = self._home_of(made.artifact_id) or made.source
            if not self.is_dry_run:
                note_linked(self._layout, made.artifact_id, step.ours.path)
            step.decide(lambda fold: _linked(fold, version, home))
            return 0
        manifest = step.theirs.read_manifest(version.artifact_id)
        missing_bytes = self._contents.missing_bytes(manifest)
        if not self.is_dry_run:
            self._put(step.ours, version.artifact_id, manifest)
            maker = None if made.run is None else self.moved.get(made.run, made.run)
            step.decide(lambda fold: _committed(fold, version, manifest, maker))
        return missing_bytes

    def _put(self, ours: CollectionFolder, artifact_id: str, manifest: list[ManifestEntry]) -> None:
        """Contents and manifest, in the order in which a commit has them: see `store.artifacts.commit`."""
        home = self._home_of(artifact_id)
        if home not in (None, ours.path):
            raise self._taken(ours.path, artifact_id, home)
        for attempt in range(1, _ATTEMPTS + 1):
            self._contents.bring(manifest)
            ours.write_manifest(artifact_id, encode_manifest(manifest))
            try:
                check_contents(ContentStore(self._layout), manifest)
                break
            except NotFoundError:  # collected before the manifest named it
                if attempt == _ATTEMPTS:
                    raise
        write_artifact_id(self._layout, artifact_id, ours.path)

    def _bring_uses(self, ours: CollectionFolder, theirs: TheirCollection) -> int:
        if self.is_dry_run:
            return 0
        count = 0
        for use in theirs.uses():
            if ours.fold.by_id(use.artifact_id) is not None:
                run = self.moved.get(use.run, use.run)
                count += note_use(self._layout, ours.path, msgspec.structs.replace(use, run=run))
        return count


class _Step:
    """One collection of both stores, and the next decision in ours."""

    def __init__(self, ours: CollectionFolder, theirs: TheirCollection, is_dry_run: bool) -> None:
        self.ours, self.theirs, self._is_dry_run = ours, theirs, is_dry_run

    def decide(self, make: Callable[[CollectionFold], Entry | None]) -> bool:
        """Make the entry that is right for what was decided until now; whether there is one to make."""
        if self._is_dry_run:
            return make(self.ours.fold) is not None
        while (entry := make(self.ours.catch_up())) is not None:
            if self.ours.decide(entry):
                return True
        return False


def _is_here(ours: CollectionFolder) -> bool:
    try:
        ours.catch_up()
    except NotFoundError:
        return False
    return True


def _fold_in(folder: Path, path: CollectionPath) -> CollectionFold:
    from runlake.store.ledger import FolderLedger

    fold = CollectionFold(path)
    for number, body in FolderLedger(folder / "ledger").read_from(1):
        fold.take(number, body)
    return fold


# What to decide, knowing what was; pure -----------------------------------------------------------------------


def _free(fold: CollectionFold, aliases: list[str]) -> tuple[str, ...]:
    return tuple(alias for alias in aliases if alias not in fold.aliases)


def _committed(
    fold: CollectionFold, theirs: Version, manifest: list[ManifestEntry], maker: RunPath | None
) -> Entry | None:
    made = theirs.entry
    if fold.by_id(theirs.artifact_id) is not None or not isinstance(made, Committed):
        return None
    return msgspec.structs.replace(
        made,
        at=theirs.updated_at,
        size_bytes=sum(entry.size_bytes for entry in manifest),
        file_count=len(manifest),
        description=theirs.description,
        metadata=theirs.metadata,
        aliases=_free(fold, theirs.aliases),
        tags=tuple(theirs.tags),
        run=maker,
        ttl_s=theirs.ttl_s,
    )


def _linked(fold: CollectionFold, theirs: Version, home: CollectionPath) -> Entry | None:
    made = theirs.entry
    if fold.by_id(theirs.artifact_id) is not None or not isinstance(made, Linked):
        return None
    return msgspec.structs.replace(made, source=home, aliases=_free(fold, theirs.aliases))


def _changed(theirs: Version, fold: CollectionFold) -> Entry | None:
    """What was changed there later than here."""
    ours = fold.by_id(theirs.artifact_id)
    if ours is None or ours.deleted_at is not None or ours.updated_at >= theirs.updated_at:
        return None
    edit = ArtifactEdit(
        description=theirs.description if theirs.description != ours.description else None,
        metadata=theirs.metadata if theirs.metadata != ours.metadata else None,
        ttl_s=(theirs.ttl_s or 0.0) if theirs.ttl_s != ours.ttl_s else None,
        add_aliases=_free(fold, theirs.aliases),
        add_tags=tuple(tag for tag in theirs.tags if tag not in ours.tags),
        remove_tags=tuple(tag for tag in ours.tags if tag not in theirs.tags),
    )
    if edit == ArtifactEdit():
        return None
    return Edited(at=theirs.updated_at, artifact_id=theirs.artifact_id, edit=edit)


def _decided(theirs: Version, fold: CollectionFold) -> Entry | None:
    """The later word on whether a version that both know is deleted; where they say it at once, that it is."""
    ours, is_deleted = fold.by_id(theirs.artifact_id), theirs.deleted_at is not None
    if ours is None or ours.is_collected or is_deleted == (ours.deleted_at is not None):
        return None
    if (theirs.decided_at, is_deleted) < (ours.decided_at, not is_deleted):
        return None
    made = Deleted if is_deleted else Restored
    return made(at=theirs.decided_at, artifact_id=theirs.artifact_id)


def _described(fold: CollectionFold, theirs: CollectionFold) -> Entry | None:
    """What ours does not say of itself yet."""
    description = theirs.description if fold.description is None else None
    tags = () if fold.tags else tuple(theirs.tags)
    if description is None and not tags:
        return None
    return Described(at=theirs.updated_at, description=description, add_tags=tags)
