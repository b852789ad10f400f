"""Runs written as a training process writes them, and read back as plain values."""

import numpy as np

from runlake.model import RunPath
from runlake.store.journal import record
from runlake.store.journal.folder import FolderJournal, journal_of
from runlake.store.journal.journal import PartName
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.rows import rows_of
from runlake.store.journal.scan import scan_part
from runlake.store.journal.writer import JournalWriter
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import open_child, open_editor
from runlake.store.run.state import read_state
from runlake.values import decode_json

START_S = 1_700_000_000.0
"""2023-11-14 22:13:20 UTC."""

RUN = RunPath("ann", "p", "r")


class Clock:
    """A clock that stands still until it is told otherwise."""

    def __init__(self, now_s=START_S):
        self.now_s = now_s

    def __call__(self):
        return self.now_s

    def after(self, seconds):
        self.now_s += seconds
        return self.now_s


class Writer:
    """A training process, or the child of one: logs a row every `every_s` seconds, each at the next step."""

    def __init__(self, layout, *, at_s=0.0, every_s=1.0, path=RUN, resume=None, start=None, parent=None, **limits):
        self.clock, self.every_s = Clock(START_S + at_s), every_s
        self.layout, self.path = layout, path
        if parent is None:
            how = {"resume": resume, "clock": self.clock, "inspector": IN_PROCESS, "limits": WriterLimits(**limits)}
            self.opened = open_run(layout, path, start or {}, **how)
        else:
            self.opened = open_child(layout, parent.opened, prepare=None, clock=self.clock)
        self.journal = self.opened.writer
        self.step = self.opened.before.last_step + 1 if self.opened.before else 0

    @property
    def id(self):
        return self.journal.writer

    def log(self, data, *, step=None, commit=True, stream="history"):
        if step is not None:
            self.step = step
        now_s = self.clock.after(self.every_s)
        self.journal.log(data, step=self.step, timestamp=now_s, runtime=now_s - START_S, commit=commit, stream=stream)
        self.step += commit
        return self

    def log_many(self, rows):
        for row in rows:
            self.log(row)
        return self

    def record(self, kind, body):
        self.journal.record(kind, body)
        return self

    def end(self, **body):
        self.clock.after(1.0)
        self.journal.end({"exit_code": 0, **body})
        return self

    def die(self):
        """As a killed process: the file is let go, and nothing is said."""
        self.journal.close()
        return self


def edit(layout, kind, body, *, path=RUN, at_s=0.0):
    """A record by somebody who edits the stored run."""
    state = read_state(layout, path)
    opened = open_editor(layout, path, state.info, state.clock, clock=Clock(START_S + at_s))
    opened.writer.record(kind, body)
    opened.writer.end({})
    return opened.writer.writer


def edit_config(layout, values, **where):
    return edit(layout, record.CONFIG, {"set": values}, **where)


def rows_as_written(folder, rows, *, rows_per_part=10_000, stream="history", open_ended=False):
    """`WriterRows` of rows that went through a journal: row i at step i * 10, 1000 + i seconds, i / 2 seconds."""
    journal = FolderJournal(folder)
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=rows_per_part))
    for number, row in enumerate(rows):
        is_last_open = open_ended and number == len(rows) - 1
        writer.log(
            row, step=number * 10, timestamp=1000.0 + number, runtime=number / 2, stream=stream, commit=not is_last_open
        )
    writer.close()
    parts = [scan_part(journal.read(name), str(name)) for name, _ in journal.list_parts()]
    for name, _ in journal.list_parts():
        journal.drop(name)
    return rows_of("w", parts, stream)


def bits(values):
    """A series' values so that equal means equal to the bit."""
    if str(values.type) == "double":
        return values.to_numpy().view(np.int64).tolist()
    return values.to_pylist()


def exactly(rows):
    """Everything in `WriterRows`, comparable to the bit."""
    return {
        "identity": (rows.writer, rows.stream, rows.first_n),
        "step": rows.step.tolist(),
        "timestamp": rows.timestamp.view(np.int64).tolist(),
        "runtime": rows.runtime.view(np.int64).tolist(),
        "series": [
            (s.key, s.lane, list(range(rows.row_count)) if s.rows is None else s.rows.tolist(), bits(s.values))
            for s in rows.series
        ],
    }


def as_dicts(rows):
    """A history or `WriterRows` as one dict a row, `_step` first, paths as keys."""
    found = [{"_step": step} for step in rows.step.tolist()]
    for series in rows.series:
        places = range(rows.row_count) if series.rows is None else series.rows.tolist()
        for place, value in zip(places, series.values.to_pylist(), strict=True):
            found[place][series.key] = decode_json(value) if series.lane == "json" else value
    return found


def part_names(layout, path=RUN):
    return [(name.writer, name.number) for name, _ in journal_of(layout, path).list_parts()]


def segment_files(layout, path=RUN):
    folder = layout.segments_dir(path)
    return sorted(f.name for f in folder.iterdir() if not f.name.startswith(".")) if folder.is_dir() else []


def part_bytes(layout, writer, number=0, path=RUN):
    return journal_of(layout, path).read(PartName(writer, number))
