"""What of artifacts nobody needs any more: versions past their time, what deleted ones had, drafts, contents.

Each decision stands in a ledger before a file goes, so whoever takes a version back at the same moment has it whole or
is told that it is gone. Contents that nothing names are moved aside, what names contents is read again, what is named
by then is put back, and only the rest is removed: `store.artifacts.commit` has the other half of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from runlake.artifact_model import CollectionPath
from runlake.errors import NotFoundError, StoreError, warn
from runlake.model import Garbage
from runlake.store.artifacts.collection import CollectionFolder, read_artifact_id
from runlake.store.artifacts.contents_named import NamingFiles
from runlake.store.artifacts.fold import Collected, Committed, Deleted, Version
from runlake.store.artifacts.names import is_sha256
from runlake.store.disk import (
    TEMPORARY_PREFIX,
    list_names,
    make_subfolder,
    move,
    only_one,
    remove,
    remove_present,
    temporary_beside,
    touch,
)
from runlake.store.layout import Layout
from runlake.store.opening.trash import deleted_collection
from runlake.store.opening.trash_names import COLLECTION_PREFIX

YOUNG_S = 3_600.0
"""A content, or an id, this young may be of an artifact that is just being made."""

DRAFT_S = 86_400.0
"""A draft to which nothing was put for so long is nobody's any more."""

_LOCK = ".runlake-collecting"


@dataclass(frozen=True, slots=True)
class Age:
    """What counts as old: deleted `older_than_s` seconds before `now_s`, which is in seconds since 1970 (UTC)."""

    now_s: float
    older_than_s: float

    def is_expired(self, version: Version) -> bool:
        """Whether a version is past its time."""
        made, ttl_s = version.entry, version.ttl_s or 0.0
        return isinstance(made, Committed) and ttl_s > 0 and self.now_s - made.created_at > ttl_s

    def is_long_deleted(self, deleted_at: float) -> bool:
        """Whether something that was deleted then goes for good."""
        return self.now_s - deleted_at >= self.older_than_s

    def is_older(self, file: Path, age_s: float) -> bool:
        """Whether a file was written longer ago; False for one that is gone."""
        try:
            return self.now_s - file.lstat().st_mtime > age_s
        except FileNotFoundError:
            return False


def collect_artifacts(
    layout: Layout, age: Age, *, emptied: frozenset[Path] = frozenset(), is_dry_run: bool = False
) -> Iterator[Garbage]:
    """Remove what nobody needs; yields what went, or with `is_dry_run` would go.

    `emptied` are folders of the trash that go too. A version past its time is deleted first, and can be restored as
    long as any deleted one. Where a manifest cannot be read no content is removed: nobody knows what it needs.
    """
    artifacts_dir = layout.content_dir.parent
    if not artifacts_dir.is_dir():
        return
    with nullcontext() if is_dry_run else only_one(artifacts_dir / _LOCK, is_waiting=True):
        collector = _Collector(layout, age, emptied, is_dry=is_dry_run)
        yield from collector.collections()
        yield from collector.links()
        yield from collector.ids()
        yield from collector.contents()


@dataclass(slots=True)
class _Known:
    """Which artifacts there are, in the project or in the trash, for as long as every ledger could be read."""

    ids: set[str] = field(default_factory=set)
    portfolios: list[CollectionFolder] = field(default_factory=list)
    is_whole: bool = True


class _Collector:
    """One collection of garbage; with `is_dry` nothing is changed, and the same is said."""

    def __init__(self, layout: Layout, age: Age, emptied: frozenset[Path], *, is_dry: bool) -> None:
        self._layout, self._age, self._is_dry = layout, age, is_dry
        self._known = _Known()
        self._gone: set[Path] = set(emptied)
        """Files that are removed, or would be: they name nothing any more."""

    # Collections --------------------------------------------------------------------------------------------------

    def collections(self) -> Iterator[Garbage]:
        """Versions and drafts of each collection."""
        for entity in self._layout.entities():
            for project in self._layout.projects(entity):
                for name in self._layout.collection_names(entity, project):
                    path = CollectionPath(entity, project, name)
                    collection = self._read(CollectionFolder(self._layout, path))
                    if collection is not None:
                        yield from self._collection(collection)
        for name in list_names(self._layout.trash_dir):
            folder = self._layout.trash_dir / name
            if name.startswith(COLLECTION_PREFIX) and folder not in self._gone:
                path = deleted_collection(folder) or CollectionPath("deleted", "deleted", name)
                self._know(self._read(CollectionFolder(self._layout, path, folder)))

    def _read(self, collection: CollectionFolder) -> CollectionFolder | None:
        try:
            collection.catch_up()
            return collection
        except NotFoundError:
            if not collection.folder.is_dir():
                return None  # deleted at this moment
            self._known.is_whole = False
        except StoreError as error:
            warn(f"nothing of artifact {collection.path} is collected: {error}")
            self._known.is_whole = False
        return None

    def _collection(self, collection: CollectionFolder) -> Iterator[Garbage]:
        if collection.fold.kind == "portfolio":
            self._known.portfolios.append(collection)
            return
        for version in collection.fold.versions:
            yield from self._version(collection, version)
        yield from self._drafts(collection)
        self._know(collection)

    def _know(self, collection: CollectionFolder | None) -> None:
        if collection is not None and collection.fold.kind == "sequence":
            kept = (each.artifact_id for each in collection.fold.versions if not each.is_collected)
            self._known.ids |= {each for each in kept if collection.manifest_file(each) not in self._gone}
            drafts = (collection.folder / "drafts" / name for name in list_names(collection.folder / "drafts"))
            self._known.ids |= {file.stem for file in drafts if file not in self._gone}

    def _version(self, collection: CollectionFolder, version: Version) -> Iterator[Garbage]:
        deleted_at = version.deleted_at
        if deleted_at is None and self._age.is_expired(version):
            if not self._decide(collection, Deleted(at=self._age.now_s, artifact_id=version.artifact_id), version):
                return
            deleted_at = self._age.now_s
            yield self._garbage(collection.folder.with_name(f"{collection.folder.name}:v{version.number}"), 0)
        if deleted_at is None or not self._age.is_long_deleted(deleted_at):
            return
        if not version.is_collected:
            collected = Collected(at=self._age.now_s, artifact_id=version.artifact_id)
            if not self._decide(collection, collected, version):
                return
        notes = [
            collection.folder / kind / name for kind in ("uses", "links") for name in self._names(collection, kind)
        ]
        mine = [file for file in notes if file.name.startswith(f"{version.artifact_id}-")]
        yield from self._remove(collection.manifest_file(version.artifact_id), *mine)

    def _names(self, collection: CollectionFolder, subfolder: str) -> list[str]:
        return sorted(list_names(collection.folder / subfolder))

    def _decide(self, collection: CollectionFolder, entry: Deleted | Collected, version: Version) -> bool:
        """Whether a version is what the entry says, by us, unless somebody said something else of it meanwhile."""
        was_deleted = version.deleted_at is not None
        while not self._is_dry:
            fold = collection.catch_up()
            now = fold.by_id(version.artifact_id)
            if now is None or (now.deleted_at is not None) != was_deleted or now.is_collected:
                return False
            if isinstance(entry, Deleted) and not self._age.is_expired(now):
                return False  # it was given another time
            if collection.decide(entry):
                return True
        return True

    # Drafts -------------------------------------------------------------------------------------------------------

    def _drafts(self, collection: CollectionFolder) -> Iterator[Garbage]:
        """Drafts that nobody went on with, and manifests of such that were never committed."""
        folder = collection.folder
        names = {Path(name).stem for name in list_names(folder / "drafts") if not name.startswith(TEMPORARY_PREFIX)}
        manifests = {Path(name).stem for name in list_names(folder / "manifests") if name.endswith(".jsonl")}
        for artifact_id in sorted(names | {each for each in manifests if collection.fold.by_id(each) is None}):
            files = [folder / "drafts" / f"{artifact_id}{suffix}" for suffix in (".json", ".received")]
            if collection.fold.by_id(artifact_id) is None:
                files.append(collection.manifest_file(artifact_id))
            there = [file for file in files if file.exists()]
            if there and all(self._age.is_older(file, DRAFT_S) for file in there):
                yield from self._remove(*there, old_s=DRAFT_S)

    # What leads to versions ---------------------------------------------------------------------------------------

    def links(self) -> Iterator[Garbage]:
        """Links to versions that are gone for good."""
        for portfolio in self._known.portfolios if self._known.is_whole else ():
            for link in list(portfolio.fold.live()):
                if link.artifact_id not in self._known.ids:
                    if not self._is_dry:
                        portfolio.catch_up()
                        if not portfolio.decide(Deleted(at=self._age.now_s, artifact_id=link.artifact_id)):
                            continue  # somebody works on it: the next time
                    yield self._garbage(portfolio.folder.with_name(f"{portfolio.folder.name}:v{link.number}"), 0)

    def ids(self) -> Iterator[Garbage]:
        """What says where an artifact is that is nowhere."""
        for name in sorted(list_names(self._layout.artifact_ids_dir)) if self._known.is_whole else ():
            file = self._layout.artifact_ids_dir / name
            if name in self._known.ids or name.startswith(".") or not self._age.is_older(file, YOUNG_S):
                continue
            if self._meant_by(name) not in self._known.ids:
                yield from self._remove(file, old_s=YOUNG_S)

    def _meant_by(self, artifact_id: str) -> str | None:
        """The id of the version that was begun under this id, and turned out to be another."""
        try:
            return read_artifact_id(self._layout, artifact_id).version
        except NotFoundError:
            return None

    # Contents -----------------------------------------------------------------------------------------------------

    def contents(self) -> Iterator[Garbage]:
        """Contents that nothing names, and that are old."""
        unnamed = self._old_contents()
        naming = NamingFiles(self._layout, self._gone)
        try:
            naming.take_named_from(unnamed)
            if unnamed and not self._is_dry:
                unnamed = self._put_aside(unnamed)
                naming.take_named_from(unnamed)
        except StoreError as error:
            warn(f"no content of an artifact is collected: {error}")
            unnamed = {}
        aside = self._layout.content_aside_dir
        for sha256 in list_names(aside) if not self._is_dry else ():
            if is_sha256(sha256) and sha256 not in unnamed:
                self._put_back(sha256)
        for sha256, size_bytes in sorted(unnamed.items()):
            if not self._is_dry:
                try:
                    remove_present(aside / sha256)
                except FileNotFoundError:
                    continue  # somebody needed it, and took it back
            yield self._garbage(self._place_of(sha256), size_bytes)

    def _old_contents(self) -> dict[str, int]:
        """SHA-256 → size in bytes; with those that lie aside since a collection was killed."""
        found = {}
        folders = [self._layout.content_dir / name for name in sorted(list_names(self._layout.content_dir))]
        for folder in (*folders, self._layout.content_aside_dir):
            is_aside = folder == self._layout.content_aside_dir
            for entry in os.scandir(folder) if folder.is_dir() else ():
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                if is_sha256(entry.name) and (is_aside or self._age.now_s - status.st_mtime > YOUNG_S):
                    found[entry.name] = status.st_size
        return found

    def _put_aside(self, unnamed: dict[str, int]) -> dict[str, int]:
        make_subfolder(self._layout.content_aside_dir)
        moved = {}
        for sha256, size_bytes in unnamed.items():
            aside = self._layout.content_aside_dir / sha256
            try:
                if not aside.exists():
                    move(self._place_of(sha256), aside)
            except FileNotFoundError:
                continue
            moved[sha256] = size_bytes
            if not self._age.is_older(aside, YOUNG_S):  # somebody found it since it was looked at
                self._put_back(sha256)
                del moved[sha256]
        return moved

    def _put_back(self, sha256: str) -> None:
        aside = self._layout.content_aside_dir / sha256
        try:
            touch(aside)
            move(aside, self._place_of(sha256))
        except FileNotFoundError:
            pass  # somebody took it back

    def _place_of(self, sha256: str) -> Path:
        return self._layout.content_dir / sha256[:2] / sha256

    # Files --------------------------------------------------------------------------------------------------------

    def _remove(self, *files: Path, old_s: float | None = None) -> Iterator[Garbage]:
        """Remove files that belong together, those before the others; told under the name of the first.

        With `old_s` only what is that old: the first that is not stops it.
        """
        size_bytes, removed_count = 0, 0
        for file in files:
            try:
                file_bytes = file.lstat().st_size
                if not self._is_dry:
                    aside = move(file, temporary_beside(file))
                    if old_s is not None and not self._age.is_older(aside, old_s):
                        move(aside, file)
                        break
                    remove(aside)
            except FileNotFoundError:
                continue
            self._gone.add(file)
            size_bytes += file_bytes
            removed_count += 1
        if removed_count:
            yield self._garbage(files[0], size_bytes)

    def _garbage(self, place: Path, size_bytes: int) -> Garbage:
        return Garbage(place=place.relative_to(self._layout.root).as_posix(), size_bytes=size_bytes)
