"""The sweeps of another store into this one: ledgers that go on where ours end.

Entries come over one by one, in their order, so whoever reads or is killed meanwhile has the sweep as it was at an
earlier moment. A sweep that went on in both stores stays as it is here: two orders of decisions cannot become one.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from runlake.errors import PathError, RunlakeError, StoreError
from runlake.model import Merged, RunPath
from runlake.ready import ready
from runlake.store.disk import create_once, replace_file
from runlake.store.layout import Layout, encode_name
from runlake.store.ledger import entry_name
from runlake.store.merge.plain_ledger import whole_entries
from runlake.store.opening.trash_names import SWEEP_PREFIX
from runlake.store.plain_open import check_plain, check_plain_tree, read_plain
from runlake.store.sweeps.folder import AgentFile
from runlake.sweep_model import SweepPath


def merge_sweeps(
    layout: Layout,
    other: Layout,
    entity: str,
    project: str,
    failures: list[RunlakeError],
    *,
    is_dry_run: bool = False,
) -> Iterator[Merged]:
    """Bring the sweeps of a project over; yields each when it is there. One that was deleted here is left out.

    What cannot be read of one goes to `failures`, and the others are brought.
    """
    check_plain(other.root, other.sweeps_dir(entity, project))
    for sweep_id in other.sweep_ids(entity, project):
        path = SweepPath(entity, project, sweep_id)
        try:
            check_plain(other.root, other.sweep_dir(path))
            check_plain_tree(other.sweep_dir(path))
            yield _merge(layout, other, path, is_dry_run=is_dry_run)
        except (StoreError, PathError) as error:
            failures.append(error)


def _merge(layout: Layout, other: Layout, path: SweepPath, *, is_dry_run: bool) -> Merged:
    ours, theirs = layout.sweep_dir(path), other.sweep_dir(path)
    here, there = whole_entries(ours), whole_entries(theirs)
    merged = Merged(path=RunPath(*path), source=RunPath(*path), outcome="same", is_sweep=True)
    if not there:
        return msgspec.structs.replace(merged, outcome="empty")
    if not here and _was_deleted(layout, path, there[0]):
        return msgspec.structs.replace(merged, outcome="deleted")
    shared_count = min(len(here), len(there))
    if here[:shared_count] != there[:shared_count]:
        return msgspec.structs.replace(merged, outcome="differs")
    entries = dict(list(enumerate(there, 1))[len(here) :])
    agents = dict(_newer_agents(ours / "agents", theirs / "agents"))
    if not entries and not agents:
        return merged
    if not is_dry_run:
        layout.make_sweep_dir(path)
        for name, content in agents.items():
            replace_file(ours / "agents" / name, content)
        for number, text in entries.items():
            file = ours / "ledger" / entry_name(number)
            if not create_once(file, text) and file.read_text("utf-8", "replace") != text:
                return msgspec.structs.replace(merged, outcome="differs")  # an agent here decided something just now
    copied_bytes = sum(len(text.encode()) for text in entries.values()) + sum(map(len, agents.values()))
    return msgspec.structs.replace(merged, outcome="joined" if here else "new", copied_bytes=copied_bytes)


def _newer_agents(ours: Path, theirs: Path) -> Iterator[tuple[str, bytes]]:
    """The files of agents that have said more there than here."""
    for file in sorted(theirs.glob("[!.]*.json")):
        content = read_plain(theirs, file)
        if _report_count(content) > _report_count(_read(ours / file.name)):
            yield file.name, content


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b"{}"


def _report_count(content: bytes) -> int:
    try:
        return msgspec.json.decode(content, type=ready(AgentFile)).report_count
    except msgspec.MsgspecError:
        return 0  # damaged: it says nothing


def _was_deleted(layout: Layout, path: SweepPath, first: str) -> bool:
    """Whether our trash has the sweep that begins with this entry."""
    end = f"-{encode_name(path.sweep_id)}"
    for trashed in layout.trash_dir.glob(f"{SWEEP_PREFIX}*"):
        if trashed.name.endswith(end) and whole_entries(trashed)[:1] == [first]:
            return True
    return False
