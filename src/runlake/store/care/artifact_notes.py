"""What runs and collections say of each other, and where one says what the other has lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from runlake.artifact_model import ArtifactPath, CollectionPath
from runlake.errors import NotFoundError, StoreError
from runlake.model import RunPath
from runlake.store.artifacts.collection import CollectionFolder, has_artifact, read_artifact_id
from runlake.store.artifacts.fold import Committed
from runlake.store.artifacts.lineage import (
    RunLink,
    link_name,
    links_dir,
    read_link,
    read_use,
    text_of,
    use_name,
    use_of,
    uses_dir,
)
from runlake.store.artifacts.linked import linked_dir, linked_name, linked_text, read_linked
from runlake.store.care.damage import FROM_BACKUP, Damage
from runlake.store.disk import TEMPORARY_PREFIX, list_names
from runlake.store.folder_store import FolderStore


class Note(NamedTuple):
    """A small file that is lost and follows from another: its place, its content, and what it was for."""

    file: Path
    content: bytes
    purpose: str


def find_lost_notes(layout: FolderStore, entity: str, project: str) -> Iterator[Note]:
    """The notes of a project's collections and runs that are missing, or say nothing."""
    if not layout.artifact_ids_dir.is_dir() and not layout.collections_dir(entity, project).is_dir():
        return
    for name in layout.collection_names(entity, project):
        collection = CollectionFolder(layout, CollectionPath(entity, project, name))
        try:
            collection.catch_up()
        except (StoreError, NotFoundError):
            continue
        yield from (_of_a_sequence if collection.fold.kind == "sequence" else _of_a_portfolio)(layout, collection)
    for run_id in sorted(layout.run_ids(entity, project)):
        yield from _of_a_run(layout, RunPath(entity, project, run_id))


def check_notes(layout: FolderStore, entity: str, project: str) -> Iterator[Damage]:
    """Notes that can be made anew, and those that say nothing, and that nothing else says. Kinds: missing, corrupt."""
    lost = set()
    for note in find_lost_notes(layout, entity, project):
        lost.add(note.file)
        kind = "corrupt" if note.file.exists() else "missing"
        yield Damage(kind, note.file, note.purpose, "runlake repair makes it anew")
    runs = [links_dir(layout, RunPath(entity, project, each)) for each in layout.run_ids(entity, project)]
    paths = [CollectionPath(entity, project, each) for each in layout.collection_names(entity, project)]
    places: list[tuple[Path, Callable[[Path], object]]] = [
        *((folder, read_link) for folder in runs),
        *((uses_dir(layout, path), read_use) for path in paths),
        *((linked_dir(layout, path), read_linked) for path in paths),
    ]
    for folder, read in places:
        for name in sorted(list_names(folder)):
            file = folder / name
            is_ours = not name.startswith((TEMPORARY_PREFIX, "sent-"))
            if is_ours and file not in lost and read(file) is None and file.exists():
                yield Damage("corrupt", file, "that a run logged or used a version, or a portfolio has it", FROM_BACKUP)


def _of_a_sequence(layout: FolderStore, collection: CollectionFolder) -> Iterator[Note]:
    for version in collection.fold.versions:
        made, path = version.entry, collection.path.at(version.artifact_id)
        if version.is_collected or not isinstance(made, Committed):
            continue
        if not _is_led_to(layout, path):
            file = layout.artifact_ids_dir / version.artifact_id
            yield Note(file, msgspec.json.encode(collection.path), f"{path.collection}:v{version.number} by its id")
        if made.run is not None:
            yield from _lost_link(layout, made.run, "logged", RunLink(at=made.at, artifact=path))
    folder = collection.folder / "uses"
    for name in sorted(list_names(folder)):
        use = read_use(folder / name)
        if use is not None and collection.fold.by_id(use.artifact_id) is not None:
            link = RunLink(at=use.at, artifact=collection.path.at(use.artifact_id), use_as=use.use_as)
            yield from _lost_link(layout, use.run, "used", link)


def _of_a_portfolio(layout: FolderStore, collection: CollectionFolder) -> Iterator[Note]:
    for version in collection.fold.live():
        try:
            home = read_artifact_id(layout, version.artifact_id)
        except NotFoundError:
            continue
        file = linked_dir(layout, home.collection) / linked_name(version.artifact_id, collection.path)
        if read_linked(file) is None and _has(layout, home):
            purpose = f"that {home.collection} has a version that is linked to {collection.path}"
            yield Note(file, linked_text(collection.path).encode(), purpose)


def _is_led_to(layout: FolderStore, path: ArtifactPath) -> bool:
    """Whether the id of a version leads to it, or to a copy of it."""
    try:
        found = read_artifact_id(layout, path.version)
        return found == path or has_artifact(layout, found)
    except (NotFoundError, StoreError):
        return False


def _lost_link(layout: FolderStore, run: RunPath, relation: str, link: RunLink) -> Iterator[Note]:
    file = links_dir(layout, run) / link_name("used" if relation == "used" else "logged", link.artifact.version)
    if layout.run_dir(run).is_dir() and read_link(file) is None:
        yield Note(file, text_of(link).encode(), f"that run {run} {relation} {link.artifact}")


def _of_a_run(layout: FolderStore, run: RunPath) -> Iterator[Note]:
    folder = links_dir(layout, run)
    for name in sorted(list_names(folder)):
        link = read_link(folder / name) if name.startswith("used-") else None
        if link is None:
            continue
        artifact = link.artifact
        if not layout.collection_dir(artifact.collection).is_dir():
            try:
                artifact = read_artifact_id(layout, artifact.version)
            except NotFoundError:
                continue  # deleted since
        use = use_of(run, link)
        file = uses_dir(layout, artifact.collection) / use_name(use)
        if read_use(file) is None and _has(layout, artifact):
            yield Note(file, text_of(use).encode(), f"that run {run} used {artifact}")


def _has(layout: FolderStore, artifact: ArtifactPath) -> bool:
    try:
        return has_artifact(layout, artifact)
    except StoreError:
        return False  # its ledger is named by the check of its own project
