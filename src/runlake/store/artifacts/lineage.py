"""Which runs logged and used which versions: a small file with the run, and one with the collection.

That with the run is made first, and says all: what is missing with the collection is made again by `repair`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from runlake.artifact_model import ArtifactPath, CollectionPath, Relation
from runlake.errors import BadValueError, NotFoundError
from runlake.model import RunPath
from runlake.ready import ready
from runlake.store.artifacts.collection import writing
from runlake.store.artifacts.names import check_artifact_id, check_artifact_path
from runlake.store.artifacts.proof import prove_plain, prove_time
from runlake.store.layout import Layout, check_run_path
from runlake.store.tree import DISK_TREE, Tree

T = TypeVar("T")


class RunLink(msgspec.Struct, frozen=True, kw_only=True):
    """With a run: the version, by its id, that it logged or used."""

    at: float
    artifact: ArtifactPath
    use_as: str | None = None


class Use(msgspec.Struct, frozen=True, kw_only=True):
    """With a collection: a run that used one of its versions."""

    at: float
    artifact_id: str
    run: RunPath
    use_as: str | None = None


def note_relation(layout: Layout, run: RunPath, relation: Relation, link: RunLink) -> None:
    """Write down what a run did with a version, once. `NotFoundError` when there is no such run."""
    note_link(layout, run, relation, link)
    if relation == "used":
        note_use(layout, link.artifact.collection, use_of(run, link))


def note_link(layout: Layout, run: RunPath, relation: Relation, link: RunLink) -> bool:
    """Only with the run; whether it was not known. `NotFoundError` when there is no such run."""
    folder = links_dir(layout, run)
    with writing(folder):
        try:
            layout.tree.make_subfolder(folder)
        except FileNotFoundError:
            raise NotFoundError(f"there is no run {run}, so it cannot have {relation} {link.artifact}") from None
        return layout.tree.create_once(folder / link_name(relation, link.artifact.version), text_of(link))


def note_use(layout: Layout, collection: CollectionPath, use: Use) -> bool:
    """Only with the collection; whether it was not known, and the collection is there."""
    folder = uses_dir(layout, collection)
    with writing(folder):
        try:
            layout.tree.make_subfolder(folder)
            return layout.tree.create_once(folder / use_name(use), text_of(use))
        except FileNotFoundError:
            return False  # deleted or renamed at this moment, or merged later: the run says all


def use_of(run: RunPath, link: RunLink) -> Use:
    """What the collection is told of what a run says."""
    return Use(at=link.at, artifact_id=link.artifact.version, run=run, use_as=link.use_as)


def link_name(relation: Relation, artifact_id: str) -> str:
    """How the file with a run is called."""
    return f"{relation}-{artifact_id}.json"


def use_name(use: Use) -> str:
    """How the file with a collection is called."""
    return f"{use.artifact_id}-{hashlib.sha256(str(use.run).encode()).hexdigest()[:32]}.json"


def links_of_run(layout: Layout, run: RunPath, relation: Relation) -> list[RunLink]:
    """What a run did, in the order in which it did it. What cannot be read is left to `check`."""
    folder = links_dir(layout, run)
    found = [
        read_link(folder / name, layout.tree)
        for name in layout.tree.list_names(folder)
        if name.startswith(f"{relation}-")
    ]
    return sorted((link for link in found if link is not None), key=lambda link: (link.at, link.artifact))


def users_of(layout: Layout, artifact: ArtifactPath) -> list[RunPath]:
    """The runs that used a version, named by its id, in the order in which they first did."""
    folder = uses_dir(layout, artifact.collection)
    names = [name for name in layout.tree.list_names(folder) if name.startswith(f"{artifact.version}-")]
    uses = [use for name in names if (use := read_use(folder / name, layout.tree)) is not None]
    return [use.run for use in sorted(uses, key=lambda use: (use.at, use.run))]


def links_dir(layout: Layout, run: RunPath) -> Path:
    """Where a run says which versions it logged and used."""
    return layout.run_dir(run) / "artifacts"


def uses_dir(layout: Layout, collection: CollectionPath) -> Path:
    """Where a collection says which runs used its versions."""
    return layout.collection_dir(collection) / "uses"


def text_of(made: RunLink | Use) -> str:
    """The content of such a file; BadValueError for what cannot be stored."""
    prove_plain("what a run did with an artifact", made)
    return msgspec.json.encode(made).decode() + "\n"


def read_link(file: Path, tree: Tree = DISK_TREE) -> RunLink | None:
    """What such a file says; None for one that is gone, or makes no sense."""
    link = _read(file, RunLink, tree)
    try:
        if link is not None:
            prove_time("the time of a use", link.at)
            check_artifact_path(link.artifact)
            check_artifact_id(link.artifact.version)
    except BadValueError:
        return None
    return link


def read_use(file: Path, tree: Tree = DISK_TREE) -> Use | None:
    """The same with a collection."""
    use = _read(file, Use, tree)
    try:
        if use is not None:
            prove_time("the time of a use", use.at)
            check_artifact_id(use.artifact_id)
            check_run_path(use.run)
    except BadValueError:
        return None
    return use


def _read(file: Path, kind: type[T], tree: Tree) -> T | None:
    try:
        return msgspec.json.decode(tree.read(file), type=ready(kind))
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
        return None
