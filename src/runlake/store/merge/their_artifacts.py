"""One collection of a store that may be anybody's, and what a run of it did: read without links, every name proven."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import msgspec

from runlake.artifact_model import CollectionPath, ManifestEntry, Relation
from runlake.errors import BadValueError, CorruptError
from runlake.model import RunPath, is_time
from runlake.ready import ready
from runlake.store.artifacts.fold import CollectionFold, Committed, Linked, Version, entry_of
from runlake.store.artifacts.lineage import RunLink, Use, link_name, use_name
from runlake.store.artifacts.manifest import check_clashes, decode_manifest
from runlake.store.artifacts.names import (
    check_aliases,
    check_artifact_id,
    check_collection_path,
    check_tags,
    check_type,
)
from runlake.store.disk import list_names
from runlake.store.layout import Layout, check_run_path
from runlake.store.merge.plain_ledger import whole_entries
from runlake.store.plain_open import check_plain, read_plain
from runlake.values import stored_json

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class TheirCollection:
    """What was decided in a collection of theirs, and where the rest of it is."""

    path: CollectionPath
    fold: CollectionFold
    folder: Path
    root: Path

    @property
    def created_at(self) -> float:
        """When it was made."""
        return self.fold.describe_collection().created_at

    def read_manifest(self, artifact_id: str) -> list[ManifestEntry]:
        """What one of its versions is made of; `CorruptError` for what no commit would have taken."""
        file = self.folder / "manifests" / f"{artifact_id}.jsonl"
        try:
            entries = decode_manifest(read_plain(self.root, file), str(file))
            check_clashes(entries)
            return entries
        except (FileNotFoundError, BadValueError) as error:
            raise CorruptError(f"{file} cannot be taken: {error}") from None

    def uses(self) -> Iterator[Use]:
        """Who used its versions. `CorruptError` for a file that says something else than its name."""
        folder = self.folder / "uses"
        for name in _records_in(self.root, folder):
            use = _read(self.root, folder / name, Use)
            check_artifact_id(use.artifact_id)
            check_run_path(use.run)
            if use_name(use) != name:
                raise CorruptError(f"{folder / name} speaks of {use.artifact_id} and {use.run}; remove it")
            yield use


def read_theirs(other: Layout, path: CollectionPath) -> TheirCollection:
    """A collection of another store. `PathError` and `CorruptError` for names that no runlake gives."""
    check_collection_path(path)
    folder = other.collection_dir(path)
    check_plain(other.root, folder, folder / "ledger", folder / "manifests", folder / "uses", other.content_dir)
    fold = CollectionFold(path)
    for number, text in enumerate(whole_entries(folder), 1):
        if text:
            fold.take(number, _entry(stored_json(text), folder))
    if fold.is_created:
        check_type(fold.type)
    check_tags(fold.tags)
    for version in fold.versions:
        _check(version, folder)
    return TheirCollection(path, fold, folder, other.root)


def _entry(body: object, folder: Path) -> dict[str, object]:
    """An entry as it is. What makes no sense, readers pass over; of theirs it is told: something would be missing."""
    try:
        entry_of(body)
    except BadValueError as error:
        raise CorruptError(f"{folder / 'ledger'}: {error}; repair that store first, or upgrade runlake") from None
    assert isinstance(body, dict), "what says something is an object"
    return body


def read_links(other: Layout, run: RunPath) -> Iterator[tuple[Relation, RunLink]]:
    """What a run of theirs did with artifacts. `CorruptError` for a record that says something else than its name."""
    folder = other.run_dir(run) / "artifacts"
    for name in _records_in(other.root, folder):
        relation: Relation = "used" if name.startswith("used-") else "logged"
        if not name.startswith(f"{relation}-"):
            continue  # what only its own machine needs
        link = _read(other.root, folder / name, RunLink)
        check_collection_path(link.artifact.collection)
        check_artifact_id(link.artifact.version)
        if link_name(relation, link.artifact.version) != name:
            raise CorruptError(f"{folder / name} speaks of {link.artifact}; remove it")
        yield relation, link


def _check(version: Version, folder: Path) -> None:
    made = version.entry
    check_artifact_id(version.artifact_id)
    check_aliases(version.aliases)
    check_tags(version.tags)
    if isinstance(made, Linked):
        check_collection_path(made.source)
    if isinstance(made, Committed) and made.run is not None:
        check_run_path(made.run)
    times = [version.updated_at, made.created_at if isinstance(made, Committed) else made.at]
    if not all(map(is_time, times)):
        raise CorruptError(f"{folder / 'ledger'} has times that are none; restore it from a backup")


def _records_in(root: Path, folder: Path) -> list[str]:
    check_plain(root, folder)
    return sorted(name for name in list_names(folder) if name.endswith(".json") and not name.startswith("."))


def _read(root: Path, file: Path, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(read_plain(root, file), type=ready(kind))
    except (FileNotFoundError, msgspec.MsgspecError) as error:
        raise CorruptError(f"{file} cannot be read ({error}); remove it") from None
