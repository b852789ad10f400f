"""Putting files together beside where they belong, and into place when they are whole and on the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runlake.errors import StoreError
from runlake.store import disk
from runlake.store.plain_open import open_plain
from runlake.store.stored_names import is_place_of_a_run

_COPY_BYTES = 1 << 20
_OUTSIDE = "outside"


@dataclass(frozen=True, slots=True)
class Piece:
    """One file of a run, to be copied: of a file that may still grow the first `limit_bytes`.

    `content` is where its bytes are, and no link is followed to it below `root`.
    `place` is relative to the run's folder, and may lead to a file that several runs share. Pieces of a lower `phase`
    are on the disk before the first of a higher one is seen. `is_beside`: it lost its name to another file.
    """

    phase: int
    place: str
    content: Path
    root: Path
    limit_bytes: int | None = None
    modified_at_ns: int | None = None
    is_beside: bool = False

    @property
    def size_bytes(self) -> int:
        return self.content.stat().st_size if self.limit_bytes is None else self.limit_bytes

    @property
    def is_outside(self) -> bool:
        return os.path.normpath(self.place).startswith("..")

    def staged(self, staging: Path) -> Path:
        """Where the piece waits."""
        return staging / _OUTSIDE / Path(self.place).name if self.is_outside else staging / self.place


def stage(pieces: Iterable[Piece], staging: Path) -> None:
    """Write all pieces, each of them synced to disk. FileNotFoundError when one that is to be copied is gone."""
    folders = {staging}
    for piece in pieces:
        if not is_place_of_a_run(piece.place):
            raise StoreError(f"{piece.place!r} is no place for a file of a run; nothing of the run was taken")
        place = piece.staged(staging)
        disk.make_folder(place.parent)
        folders |= {folder for folder in place.parents if folder.is_relative_to(staging)}
        try:
            target = disk.create_stream(place)
        except FileExistsError:
            raise StoreError(
                f"{piece.place} and another file of the run have one name on the disk of {staging}"
            ) from None
        with target, open_plain(piece.root, piece.content) as source:
            left_bytes = piece.size_bytes
            disk.announce("write", place)
            while chunk := source.read(min(left_bytes, _COPY_BYTES)):
                target.write(chunk)
                left_bytes -= len(chunk)
        disk.sync_file(place)
        if piece.modified_at_ns is not None:
            disk.set_modified_at(place, piece.modified_at_ns)
    for folder in folders:
        disk.sync_folder(folder)


def put_in_place(pieces: Iterable[Piece], staging: Path, run_dir: Path) -> None:
    """Move staged pieces to where they belong, phase by phase; what has their name in the run's folder is replaced.

    StoreError, before the first is moved, for one that would leave the run's folder and be no shared file.
    """
    pieces = list(pieces)
    for piece in pieces:
        _check_target(piece, run_dir)
    for phase in sorted({piece.phase for piece in pieces}):
        folders = set()
        for piece in pieces:
            if piece.phase == phase:
                final = Path(os.path.normpath(run_dir / piece.place))
                disk.make_folder(final.parent)
                disk.put_in_place(piece.staged(staging), final)
                folders |= {final.parent, *(f for f in final.parents if f.is_relative_to(run_dir))}
        for folder in folders:
            disk.sync_folder(folder)


def _check_target(piece: Piece, run_dir: Path) -> None:
    """Where a piece really comes to lie: links in our own store count too."""
    folder = Path(os.path.normpath(run_dir / piece.place)).parent
    if piece.is_outside:
        is_right = folder.resolve() == (run_dir.parent.parent / "merged").resolve()
    else:
        is_right = folder.resolve().is_relative_to(run_dir.resolve())
    if not is_right:
        raise StoreError(f"{piece.place} of {run_dir} would come to lie in {folder.resolve()}; remove the link there")


def put_run_in_place(pieces: Iterable[Piece], staging: Path, run_dir: Path) -> None:
    """Make a staged folder the run's, in one step. OSError when there is one of that name."""
    put_in_place([piece for piece in pieces if piece.is_outside], staging, run_dir)
    if (staging / _OUTSIDE).is_dir():
        disk.remove_empty_folder(staging / _OUTSIDE)
    disk.move(staging, run_dir)
    disk.sync_folder(run_dir.parent)
