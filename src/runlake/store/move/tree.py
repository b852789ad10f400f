"""Small files from a tree into another."""

from __future__ import annotations

from pathlib import Path

from runlake.errors import ConflictError
from runlake.store.tree import Tree


def copy_folder(theirs: Tree, source: Path, ours: Tree, target: Path) -> int:
    """Copy all files below a folder that are not there; answers how many bytes that were.

    ConflictError for one that is there with other bytes.
    """
    copied_bytes = 0
    if not theirs.has_folder(source):
        return 0
    ours.make_folder(target)
    folders = set(theirs.list_folders(source))
    for name in sorted(theirs.list_names(source)):
        if name in folders:
            copied_bytes += copy_folder(theirs, source / name, ours, target / name)
        elif not name.startswith("."):
            copied_bytes += copy_file(theirs, source / name, ours, target / name)
    return copied_bytes


def copy_file(theirs: Tree, source: Path, ours: Tree, target: Path) -> int:
    """The same of one file, into a folder that is there."""
    content = theirs.read(source)
    if ours.size_bytes(target) is None:
        ours.replace(target, content)
        return len(content)
    if ours.read(target) != content:
        raise ConflictError(f"{target} has other bytes there: it was written since it was moved; nothing was replaced")
    return 0
