"""Mending what is wrong with the artifacts of a project: notes are made anew, altered contents put aside if asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from runlake.artifact_model import CollectionPath
from runlake.errors import NotFoundError, StoreError
from runlake.store.artifacts.collection import CollectionFolder
from runlake.store.artifacts.fold import CollectionFold
from runlake.store.care.artifact_notes import find_lost_notes
from runlake.store.care.damage import Damage, Remedy
from runlake.store.care.garbage import Quarantine
from runlake.store.disk import make_folder, replace_file
from runlake.store.folder_store import FolderStore
from runlake.store.layout import encode_name


def mend_artifacts(
    layout: FolderStore, project: tuple[str, str], damages: list[Damage], *, is_dry: bool, is_forced: bool
) -> Mapping[Damage, Remedy]:
    """What was done about each damage that can be mended; a content is moved aside only if `is_forced`."""
    remedies = dict(_make_notes_anew(layout, project, damages, is_dry=is_dry))
    aside = Quarantine(layout)
    for damage in damages:
        if damage.file.name == "id" and damage.file.parent.parent == layout.collections_dir(*project):
            name = _name_said(layout, project, damage)
            if name is not None:
                if not is_dry:
                    replace_file(damage.file, name.encode())
                remedies[damage] = Remedy(damage.kind, damage.file, f"made anew: it is called {name!r}", damage.lost)
        elif is_forced and damage.kind == "corrupt" and damage.file.is_relative_to(layout.content_dir):
            if not is_dry:
                aside.take(damage.file)
            remedies[damage] = Remedy(damage.kind, damage.file, "moved to the trash", damage.lost)
    return remedies


def _make_notes_anew(
    layout: FolderStore, project: tuple[str, str], damages: list[Damage], *, is_dry: bool
) -> Iterator[tuple[Damage, Remedy]]:
    by_file = {damage.file: damage for damage in damages}
    for note in list(find_lost_notes(layout, *project)):
        damage = by_file.get(note.file)
        if damage is None:
            continue  # since the look
        if not is_dry:
            make_folder(note.file.parent)
            replace_file(note.file, note.content)
        yield damage, Remedy(damage.kind, damage.file, "made anew", damage.lost)


def _name_said(layout: FolderStore, project: tuple[str, str], damage: Damage) -> str | None:
    """How the ledger of a collection says that it is called, if its folder fits to that."""
    folder = damage.file.parent
    collection = CollectionFolder(layout, CollectionPath(*project, "any"), folder)
    try:
        fold: CollectionFold = collection.catch_up()
    except (StoreError, NotFoundError):
        return None
    return fold.called if fold.called and encode_name(fold.called) == folder.name else None
