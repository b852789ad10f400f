"""Which runs logged and used which versions: a small file with the run, and one with the collection.

That with the run is made first, and says all: what is missing with the collection is made again by `repair`.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TypeVar

import msgspec

from runlake.artifact_model import ArtifactPath, CollectionPath, Relation
from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.store.artifacts.collection import writing
from runlake.store.disk import create_once, list_names, make_subfolder, read_whole
from runlake.store.layout import Layout

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
        use = Use(at=link.at, artifact_id=link.artifact.version, run=run, use_as=link.use_as)
        note_use(layout, link.artifact.collection, use)


def note_link(layout: Layout, run: RunPath, relation: Relation, link: RunLink) -> bool:
    """Only with the run; whether it was not known. `NotFoundError` when there is no such run."""
    folder = _folder_of(layout, run)
    with writing(folder):
        try:
            make_subfolder(folder)
        except FileNotFoundError:
            raise NotFoundError(f"there is no run {run}, so it cannot have {relation} {link.artifact}") from None
        return create_once(folder / link_name(relation, link), _text(link))


def note_use(layout: Layout, collection: CollectionPath, use: Use) -> bool:
    """Only with the collection; whether it was not known. FileNotFoundError when there is no such collection."""
    folder = layout.collection_dir(collection) / "uses"
    with writing(folder):
        return create_once(folder / use_name(use), _text(use))


def link_name(relation: Relation, link: RunLink) -> str:
    """What the file with a run is called."""
    return f"{relation}-{link.artifact.version}.json"


def use_name(use: Use) -> str:
    """What the file with a collection is called."""
    return f"{use.artifact_id}-{hashlib.sha256(str(use.run).encode()).hexdigest()[:32]}.json"


def links_of_run(layout: Layout, run: RunPath, relation: Relation) -> list[RunLink]:
    """What a run did, in the order in which it did it. What cannot be read is left to `check`."""
    folder = _folder_of(layout, run)
    found = [_read(folder / name, RunLink) for name in list_names(folder) if name.startswith(f"{relation}-")]
    return sorted((link for link in found if link is not None), key=lambda link: (link.at, link.artifact))


def users_of(layout: Layout, artifact: ArtifactPath) -> list[RunPath]:
    """The runs that used a version, named by its id, in the order in which they first did."""
    folder = _uses_of(layout, artifact)
    names = [name for name in list_names(folder) if name.startswith(f"{artifact.version}-")]
    uses = [use for name in names if (use := _read(folder / name, Use)) is not None]
    return [use.run for use in sorted(uses, key=lambda use: (use.at, use.run))]


def _folder_of(layout: Layout, run: RunPath) -> Path:
    return layout.run_dir(run) / "artifacts"


def _uses_of(layout: Layout, artifact: ArtifactPath) -> Path:
    return layout.collection_dir(artifact.collection) / "uses"


def _text(made: RunLink | Use) -> str:
    return msgspec.json.encode(made).decode() + "\n"


def _read(file: Path, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(read_whole(file), type=kind)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
