"""Where a version is linked to: a small file at its home for each portfolio.

So the links of one version are found without looking into every portfolio of the store. The portfolio itself says
whether the link is there still.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from runlake.artifact_model import ArtifactPath, CollectionPath
from runlake.errors import NotFoundError
from runlake.ready import ready
from runlake.store.artifacts.collection import read_artifact_id
from runlake.store.artifacts.names import check_collection_path
from runlake.store.layout import Layout
from runlake.store.tree import DISK_TREE, Tree


class LinkedTo(msgspec.Struct, frozen=True, kw_only=True):
    """A portfolio that a version was linked to."""

    target: CollectionPath


def note_linked(layout: Layout, artifact_id: str, target: CollectionPath) -> None:
    """Note that a version is linked to a portfolio, once. One that is not in this store is left out."""
    try:
        folder = linked_dir(layout, read_artifact_id(layout, artifact_id).collection)
        layout.tree.make_subfolder(folder)
    except (NotFoundError, FileNotFoundError):
        return
    layout.tree.create_once(folder / linked_name(artifact_id, target), linked_text(target))


def linked_to(layout: Layout, home: ArtifactPath) -> list[CollectionPath]:
    """The portfolios that a version, named by its id, was ever linked to, by their names."""
    folder = linked_dir(layout, home.collection)
    names = [name for name in layout.tree.list_names(folder) if name.startswith(f"{home.version}-")]
    return sorted(target for name in names if (target := read_linked(folder / name, layout.tree)) is not None)


def linked_dir(layout: Layout, home: CollectionPath) -> Path:
    """Where a collection says to which portfolios its versions were linked."""
    return layout.collection_dir(home) / "links"


def linked_name(artifact_id: str, target: CollectionPath) -> str:
    """How such a file is called."""
    return f"{artifact_id}-{hashlib.sha256(str(target).encode()).hexdigest()[:32]}.json"


def linked_text(target: CollectionPath) -> str:
    """Its content."""
    return msgspec.json.encode(LinkedTo(target=target)).decode() + "\n"


def read_linked(file: Path, tree: Tree = DISK_TREE) -> CollectionPath | None:
    """The portfolio that it names; None for one that is gone, or says nothing of where the link would be."""
    try:
        return check_collection_path(msgspec.json.decode(tree.read(file), type=ready(LinkedTo)).target)
    except (FileNotFoundError, IsADirectoryError, ValueError, RecursionError):
        return None
