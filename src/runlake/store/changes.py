"""The changes of a project: how a reader learns which runs moved, without looking at every run.

A change is an empty file in ``changes/`` whose name says everything::

    <time><random>#<action>#<incarnation>#<run folder>#<writer>

with the writer's clock in microseconds as 14 hexadecimal digits. Making it is one create-if-absent: nothing is
appended to, locked or torn, and two copies of a project are brought together by copying files. A reader remembers the
names it has seen and acts on the others, whatever sizes, times or offsets a file system claims.

When there are many, the names are written into ``changes/packed/<hash of the content>.changes``, one a line, and the
files go (`pack_changes`). The pack is there before they go, so who lists the files first and the packs then misses
nothing, however many packers are at work. Doing it twice, or two at once, only says things twice.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from msgspec import Struct, field

from runlake.errors import ReadOnlyError, StoreError
from runlake.model import RunPath
from runlake.store.disk import (
    READ_ONLY_ERRNOS,
    TEMPORARY_PREFIX,
    create_empty,
    list_names,
    make_folder,
    remove,
    replace_file,
)
from runlake.store.layout import Layout, decode_name, encode_name

Action = Literal["init", "finish", "edit", "seal", "delete", "undelete", "files"]
ACTIONS: frozenset[str] = frozenset(get_args(Action))

PACK_AT = 4096
"""A reader that finds this many loose changes packs them: listing them all is what a refresh pays each time."""

_PACKED = "packed"
_SUFFIX = ".changes"
_NAME_BYTES = 255
_ATTEMPTS = 20
_MARK = "#"
_PLAIN_WRITER = re.compile(r"[^0-9A-Za-z._=-]")


class Change(Struct, frozen=True):
    """One change: `folder` is the name of the run's folder, `at_us` microseconds since 1970 by the writer's clock."""

    action: str
    folder: str
    incarnation: str
    at_us: int = 0


class SeenChanges(Struct, frozen=True):
    """What a reader has read: whole packs, and loose changes that were not packed when it looked."""

    packs: frozenset[str] = frozenset()
    loose: frozenset[str] = frozenset()


class ChangeScan(Struct, frozen=True):
    """What was new, in the order of the writers' clocks; `seen` is to be passed to the next scan.

    `is_garbled` says that a pack is not as it was written, so that any run of the project may have moved.
    """

    changes: list[Change] = field(default_factory=list)
    seen: SeenChanges = SeenChanges()
    is_garbled: bool = False


def append_change(
    layout: Layout, path: RunPath, writer: str, action: Action, incarnation: str, *, after_us: int = 0
) -> None:
    """Tell the readers of the project that a run moved; `ReadOnlyError` when the store cannot be written.

    The project's folders are created when they are missing. The change counts as later than `after_us`, whatever the
    clock says.
    """
    folder = layout.changes_dir(path.entity, path.project)
    name = new_name(path, writer, action, incarnation, after_us=after_us)
    try:
        try:
            create_empty(folder / name)
        except FileNotFoundError:
            make_folder(folder)
            create_empty(folder / name)
    except OSError as error:
        if error.errno not in READ_ONLY_ERRNOS:
            raise
        raise ReadOnlyError(
            f"cannot note in {folder} that {path} changed, because the store cannot be written: {error}"
        ) from error


def new_name(path: RunPath, writer: str, action: Action, incarnation: str, *, after_us: int = 0) -> str:
    """The name of a change that is made now."""
    at_us = max(time.time_ns() // 1000, after_us + 1)
    name = f"{at_us:014x}{os.urandom(4).hex()}#{action}#{encode_name(incarnation)}#{encode_name(path.run_id)}#"
    return name + _PLAIN_WRITER.sub("", writer)[: max(0, _NAME_BYTES - len(name))]


def read_changes(changes_dir: Path, seen: SeenChanges) -> ChangeScan:
    """Everything that was noted and is not in `seen`."""
    for _ in range(_ATTEMPTS):
        loose = _loose_names(changes_dir)  # first: they are removed after they were packed
        packs = _pack_names(changes_dir)
        try:
            packed = [_read_pack(changes_dir, name) for name in sorted(packs - seen.packs)]
        except FileNotFoundError:
            continue  # the project is being removed
        names = {name for names in packed for name in names or ()}
        found = [change for name in sorted((names | loose) - seen.loose) if (change := parse_name(name))]
        return ChangeScan(found, SeenChanges(packs, loose), None in packed)
    raise StoreError(f"{changes_dir} changes too fast to be read: {_ATTEMPTS} attempts; is somebody removing it?")


def pack_changes(changes_dir: Path) -> int:
    """Write all loose changes into one pack and remove their files; answers how many. OSError where it cannot."""
    names = sorted(name for name in _loose_names(changes_dir) if parse_name(name))
    if not names:
        return 0
    write_pack(changes_dir, names)
    for name in names:
        remove(changes_dir / name)
    return len(names)


def write_pack(changes_dir: Path, names: Iterable[str]) -> None:
    """A pack of these names."""
    content = "".join(f"{name}\n" for name in names).encode()
    folder = changes_dir / _PACKED
    folder.mkdir(exist_ok=True)
    replace_file(folder / f"{_digest(content)}{_SUFFIX}", content, is_synced=True)


def garbled_packs(changes_dir: Path) -> list[Path]:
    """The packs that are not as they were written."""
    found = []
    for name in sorted(_pack_names(changes_dir)):
        try:
            if _read_pack(changes_dir, name) is None:
                found.append(changes_dir / _PACKED / name)
        except FileNotFoundError:
            continue  # removed at this moment
    return found


def latest_death(changes_dir: Path, incarnation: str) -> Change | None:
    """The last delete or undelete of one incarnation, loose or packed."""
    names = _names_with(changes_dir, f"#{encode_name(incarnation)}#")
    deaths = [change for name in sorted(names) if (change := parse_name(name)) and change.action.endswith("delete")]
    return deaths[-1] if deaths else None


def latest_deaths(changes_dir: Path) -> dict[str, tuple[Change, str]]:
    """The last delete or undelete of every incarnation that has one, and the name under which it was noted."""
    found: dict[str, tuple[Change, str]] = {}
    for name in sorted(_names_with(changes_dir, "delete#")):
        change = parse_name(name)
        if change is not None and change.action.endswith("delete"):
            found[change.incarnation] = (change, name)
    return found


def copy_change(changes_dir: Path, name: str) -> None:
    """Note a change of another copy of the project, as it was noted there. OSError where that cannot be."""
    make_folder(changes_dir)
    try:
        create_empty(changes_dir / name)
    except FileExistsError:
        pass  # brought before


def _names_with(changes_dir: Path, text: str) -> set[str]:
    """The names of all changes that contain a text. Loose ones first: they are removed after they were packed."""
    names = {name for name in _loose_names(changes_dir) if text in name}
    for pack in _pack_names(changes_dir):
        names |= {name for name in _read_pack(changes_dir, pack) or () if text in name}
    return names


def parse_name(name: str) -> Change | None:
    """What the name of a change file says, or None where it is none."""
    parts = name.split(_MARK)
    if len(parts) != 5 or parts[1] not in ACTIONS or not parts[2] or not parts[3]:
        return None
    if "/" in name or "\\" in name:
        return None  # a line of a pack that leads elsewhere
    try:
        at_us = int(parts[0][:14], 16)
    except ValueError:
        return None
    incarnation = parts[2] if parts[2].isalnum() else decode_name(parts[2])
    return Change(parts[1], parts[3], incarnation, at_us)


def _loose_names(changes_dir: Path) -> frozenset[str]:
    return frozenset(name for name in list_names(changes_dir) if _MARK in name)


def _pack_names(changes_dir: Path) -> frozenset[str]:
    folder = changes_dir / _PACKED
    names = (name for name in list_names(folder) if name.endswith(_SUFFIX) and not name.startswith(TEMPORARY_PREFIX))
    return frozenset(name for name in names if not (folder / name).is_dir())


def _read_pack(changes_dir: Path, name: str) -> list[str] | None:
    """The names in a pack; None where its content is not what its name says."""
    content = (changes_dir / _PACKED / name).read_bytes()
    return content.decode("utf-8", "replace").splitlines() if f"{_digest(content)}{_SUFFIX}" == name else None


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
