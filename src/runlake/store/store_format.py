"""``store.toml``: says that a folder is a store, and in which format its folders are laid out.

What lies in the folders says its own format in every file; this one is raised when they are laid out anew.
"""

from __future__ import annotations

import os
import re

from runlake.errors import CorruptError, NewerFormatError, ReadOnlyError
from runlake.store.disk import make_folder, replace_file
from runlake.store.layout import Layout

FORMAT_VERSION = 1

_NAME = "store.toml"
_MAX_BYTES = 65_536
_VERSION = re.compile(rb"^format_version *= *(\d{1,9})\r?$", re.MULTILINE)
"""By hand: the training process reads it, and a parser of TOML takes milliseconds to load."""


def create_store(layout: Layout) -> None:
    """Make the folder a store, if it is none. ReadOnlyError when it cannot be written, NewerFormatError for a newer."""
    if is_store(layout):
        check_format(layout)
        return
    try:
        make_folder(layout.root)
        content = f'format_version = {FORMAT_VERSION}\nid = "{os.urandom(8).hex()}"\n'
        replace_file(layout.root / _NAME, content.encode())
    except OSError as error:
        raise ReadOnlyError(
            f"the store {layout.root} cannot be written: {error}; choose another with RUNLAKE_DIR"
        ) from error


def is_store(layout: Layout) -> bool:
    """Whether there is a mark."""
    return (layout.root / _NAME).is_file()


def read_format(layout: Layout) -> int:
    """The format that the mark names. FileNotFoundError when there is none, CorruptError when it says nothing."""
    file = layout.root / _NAME
    try:
        with file.open("rb") as opened:
            content = opened.read(_MAX_BYTES)
    except IsADirectoryError:
        raise CorruptError(f"{file} is a folder, and should be a file; run `runlake repair`") from None
    found = _VERSION.search(content)
    if found is None:
        raise CorruptError(f"{file} cannot be read: it begins with {content[:40]!r}; run `runlake repair`")
    return int(found[1])


def check_format(layout: Layout) -> None:
    """NewerFormatError for a store of a later format; a mark that is missing or damaged keeps nobody out."""
    try:
        version = read_format(layout)
    except (OSError, CorruptError):
        return
    if version > FORMAT_VERSION:
        raise NewerFormatError(
            f"{layout.root / _NAME}: store format {version}; this runlake reads up to {FORMAT_VERSION}: upgrade"
        )
