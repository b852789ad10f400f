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
from runlake.store.artifacts.collection import read_artifact_id
from runlake.store.disk import create_once, list_names, make_subfolder, read_whole
from runlake.store.layout import Layout


class LinkedTo(msgspec.Struct, frozen=True, kw_only=True):
    """A portfolio that a version was linked to."""

    target: CollectionPath


def note_linked(layout: Layout, artifact_id: str, target: CollectionPath) -> None:
    """Note that a version is linked to a portfolio, once. One that is not in this store is left out."""
    try:
        folder = _folder(layout, read_artifact_id(layout, artifact_id))
        make_subfolder(folder)
    except (NotFoundError, FileNotFoundError):
        return
    name = f"{artifact_id}-{hashlib.sha256(str(target).encode()).hexdigest()[:32]}.json"
    create_once(folder / name, msgspec.json.encode(LinkedTo(target=target)).decode() + "\n")


def linked_to(layout: Layout, home: ArtifactPath) -> list[CollectionPath]:
    """The portfolios that a version, named by its id, was ever linked to, by their names."""
    folder = _folder(layout, home)
    found = []
    for name in list_names(folder):
        if name.startswith(f"{home.version}-"):
            try:
                found.append(msgspec.json.decode(read_whole(folder / name), type=LinkedTo).target)
            except (FileNotFoundError, msgspec.MsgspecError):
                continue  # it says nothing of where the link would be
    return sorted(found)


def _folder(layout: Layout, home: ArtifactPath) -> Path:
    return layout.collection_dir(home.collection) / "links"
