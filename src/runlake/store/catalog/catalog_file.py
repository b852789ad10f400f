"""The catalog on disk: what spares the next process the folding of every run.

For each project there is a *head*, a small file, and beside it the columns that the head names: most runs, in a file
that never changes. Each head is all that one process knew at one moment, put in place in one step. So there is nothing
to lock and nothing to agree on: processes that save at once leave the head of the last of them, which is as right
as the others; a head that cannot be read, or whose columns are gone, is as good as none.

What is stored depends on the fields of `RunInfo`; their digest is part of the names, so that versions that differ keep
catalogs of their own.
"""

from __future__ import annotations

import errno
import hashlib
import secrets
import time
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from runlake.errors import CorruptError, StoreError
from runlake.model import MetricRule, RunInfo
from runlake.ready import ready
from runlake.store.catalog.columns_file import DamagedFileError, read_columns, write_columns
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords
from runlake.store.catalog.run_columns import ROOTS, Root
from runlake.store.changes import SeenChanges
from runlake.store.disk import TEMPORARY_PREFIX, make_folder, read_whole, remove, replace_file, touch
from runlake.store.stored_names import is_one_part
from runlake.values import MAX_DEPTH, encode_json, stored_json

FORMAT = 2
_MAGIC = b"rlhead\x00\x01"
_FULL_ERRNOS = frozenset({errno.ENOSPC, errno.EDQUOT})
_SUPERSEDED_S = 600.0
"""Columns that no head has named for so long are removed; who names old ones again makes them young first."""

_ABANDONED_S = 30 * 86400.0
_ATTEMPTS = 5


class CatalogUnusableError(StoreError):
    """There can be no catalog at this place."""


class StoredRow(msgspec.Struct, array_like=True):
    """A `CatalogRow`. `info` is msgpack, and `trees` JSON where config or summary hold what msgpack cannot."""

    info: bytes | None
    fingerprint: int
    is_open: bool
    problem: str | None
    watch_until_s: float
    trees: str | None


class _Head(msgspec.Struct):
    entity: str
    project: str
    columns_name: str | None
    overlay: dict[str, StoredRow]
    packs: list[str]
    loose: list[str]
    deaths: dict[str, tuple[int, bool]]
    folder_stamp: tuple[int, int, int] | None
    run_count: int


class CatalogFile:
    """The heads and columns of all projects, in one folder. Nothing is held open."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def load(self, entity: str, project: str) -> ProjectRecords | None:
        """What was last saved; None where there is nothing, or nothing whole."""
        for _ in range(_ATTEMPTS):
            head = self._read_head(entity, project)
            if head is None:
                return None
            try:
                columns = read_columns(self.folder / head.columns_name) if head.columns_name else None
            except FileNotFoundError:
                continue  # superseded meanwhile: then there is another head
            except (DamagedFileError, OSError):
                return None  # damaged, or not ours to read
            if columns is not None and (columns.entity, columns.project) != (entity, project):
                return None
            seen = SeenChanges(frozenset(head.packs), frozenset(head.loose))
            overlay = unpack_rows(head.overlay)
            if overlay is None:
                return None
            return ProjectRecords(columns, overlay, seen, head.deaths, head.folder_stamp, head.columns_name)
        return None

    def save(self, entity: str, project: str, records: ProjectRecords, *, is_partial: bool = False) -> None:
        """Put a new head in place; where the disk is full, the old one stays. Notes `records.columns_name`.

        What `is_partial` does not replace a head that knows of more runs. `CatalogUnusableError` when nothing can be
        written here.
        """
        try:
            make_folder(self.folder)
            if is_partial:
                other = self._read_head(entity, project)
                if other is not None and other.run_count > records.run_count:
                    return
            self.save_columns(entity, project, records)
            head = _Head(
                entity=entity,
                project=project,
                columns_name=records.columns_name,
                overlay={folder: pack_row(row) for folder, row in records.overlay.items()},
                packs=sorted(records.seen.packs),
                loose=sorted(records.seen.loose),
                deaths=records.deaths,
                folder_stamp=records.folder_stamp,
                run_count=records.run_count,
            )
            body = msgspec.msgpack.encode(head)
            content = _MAGIC + zlib.crc32(body).to_bytes(4, "little") + body
            replace_file(self._head_file(entity, project), content)
        except OSError as error:
            if error.errno not in _FULL_ERRNOS:
                raise CatalogUnusableError(f"{self.folder}: {error}") from error

    def save_columns(self, entity: str, project: str, records: ProjectRecords) -> None:
        """Have the columns on the disk, and young. Notes `records.columns_name`; OSError of the disk."""
        if records.columns is None:
            records.columns_name = None
            return
        if records.columns_name is not None:
            try:
                touch(self.folder / records.columns_name)
                return
            except FileNotFoundError:
                pass  # somebody removed it: it is written again
        name = f"{file_stem(entity, project)}-{secrets.token_hex(6)}.columns"
        write_columns(self.folder / name, records.columns)
        records.columns_name = name
        self._remove_old(f"{file_stem(entity, project)}-", name)

    def _read_head(self, entity: str, project: str) -> _Head | None:
        try:
            content = read_whole(self._head_file(entity, project))
        except OSError:
            return None
        body = content[12:]
        if content[:8] != _MAGIC or int.from_bytes(content[8:12], "little") != zlib.crc32(body):
            return None
        try:
            head = msgspec.msgpack.decode(body, type=ready(_Head))
        except (msgspec.MsgspecError, RecursionError):
            return None  # by another version, whatever its name says
        is_here = head.columns_name is None or is_one_part(head.columns_name)
        return head if is_here and (head.entity, head.project) == (entity, project) else None

    def _head_file(self, entity: str, project: str) -> Path:
        return self.folder / f"{file_stem(entity, project)}.head"

    def _remove_old(self, prefix: str, kept: str) -> None:
        now = time.time()
        for file in list(self.folder.iterdir()):
            is_ours = file.name.startswith(prefix) and file.suffix == ".columns" and file.name != kept
            limit_s = _SUPERSEDED_S if is_ours or file.name.startswith(TEMPORARY_PREFIX) else _ABANDONED_S
            try:
                if now - file.stat().st_mtime > limit_s:
                    remove(file)
            except OSError:
                continue  # gone already, or in use: the next one tries again


def unnamed_columns(folder: Path) -> list[Path]:
    """The columns in a catalog folder that its heads do not name; none beside a head that cannot be read."""
    named: set[str] = set()
    heads = sorted(folder.glob("*.head")) if folder.is_dir() else []
    for file in heads:
        try:
            named.add(msgspec.msgpack.decode(file.read_bytes()[12:], type=ready(_Head)).columns_name or "")
        except (OSError, msgspec.MsgspecError, RecursionError):
            return []
    return [file for file in sorted(folder.glob("*.columns")) if file.name not in named]


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(RunInfo)


_Trees = dict[Root, dict[str, Any]]


def pack_row(row: CatalogRow) -> StoredRow:
    """A row as it is written down."""
    info, trees = None, None
    if row.info is not None:
        try:
            info = _ENCODER.encode(row.info)
        except (OverflowError, UnicodeEncodeError):  # integers beyond 64 bits, text that is not valid Unicode
            trees = str(encode_json({root: getattr(row.info, root) for root in ROOTS}))
            info = _ENCODER.encode(msgspec.structs.replace(row.info, **{root: {} for root in ROOTS}))
    return StoredRow(info, row.fingerprint, row.is_open, row.problem, row.watch_until_s, trees)


def unpack_row(row: StoredRow) -> CatalogRow:
    """The inverse of `pack_row`."""
    info = None if row.info is None else _DECODER.decode(row.info)
    if info is not None and row.trees is not None:
        info = msgspec.structs.replace(
            info, **msgspec.convert(stored_json(row.trees, 2 * MAX_DEPTH), type=ready(_Trees))
        )
    return CatalogRow(info, row.fingerprint, row.is_open, row.problem, row.watch_until_s)


def unpack_rows(rows: Mapping[str, StoredRow]) -> dict[str, CatalogRow] | None:
    """What `unpack_row` makes of each; None where one of them is no row, so that nothing there can be trusted."""
    try:
        return {folder: unpack_row(row) for folder, row in rows.items()}
    except (msgspec.MsgspecError, CorruptError, TypeError, RecursionError):
        return None


def _digest_of_fields() -> str:
    fields = [(one.name, str(one.type)) for kind in (RunInfo, MetricRule) for one in msgspec.structs.fields(kind)]
    return hashlib.sha256(repr((FORMAT, fields)).encode()).hexdigest()[:8]


FIELDS = _digest_of_fields()


def file_stem(entity: str, project: str) -> str:
    """How the names of all files of a project begin."""
    return f"{hashlib.sha256(f'{entity}/{project}'.encode()).hexdigest()[:20]}-{FIELDS}"
