"""The changes of a project: how a reader learns which runs moved, without looking at every run.

`Changes` is what can be asked, `FolderChanges` the one in a folder (`store.changes_in_memory` has the other). There, a
change is an empty file in ``changes/`` whose name says everything::

    <time><random>#<action>#<incarnation>#<run folder>#<writer>

with the writer's clock in microseconds as 14 hexadecimal digits. Making it is one create-if-absent: nothing is
appended to, locked or torn, and two copies of a project are brought together by copying files. A reader remembers the
names it has seen and acts on the others, whatever sizes, times or offsets a file system claims.

When there are many, the names are written into ``changes/packed/<hash of the content>.changes``, one a line, and the
files go (`Changes.pack`). The pack is there before they go, so who lists the files first and the packs then misses
nothing, however many packers are at work. Doing it twice, or two at once, only says things twice.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol, get_args

from msgspec import Struct, field

from runlake.errors import StoreError
from runlake.model import RunPath
from runlake.store.disk import (
    TEMPORARY_PREFIX,
    create_empty,
    list_names,
    make_folder,
    make_subfolder,
    read_whole,
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
_DEATHS = ("delete", "undelete")
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


class Changes(Protocol):
    """The changes of one project. Any number of processes append, read and pack at once."""

    def append(self, name: str) -> None:
        """Note a change by its name (`new_name`); one that was noted before stays one. OSError where that cannot be."""
        ...

    def read_since(self, seen: SeenChanges) -> ChangeScan:
        """Everything that was noted and is not in `seen`: each change once, whoever packs meanwhile.

        StoreError when the project is being removed.
        """
        ...

    def pack(self) -> int:
        """Make what stands loose cheap to read; answers how many changes that were. OSError where it cannot.

        No reader is told anything twice by it, or misses anything.
        """
        ...

    def latest_death(self, incarnation: str) -> Change | None:
        """The last delete or undelete of one incarnation."""
        ...

    def latest_deaths(self) -> dict[str, tuple[Change, str]]:
        """The last delete or undelete of every incarnation that has one, and the name under which it was noted."""
        ...


def changes_of(layout: Layout, entity: str, project: str) -> FolderChanges:
    """The changes of a project of a store."""
    return FolderChanges(layout.changes_dir(entity, project))


def new_name(path: RunPath, writer: str, action: Action, incarnation: str, *, after_us: int = 0) -> str:
    """The name of a change that is made now."""
    at_us = max(time.time_ns() // 1000, after_us + 1)
    name = f"{at_us:014x}{os.urandom(4).hex()}#{action}#{encode_name(incarnation)}#{encode_name(path.run_id)}#"
    return name + _PLAIN_WRITER.sub("", writer)[: max(0, _NAME_BYTES - len(name))]


def parse_name(name: str) -> Change | None:
    """What the name of a change says, or None where it is none."""
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


def deaths_among(names: Iterable[str]) -> dict[str, tuple[Change, str]]:
    """The last delete or undelete of each incarnation that has one, and its name."""
    found: dict[str, tuple[Change, str]] = {}
    for name in sorted(names):
        change = parse_name(name)
        if change is not None and change.action in _DEATHS:
            found[change.incarnation] = (change, name)
    return found


def last_death(names: Iterable[str]) -> Change | None:
    """The last delete or undelete among some changes."""
    found = [change for name in sorted(names) if (change := parse_name(name)) and change.action in _DEATHS]
    return found[-1] if found else None


class FolderChanges:
    """The changes of a project in its folder, which need not be there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def append(self, name: str) -> None:
        try:
            try:
                create_empty(self.folder / name)
            except FileNotFoundError:
                make_folder(self.folder)
                create_empty(self.folder / name)
        except FileExistsError:
            pass  # brought before, from another copy of the project

    def read_since(self, seen: SeenChanges) -> ChangeScan:
        for _ in range(_ATTEMPTS):
            loose = self._loose_names()  # first: they are removed after they were packed
            packs = self._pack_names()
            try:
                packed = [self._read_pack(name) for name in sorted(packs - seen.packs)]
            except FileNotFoundError:
                continue  # the project is being removed
            names = {name for names in packed for name in names or ()}
            found = [change for name in sorted((names | loose) - seen.loose) if (change := parse_name(name))]
            # One that came and was packed between these looks stands loose until its packer removes it.
            still = self._loose_names() & names if names else frozenset()
            return ChangeScan(found, SeenChanges(packs, loose | still), None in packed)
        raise StoreError(f"{self.folder} changes too fast to be read: {_ATTEMPTS} attempts; is somebody removing it?")

    def pack(self) -> int:
        names = sorted(name for name in self._loose_names() if parse_name(name))
        if not names:
            return 0
        self.write_pack(names)
        for name in names:
            remove(self.folder / name)
        return len(names)

    def latest_death(self, incarnation: str) -> Change | None:
        return last_death(self._names_with(f"#{encode_name(incarnation)}#"))

    def latest_deaths(self) -> dict[str, tuple[Change, str]]:
        return deaths_among(self._names_with("delete#"))

    def write_pack(self, names: Iterable[str]) -> None:
        """A pack of these names. OSError where it cannot be written."""
        content = "".join(f"{name}\n" for name in names).encode()
        make_subfolder(self.folder / _PACKED)  # a project that was removed does not come back
        replace_file(self.folder / _PACKED / f"{_digest(content)}{_SUFFIX}", content, is_synced=True)

    def garbled_packs(self) -> list[Path]:
        """The packs that are not as they were written."""
        found = []
        for name in sorted(self._pack_names()):
            try:
                if self._read_pack(name) is None:
                    found.append(self.folder / _PACKED / name)
            except FileNotFoundError:
                continue  # removed at this moment
        return found

    def _names_with(self, text: str) -> set[str]:
        """The names of all changes that contain a text. Loose ones first: they are removed after they were packed."""
        names = {name for name in self._loose_names() if text in name}
        for pack in self._pack_names():
            names |= {name for name in self._read_pack(pack) or () if text in name}
        return names

    def _loose_names(self) -> frozenset[str]:
        return frozenset(name for name in list_names(self.folder) if _MARK in name)

    def _pack_names(self) -> frozenset[str]:
        folder = self.folder / _PACKED
        names = (
            name for name in list_names(folder) if name.endswith(_SUFFIX) and not name.startswith(TEMPORARY_PREFIX)
        )
        return frozenset(name for name in names if not (folder / name).is_dir())

    def _read_pack(self, name: str) -> list[str] | None:
        """The names in a pack; None where its content is not what its name says."""
        content = read_whole(self.folder / _PACKED / name)
        return content.decode("utf-8", "replace").splitlines() if f"{_digest(content)}{_SUFFIX}" == name else None


def _digest(content: bytes) -> str:
    import hashlib  # whoever logs appends changes and packs none: `store.layout` says what this costs

    return hashlib.sha256(content).hexdigest()[:32]
