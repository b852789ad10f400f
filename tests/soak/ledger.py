"""What each actor of a soak was told, kept outside the store: an intent before each act, an answer after it.

A line is written by one `write` to a file opened for appending, so a killed actor leaves whole lines. Rows are
counted in shared memory: how many were begun, and how many acknowledged.
"""

import json
import mmap
import os
import time
from dataclasses import dataclass
from pathlib import Path

BEGUN, ACKNOWLEDGED = 0, 1


class Ledger:
    """The lines of one life of one actor. `t` is the clock of the machine: it goes on for all processes alike."""

    def __init__(self, folder, actor, number, life):
        self._fd = os.open(folder / f"{actor}-{number}-{life:05d}.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, what, **fields):
        line = json.dumps({"t": time.monotonic_ns(), "what": what, **fields}) + "\n"
        assert os.write(self._fd, line.encode()) == len(line)


def row_counter(folder, number, life):
    """[begun, acknowledged] of one writer's life."""
    fd = os.open(folder / f"rows-{number}-{life:05d}", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        os.ftruncate(fd, 16)  # whoever comes first; for all others it changes nothing
        return memoryview(mmap.mmap(fd, 16)).cast("Q")
    finally:
        os.close(fd)


@dataclass(slots=True)
class Act:
    """Something that an actor did to a run: surely within `start` to `end`, which is endless when nobody knows.

    `is_done` says that it was acknowledged; otherwise it was done, or was not.
    """

    what: str
    actor: str
    number: int
    life: int
    start: int
    end: float
    is_done: bool
    fields: dict


def read_acts(folder):
    """Every act in all ledgers, oldest first: each intent with its answer."""
    acts, open_acts = [], {}
    for file in sorted(Path(folder).glob("*.jsonl")):
        actor, number, life = file.stem.rsplit("-", 2)
        slot = (actor, int(number))
        for line in map(json.loads, file.read_text().splitlines(keepends=True)):
            before = open_acts.pop(slot, None)
            if before is not None:
                # An actor does one thing after the other: what it says next, or its next life says, comes after it.
                before.end = line["t"]
                before.is_done = line["what"] == "done"
                before.fields |= line if before.is_done else {}
            if line["what"] in ("open", "edit", "delete", "restore"):
                act = Act(line["what"], actor, int(number), int(life), line["t"], float("inf"), False, line)
                open_acts[slot] = act
                acts.append(act)
    return sorted(acts, key=lambda act: act.start)
