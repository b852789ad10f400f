"""Killed processes, full disks, folders that cannot be written: what was acknowledged is there, exactly once."""

import errno
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from journals import rows_in, scan_all
from logging_process import counter

from runlake.errors import ReadOnlyError
from runlake.model import RunPath
from runlake.query.rows.scan import read_history
from runlake.service.local.service import LocalService
from runlake.store.care.check import check_run
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal import record
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.memory import MemoryJournal, MemoryPart
from runlake.store.journal.scan import scan_part
from runlake.store.journal.writer import JournalWriter
from runlake.store.opening.open import open_run
from runlake.store.run.state import read_run
from stored import RUN, Writer, part_names
from waiting import wait_until

HERE = Path(__file__).parent
SOURCE = HERE.parent.parent / "src"

posix_only = pytest.mark.skipif(os.name != "posix", reason="signals and limits as POSIX has them")


# Killed


class Victim:
    """A process that logs, and is to be killed."""

    def __init__(self, root, number, how):
        self.layout, self.path = FolderStore(root / "store"), RunPath("ann", "p", f"run{number}")
        self.file = root / f"counter{number}"
        self.file.write_bytes(bytes(8))
        self.counter = counter(self.file, 0)
        arguments = [root / "store", self.path.run_id, self.file, 0, *how]
        self.process = subprocess.Popen(
            [sys.executable, HERE / "logging_process.py", *map(str, arguments)],
            env={**os.environ, "PYTHONPATH": str(SOURCE), "RUNLAKE_SEAL": "off", "RUNLAKE_SILENT": "true"},
            stdout=subprocess.DEVNULL,
        )

    @property
    def acknowledged(self):
        return self.counter[0]

    def wait_for(self, row_count):
        """Until so many rows are acknowledged."""

        def are_acknowledged():
            assert self.process.poll() is None, f"the process ended by itself: {self.process.returncode}"
            return self.acknowledged >= 2 * row_count

        wait_until(are_acknowledged, lambda: f"{row_count} rows, not {self.acknowledged // 2}", pause_s=0.0005)

    def kill(self):
        self.process.kill()
        self.process.wait()

    def check_rows(self, at_least):
        """The rows there are hold what was logged, each once, in order, and as many as were acknowledged."""
        history = read_history(self.layout, self.path)
        by_key = {series.key: series for series in history.series}
        count = history.row_count
        assert count >= (at_least + 1) // 2
        i = by_key["i"]
        assert i.rows is None
        assert np.array_equal(i.values.to_numpy(), np.arange(count))
        x = by_key["x"]
        rows = np.arange(count) if x.rows is None else x.rows
        assert np.array_equal(rows, np.arange(len(rows)))  # only the last row may lack its second piece
        assert len(rows) >= at_least // 2
        assert len(rows) >= count - 1
        assert np.array_equal(x.values.to_numpy(), rows / 3)
        texts = by_key["s"]
        assert texts.values.to_pylist() == [f"text {row}" for row in range(0, len(rows), 11)]
        return count


def kill_one(root, number, how, rows_until, delay_s):
    """Start, read all the while, kill, and look; answers how many rows were acknowledged."""
    victim = Victim(root, number, how)
    try:
        victim.wait_for(50)
        while victim.acknowledged < 2 * rows_until:
            victim.check_rows(victim.acknowledged)
            assert read_run(victim.layout, victim.path).state == "running"
        time.sleep(delay_s)
    finally:
        victim.kill()
    acknowledged = victim.acknowledged
    count = victim.check_rows(acknowledged)
    assert count <= acknowledged // 2 + 1, "more than one row that was not acknowledged"
    info = read_run(victim.layout, victim.path)
    assert (info.state, info.row_count) == ("crashed", count)
    assert [f.kind for f in check_run(victim.layout, victim.path)] in ([], ["torn"])
    seal_run(victim.layout, victim.path)
    assert victim.check_rows(acknowledged) == count
    assert read_run(victim.layout, victim.path) == info
    return acknowledged // 2


def kill_many(root, *, rows_in_all, rows_in_one, seed):
    chance = random.Random(seed)
    hows = [("65536", "1024"), ("5000", "100"), ("init",)]
    row_count, number = 0, 0
    while row_count < rows_in_all or number < len(hows):
        how = hows[number % len(hows)]
        row_count += kill_one(root, number, how, chance.randrange(rows_in_one), chance.random() * 0.01)
        number += 1
    for file in [root / "store" / "catalog.sqlite", *(root / "store").glob("catalog*")]:
        shutil.rmtree(file) if file.is_dir() else file.unlink(missing_ok=True)
    page = LocalService(root / "store", default_entity="ann").list_runs("ann", "p")
    assert {run.state for run in page.runs} == {"crashed"}
    assert sum(run.row_count for run in page.runs) >= row_count
    return row_count


@posix_only
def test_kill_9_takes_nothing_that_was_acknowledged(tmp_path):
    assert kill_many(tmp_path, rows_in_all=8_000, rows_in_one=3_000, seed=1) >= 8_000


@posix_only
@pytest.mark.long
@pytest.mark.parametrize("seed", range(3))
def test_kill_9_takes_nothing_of_a_million_rows(tmp_path, seed):
    assert kill_many(tmp_path, rows_in_all=1_000_000, rows_in_one=200_000, seed=seed) >= 1_000_000


@pytest.mark.slow
@posix_only
def test_writers_of_one_run_die_apart(tmp_path):
    """Several processes, one run: each writer's rows are whole, whenever which of them was killed."""
    victims = [Victim(tmp_path, number, ("3000", "64")) for number in range(2)]
    try:
        for victim in victims:
            victim.wait_for(2000)
        victims[0].kill()
        seen = victims[1].acknowledged
        victims[1].wait_for(seen // 2 + 1000)
    finally:
        for victim in victims:
            victim.kill()
    for victim in victims:
        victim.check_rows(victim.acknowledged)
        assert read_run(victim.layout, victim.path).state == "crashed"


# Full


class FullPart(MemoryPart):
    """A part on a disk that refuses now and then: `faults` says of each write what happens to it."""

    def __init__(self, faults):
        super().__init__()
        self._faults = faults

    def _write(self, data):
        fault = next(self._faults, "whole")
        if fault == "none":
            raise OSError(errno.ENOSPC, "no space left on device")
        return super()._write(data[: len(data) // 2 + 1] if fault == "short" else data)

    def truncate(self, size_bytes):
        if next(self._faults, "whole") == "none":
            raise OSError(errno.EIO, "input/output error")
        super().truncate(size_bytes)


class FullJournal(MemoryJournal):
    """Refuses to begin a part, too."""

    def __init__(self):
        super().__init__()
        self.faults = iter(())

    def create_part(self, name):
        if next(self.faults, "whole") == "none":
            raise OSError(errno.ENOSPC, "no space left on device")
        part = FullPart(self.faults)
        if self._parts.setdefault(name, part) is not part:
            raise FileExistsError(str(name))
        return part


CALLS = ["numbers", "mixed", "piece", "events", "config"]


@given(
    st.lists(st.sampled_from(["whole", "whole", "whole", "short", "none"]), max_size=60),
    st.lists(st.sampled_from(CALLS), min_size=1, max_size=30),
    st.sampled_from([2, 1000]),
)
def test_a_disk_that_fills_and_empties_loses_only_what_it_refused(faults, calls, rows_per_part):
    journal = FullJournal()
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=rows_per_part, frames_per_block=5))
    journal.faults = iter(faults)
    kept, is_open = {"history": [], "events": [], "records": 0}, False
    for step, call in enumerate(calls):
        stream = "events" if call == "events" else "history"
        data = {"a": step, "s": "x" * step} if call == "mixed" else {"a": step, f"k{step % 3}": 0.5}
        part_count = len(journal.list_parts())
        try:
            if call == "config":
                writer.record(record.CONFIG, {"set": {}})
            else:
                writer.log(data, step=step, timestamp=0.0, runtime=0.0, commit=call != "piece", stream=stream)
        except OSError:
            # Where the file cannot even be cut back, a new part begins, and with it a new row.
            is_open = is_open and writer.row_counts()["history"] == len(kept["history"]) and writer._part is not None
        else:
            if call == "config":
                kept["records"] += 1
            else:
                joins = stream == "history" and is_open and len(journal.list_parts()) == part_count
                kept[stream].append({**(kept[stream].pop() if joins else {}), **data})
                is_open = call == "piece" if stream == "history" else is_open
        assert what_is_kept(journal) == kept


def what_is_kept(journal):
    """What a reader finds: of a part that its writer left, as much as the next one says."""
    parts = scan_all(journal)
    for number, following in enumerate(parts[1:]):
        if parts[number].end != "closed" and following.header:
            data = parts[number].data[: following.header.previous_bytes]
            parts[number] = scan_part(data, "left")
            assert parts[number].valid_bytes == len(data)
    rows = {stream: [row[3] for row in rows_in(parts, stream)] for stream in ("history", "events")}
    return {**rows, "records": sum(len(part.records) for part in parts)}


LIMITED = """
import resource, signal, sys
sys.path[:0] = sys.argv[1:3]
from pathlib import Path
from stored import Writer
from runlake.store.folder_store import FolderStore

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
writer = Writer(FolderStore(Path(sys.argv[3])))
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
kept, refused = [], 0
for i in range(3000):
    if i == 500:
        resource.setrlimit(resource.RLIMIT_FSIZE, (writer.journal._offset + 12_345, hard))
    if i == 2000:
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
    try:
        writer.log({"i": i, "s": "text"} if i % 3 else {"i": i})
        kept.append(i)
    except OSError as error:
        assert error.errno == 27, error
        refused += 1
writer.end()
print(len(kept), refused, *kept)
"""


@pytest.mark.slow
@posix_only
def test_a_file_that_may_not_grow_is_cut_back_to_its_last_whole_row(tmp_path):
    arguments = [sys.executable, "-c", LIMITED, SOURCE, HERE.parent, tmp_path]
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True)
    assert done.stderr == ""
    kept_count, refused_count, *kept = map(int, done.stdout.split())
    assert kept_count + refused_count == 3000
    assert 500 < refused_count < 1500
    layout = FolderStore(tmp_path)
    (i,) = (s for s in read_history(layout, RUN).series if s.key == "i")
    assert i.values.to_pylist() == kept
    assert check_run(layout, RUN) == []
    info = read_run(layout, RUN)
    assert (info.state, info.row_count) == ("finished", kept_count)
    assert seal_run(layout, RUN) == kept_count


# Read-only


@pytest.fixture
def locked(request):
    """A store with one run that this process may read and not write; the administrator becomes nobody for it."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    layout = FolderStore(root)
    Writer(layout, rows_per_part=10).log_many({"a": i} for i in range(25)).die()
    folders = [root, *(folder for folder in root.rglob("*") if folder.is_dir())]
    for folder in folders:
        folder.chmod(0o555)
    is_administrator = os.geteuid() == 0
    if is_administrator:
        os.seteuid(65534)
    yield layout
    if is_administrator:
        os.seteuid(0)
    for folder in folders:
        folder.chmod(0o755)
    shutil.rmtree(root)


@posix_only
def test_a_store_that_cannot_be_written_is_read_and_checked_as_ever(locked):
    assert read_history(locked, RUN).row_count == 25
    assert read_run(locked, RUN).state == "crashed"
    assert check_run(locked, RUN) == []


@posix_only
def test_a_store_that_cannot_be_written_says_so_to_a_writer(locked):
    with pytest.raises(ReadOnlyError, match="cannot be written"):
        open_run(locked, RunPath("ann", "p", "new"), {})
    assert len(part_names(locked)) == 3


@posix_only
def test_a_folder_that_cannot_become_a_store_says_so(locked):
    with pytest.raises(ReadOnlyError, match=r"the store .* cannot be written: .*; choose another with RUNLAKE_DIR"):
        open_run(FolderStore(locked.root / "new"), RUN, {})
    with pytest.raises(ReadOnlyError, match="cannot be written"):
        open_run(FolderStore(Path("/dev/null/store")), RUN, {})
