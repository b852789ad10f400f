"""Sweeps in a folder: what was decided in each, and what its agents last said."""

from __future__ import annotations

import os
import time
from pathlib import Path

import msgspec

from runlake.errors import ConflictError, NotFoundError, ReadOnlyError
from runlake.ready import ready
from runlake.store.disk import READ_ONLY_ERRNOS
from runlake.store.layout import Layout, encode_name
from runlake.store.ledger import FolderLedger, Ledger
from runlake.store.opening.trash_names import SWEEP_PREFIX
from runlake.store.sweeps.fold import Created, Entry, SweepFold
from runlake.store.tree import Tree
from runlake.sweep_model import SweepPath


class AgentFile(msgspec.Struct, kw_only=True):
    """What an agent last said. `offers` counts how often it was told to begin a run of which it has not spoken yet."""

    report_count: int = 0
    at: float = 0.0
    running: list[str] = []
    reported: list[str] = []
    offers: dict[str, int] = {}
    has_left: bool = False


class AgentFiles:
    """What the agents of a sweep last said, a file of each.

    A file is replaced with each report. That its count moved is the sign of life: other machines' clocks are asked
    nothing.
    """

    def __init__(self, folder: Path, tree: Tree) -> None:
        self._folder, self._tree = folder, tree

    def read(self, agent_id: str) -> AgentFile:
        """What the agent last said; an empty file of one that has not spoken yet."""
        try:
            return msgspec.json.decode(self._tree.read(self._file(agent_id)), type=ready(AgentFile))
        except (FileNotFoundError, msgspec.MsgspecError, IsADirectoryError, RecursionError):
            return AgentFile()  # what nobody can read is as good as silence, and the next report replaces it

    def replace(self, agent_id: str, file: AgentFile) -> None:
        """Keep what the agent said, in place of what it said before. FileNotFoundError when the sweep is gone."""
        self._tree.replace(self._file(agent_id), msgspec.json.encode(file))

    def _file(self, agent_id: str) -> Path:
        return self._folder / f"{encode_name(agent_id)}.json"


class SweepFolder:
    """One sweep on disk, read as far as it was there when somebody last looked (`catch_up`)."""

    def __init__(self, layout: Layout, path: SweepPath) -> None:
        self.path = path
        self.folder = layout.sweep_dir(path)
        self.fold = SweepFold()
        self._tree = layout.tree
        self._ledger: Ledger = FolderLedger(self.folder / "ledger", layout.tree)
        self._agents = AgentFiles(self.folder / "agents", layout.tree)

    def catch_up(self) -> SweepFold:
        """Read what was decided since; NotFoundError when there is no such sweep, or it was deleted."""
        for number, body in self._ledger.read_from(self.fold.next_entry):
            self.fold.take(number, body)
        if not self.fold.is_created or not self._tree.has_folder(self.folder):
            raise NotFoundError(f"no sweep {self.path}; see: runlake ls --sweeps")
        return self.fold

    def decide(self, entry: Entry) -> bool:
        """Make the next entry; False when somebody else decided something first: then `catch_up`, and think again."""
        number = self.fold.next_entry
        body = msgspec.to_builtins(entry)
        if not self._ledger.append(number, body):
            return False
        self.fold.take(number, body)
        return True

    def read_agent(self, agent_id: str) -> AgentFile:
        """What the agent last said; an empty file of one that has not spoken yet."""
        return self._agents.read(agent_id)

    def write_agent(self, agent_id: str, file: AgentFile) -> None:
        """Keep what the agent said, as said now."""
        file.report_count += 1
        file.at = time.time()
        try:
            self._agents.replace(agent_id, file)
        except FileNotFoundError:
            raise NotFoundError(f"no sweep {self.path}: it was deleted") from None
        except OSError as error:
            raise _read_only(self.folder, error) from error


def create_sweep(layout: Layout, path: SweepPath, created: Created) -> SweepFolder:
    """Make a sweep. ConflictError when the id is taken, ReadOnlyError when the store cannot be written."""
    try:
        layout.make_sweep_dir(path)
    except OSError as error:
        raise _read_only(layout.sweeps_dir(path.entity, path.project), error) from error
    sweep = SweepFolder(layout, path)
    if not sweep.decide(created):
        raise ConflictError(f"there is a sweep {path} already; leave the id out to get a new one")
    return sweep


def delete_sweep(layout: Layout, path: SweepPath) -> None:
    """Move a sweep to the trash; its runs stay. NotFoundError when it is not there."""
    trashed = layout.trash_dir / f"{SWEEP_PREFIX}{os.urandom(4).hex()}-{encode_name(path.sweep_id)}"
    try:
        layout.tree.make_subfolder(layout.trash_dir)
        layout.tree.move(layout.sweep_dir(path), trashed)
    except FileNotFoundError:
        raise NotFoundError(f"no sweep {path}; see: runlake ls --sweeps") from None
    except OSError as error:
        raise _read_only(layout.trash_dir, error) from error


def _read_only(folder: Path, error: OSError) -> OSError | ReadOnlyError:
    if error.errno not in READ_ONLY_ERRNOS:
        return error
    return ReadOnlyError(f"{folder} cannot be written: {error}")
