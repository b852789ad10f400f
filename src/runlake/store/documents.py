"""Small named values that are replaced as a whole: what is kept beside runs and has no better place.

`Documents` is what can be asked, `FolderDocuments` those in a folder; `store.documents_in_memory` has the others.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple, Protocol

from runlake.errors import BadValueError
from runlake.store import disk
from runlake.store.layout import decode_name, encode_name, is_hashed


class DocumentName(NamedTuple):
    """One that is there: `written_at` is when it was written last, in seconds since 1970."""

    name: str
    written_at: float


class Documents(Protocol):
    """The documents of one place. Any number of processes read and change them at once.

    A name is any text that is not empty and, as `layout.encode_name` writes it, not longer than a folder's name may be:
    66 letters of ASCII are, and 16 of any script; BadValueError for others. A reader has a document as it was written,
    whole: the old one or the new one. OSError or ReadOnlyError where a place cannot be written.
    """

    def create(self, name: str, body: bytes) -> bool:
        """Make a document; False when there is one of that name, which stays as it is.

        Of several who try at once exactly one is told True.
        """
        ...

    def replace(self, name: str, body: bytes) -> None:
        """Make a document, or put another in its place."""
        ...

    def read(self, name: str) -> bytes | None:
        """The document; None when there is none."""
        ...

    def list_names(self) -> list[DocumentName]:
        """Those that are there, by name."""
        ...

    def remove(self, name: str) -> None:
        """Remove a document; that it is gone already is fine."""
        ...


def check_document_name(name: str) -> str:
    """The name itself; BadValueError for what cannot be one."""
    if not name or is_hashed(encode_name(name)):
        raise BadValueError(f"a document cannot be called {name[:80]!r}: use 1 to 66 letters of ASCII")
    return name


class FolderDocuments:
    """Documents as files of a folder, which is made in one that is there."""

    def __init__(self, folder: Path, suffix: str = "") -> None:
        self.folder, self._suffix = folder, suffix

    def create(self, name: str, body: bytes) -> bool:
        file = self._file(name)
        disk.make_subfolder(self.folder)
        return disk.create_once(file, body)

    def replace(self, name: str, body: bytes) -> None:
        file = self._file(name)
        disk.make_subfolder(self.folder)
        disk.replace_file(file, body)

    def read(self, name: str) -> bytes | None:
        try:
            return disk.read_whole(self._file(name))
        except (FileNotFoundError, NotADirectoryError):
            return None

    def list_names(self) -> list[DocumentName]:
        found = []
        for file_name in disk.list_names(self.folder):
            name = decode_name(file_name.removesuffix(self._suffix))
            if name and not file_name.startswith(".") and self._file(name).name == file_name:
                try:
                    found.append(DocumentName(name, (self.folder / file_name).stat().st_mtime))
                except FileNotFoundError:
                    continue  # removed at this moment
        return sorted(found)

    def remove(self, name: str) -> None:
        disk.remove(self._file(name))

    def _file(self, name: str) -> Path:
        return self.folder / f"{encode_name(check_document_name(name))}{self._suffix}"
