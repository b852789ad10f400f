"""A log of the versions of a project that one process has listed, so that every process on the store can load them.

Beside the catalog each process keeps a file that only grows. It begins with what the process knew beside the columns
that it names (`catalog.catalog_file`), and each later state is what had moved since the one before. A version is the
name of such a file and the place of a state in it. Nothing is locked: one process writes a file, the others read what
stands before the version they were asked for.

Derived like the catalog: a version that nobody has asked for within `KEPT_S` may be gone.
"""

from __future__ import annotations

import os
import re
import secrets
import time
import zlib
from contextlib import suppress
from pathlib import Path

import msgspec

from runlake.ready import ready
from runlake.store import disk
from runlake.store.catalog.catalog_file import StoredRow, file_stem, pack_row, unpack_rows
from runlake.store.catalog.project_records import CatalogRow, ProjectRecords
from runlake.store.stored_names import is_one_part

KEPT_S = 600.0
"""As long as columns that are superseded are kept: a state is its file and its columns."""

_TOUCH_S = 30.0
GROWS_BYTES = 4 * 2**20
"""A log that is longer than this, and than twice its first state, is begun anew."""

_SUFFIX = ".states"
_VERSION = re.compile(r"([0-9a-f]{16})\.([0-9]{1,9})")


class _State(msgspec.Struct, array_like=True):
    """What has changed since the state before; the first one of a file names its columns and has all rows."""

    rows: dict[str, StoredRow]
    gone: list[str]
    columns_name: str | None = None


class VersionLog:
    """The versions of one project that this process has appended. Not for several threads at once."""

    def __init__(self, folder: Path, entity: str, project: str, *, grows_bytes: int = GROWS_BYTES) -> None:
        self._folder, self._stem, self._grows_bytes = folder, file_stem(entity, project), grows_bytes
        self._token: str | None = None
        self._rows: dict[str, CatalogRow] = {}
        self._columns_name: str | None = None
        self._count = 0
        self._first_bytes = self._size_bytes = 0
        self._touched_at_s = 0.0

    def append(self, records: ProjectRecords) -> str:
        """The version of a new state, whose columns must be on the disk. OSError where it cannot be written down."""
        try:
            if self._token is None or records.columns_name != self._columns_name or self._has_grown():
                self._begin(records)
            else:
                try:
                    self._go_on(records)
                except FileNotFoundError:  # somebody deleted the catalog
                    self._begin(records)
        except OSError:
            self._token = None  # what stands behind half a state cannot be read
            raise
        return f"{self._token}.{self._count}"

    def keep(self) -> bool:
        """Whether the newest version is still there; it is then for another while."""
        if self._token is None or time.monotonic() - self._touched_at_s < _TOUCH_S:
            return self._token is not None
        try:
            self._touch()
        except OSError:
            self._token = None
        return self._token is not None

    def _begin(self, records: ProjectRecords) -> None:
        _remove_old(self._folder)
        self._token, self._count, self._columns_name = secrets.token_hex(8), 0, records.columns_name
        rows = {folder: pack_row(row) for folder, row in records.overlay.items()}
        self._first_bytes = self._size_bytes = 0
        fd = disk.create_to_append(self._file, mode=0o666)
        self._size_bytes = self._first_bytes = self._write(fd, _State(rows, [], records.columns_name))
        self._rows = dict(records.overlay)

    def _go_on(self, records: ProjectRecords) -> None:
        moved = {folder: pack_row(row) for folder, row in records.overlay.items() if self._rows.get(folder) is not row}
        gone = [folder for folder in self._rows if folder not in records.overlay]
        self._size_bytes += self._write(disk.open_to_append(self._file), _State(moved, gone))
        self._rows = dict(records.overlay)
        self._count += 1

    def _write(self, fd: int, state: _State) -> int:
        body = msgspec.msgpack.encode(state)
        content = len(body).to_bytes(4, "little") + zlib.crc32(body).to_bytes(4, "little") + body
        try:
            disk.append_whole(disk.writer_to(fd, self._file), fd, content, self._size_bytes)
        finally:
            os.close(fd)
        self._touch()
        return len(content)

    def _touch(self) -> None:
        for file in (self._file, self._folder / self._columns_name if self._columns_name else None):
            if file is not None:
                disk.touch(file)
        self._touched_at_s = time.monotonic()

    def _has_grown(self) -> bool:
        return self._size_bytes > 2 * self._first_bytes + self._grows_bytes

    @property
    def _file(self) -> Path:
        return self._folder / f"{self._stem}-{self._token}{_SUFFIX}"


def load_version(folder: Path, entity: str, project: str, version: str) -> ProjectRecords | None:
    """The state of a version of whichever process: the rows, and the name of the columns. None if it is gone."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return None
    file = folder / f"{file_stem(entity, project)}-{found[1]}{_SUFFIX}"
    try:
        content = disk.read_whole(file)
        disk.touch(file)
    except OSError:
        return None
    stored: dict[str, StoredRow] = {}
    columns_name: str | None = None
    offset = 0
    for number in range(int(found[2]) + 1):
        size, crc = (int.from_bytes(content[offset + place : offset + place + 4], "little") for place in (0, 4))
        body = content[offset + 8 : offset + 8 + size]
        if not size or len(body) < size or zlib.crc32(body) != crc:
            return None
        try:
            state = msgspec.msgpack.decode(body, type=ready(_State))
        except (msgspec.MsgspecError, RecursionError):
            return None
        if number == 0:
            columns_name = state.columns_name
        stored |= state.rows
        for gone in state.gone:
            stored.pop(gone, None)
        offset += 8 + size
    if columns_name is not None:
        if not is_one_part(columns_name):
            return None
        with suppress(OSError):  # reading it will say that it is gone
            disk.touch(folder / columns_name)
    overlay = unpack_rows(stored)
    return None if overlay is None else ProjectRecords(overlay=overlay, columns_name=columns_name)


def _remove_old(folder: Path) -> None:
    for file in folder.glob(f"*{_SUFFIX}"):
        with suppress(OSError):  # gone already, or in use: the next one tries again
            if time.time() - file.stat().st_mtime > KEPT_S:
                disk.remove(file)
