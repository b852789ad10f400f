"""What is new since a cursor was made: every row once, whatever happens to the run meanwhile."""

import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from logging_process import counter

import warm
from runlake.errors import BadValueError, CorruptError, NotFoundError
from runlake.model import RunPath, TailCursor
from runlake.service.local.service import LocalService
from runlake.store.compact import seal
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import journal_of
from runlake.store.journal.limits import WriterLimits
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.store.opening.writers import NewWriter, begin_writer, open_child
from stored import RUN, Clock, Writer, as_dicts, edit_config, segment_files
from waiting import DEADLINE_S


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def layout(root):
    return FolderStore(root)


@pytest.fixture
def service(root):
    return LocalService(root, default_entity="ann")


class Reader:
    """Somebody who asks again and again; with `forgets` each time in a process that knows nothing yet."""

    def __init__(self, root, *, forgets=False, **asked):
        self.root, self.forgets, self.asked = root, forgets, asked
        self.service = LocalService(root, default_entity="ann")
        self.cursor = None
        self.rows = []

    def poll(self):
        if self.forgets:
            self.service = LocalService(self.root, default_entity="ann")
            self.cursor = self.cursor and TailCursor.parse(str(self.cursor))
        self.tail = self.service.read_tail(RUN, self.cursor, **self.asked)
        self.cursor = self.tail.cursor
        new = as_dicts(self.tail.history)
        self.rows = new if self.tail.is_restarted else self.rows + new
        return new


# Whatever happens ---------------------------------------------------------------------------------------------


class TailMachine(RuleBasedStateMachine):
    """Writers come, log, end and die, sealers merge; readers of every kind must have each complete row once."""

    def __init__(self):
        super().__init__()
        self.folder = tempfile.mkdtemp()
        self.layout = FolderStore(Path(self.folder) / "store")
        self.clock = Clock()
        self.count = 0
        self.writers = []
        self.generation = None
        self.readers = [
            Reader(self.layout.root),
            Reader(self.layout.root, forgets=True),
            Reader(self.layout.root, limit=3),
            Reader(self.layout.root, forgets=True, limit=2),
        ]
        self.fresh_start()

    @rule()
    def fresh_start(self):
        """The old writers go on writing into the generation that nobody sees any more."""
        writer_id = f"{len(self.writers):03d}"
        self.generation, self.expected = writer_id, {}
        self.begin(writer_id)

    @rule(role=st.sampled_from(["run", "child"]))
    def join(self, role):
        self.begin(f"{len(self.writers):03d}", role)

    def begin(self, writer_id, role="run"):
        self.layout.make_run_dir(RUN)
        new = NewWriter(RUN, writer_id, "life", self.generation, role, journal=None)
        opened = begin_writer(
            self.layout, new, clock=self.clock, limits=WriterLimits(rows_per_part=4, frames_per_block=5)
        ).writer
        self.writers.append([opened, self.generation, None])

    def alive(self, which):
        alive = [entry for entry in self.writers if not entry[0]._is_closed]
        return alive[which % len(alive)] if alive else None

    @rule(which=st.integers(0, 9), values=st.lists(st.sampled_from([1, 2.5, "text", None, [1]]), max_size=3))
    def log(self, which, values):
        self.piece(which, values, complete=True)

    @rule(which=st.integers(0, 9), values=st.lists(st.sampled_from([1, "text"]), max_size=2))
    def log_a_piece(self, which, values):
        self.piece(which, values, complete=False)

    def piece(self, which, values, complete):
        entry = self.alive(which)
        if entry is None:
            return
        writer, generation, open_row = entry
        data = {f"k{place}": value for place, value in enumerate(values)}
        if open_row is None:
            open_row = {"_step": self.count}
            self.count += 1
            if generation == self.generation:
                self.expected[open_row["_step"]] = open_row
        open_row.update(data)
        now_s = self.clock.after(1.0)
        writer.log(data, step=open_row["_step"], timestamp=now_s, runtime=0.0, commit=complete)
        entry[2] = None if complete else open_row

    @rule(which=st.integers(0, 9))
    def log_elsewhere(self, which):
        if entry := self.alive(which):
            entry[0].log({"e": 1.5}, step=0, timestamp=self.clock.after(1.0), runtime=0.0, stream="events")

    @rule(which=st.integers(0, 9), says_so=st.booleans())
    def leave(self, which, says_so):
        if entry := self.alive(which):
            if says_so:
                entry[0].end({"exit_code": 0})
            else:
                entry[0].close()

    @rule(segment_bytes=st.sampled_from([1, 3000, 2**27]))
    def seal(self, segment_bytes):
        seal.seal_run(self.layout, RUN, segment_bytes=segment_bytes)

    @rule(which=st.integers(0, 3))
    def poll(self, which):
        self.readers[which].poll()

    @invariant()
    def nobody_has_a_row_twice_or_before_it_is_complete(self):
        for reader in self.readers:
            if reader.cursor is None or reader.cursor.generation != self.generation:
                continue
            steps = [row["_step"] for row in reader.rows]
            assert len(set(steps)) == len(steps)
            assert reader.rows == [self.expected[step] for step in steps]

    def teardown(self):
        try:
            for reader in self.readers:
                self.reads_all(reader)
        finally:
            for writer, _, _ in self.writers:
                writer.close()
            shutil.rmtree(self.folder)

    def reads_all(self, reader):
        while reader.poll() or reader.tail.is_restarted:
            pass
        open_steps = {row["_step"] for writer, _, row in self.writers if row and not writer._is_closed}
        wanted = [row for step, row in self.expected.items() if step not in open_steps]
        assert sorted(reader.rows, key=lambda row: row["_step"]) == wanted
        lives = any(not writer._is_closed and of == self.generation for writer, of, _ in self.writers)
        assert reader.tail.is_ended == (not lives)


TestTailMachine = pytest.mark.slow(TailMachine.TestCase)
TestTailMachine.settings = settings(
    max_examples=settings().max_examples // 2,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)


def part_file(layout):
    (name, _), *_ = reversed(journal_of(layout, RUN).list_parts())
    return layout.journal_dir(RUN) / str(name)


ROWS = [{"x": 1.5, "y": 2}, {"x": 2.5, "s": "text and number"}, {"s": "text"}]


@pytest.mark.slow
@pytest.mark.parametrize("forgets", [False, True])
@pytest.mark.parametrize("last", ROWS)
def test_a_row_that_is_torn_anywhere_is_waited_for_and_then_goes_on(layout, root, last, forgets):
    writer = Writer(layout).log({"x": 0.5, "y": 1}).log({"x": 0.5, "s": "a"})
    file = part_file(layout)
    before = len(file.read_bytes())
    writer.log(last)
    whole = file.read_bytes()
    for size in range(before + 1, len(whole)):
        reader = Reader(root, forgets=forgets)
        file.write_bytes(whole[:before])
        assert len(reader.poll()) == 2
        file.write_bytes(whole[:size])
        assert (reader.poll(), reader.poll()) == ([], [])
        file.write_bytes(whole)
        assert reader.poll() == [{"_step": 2, **last}]
    writer.log({"x": 1.0}).end()
    assert (reader.poll(), reader.tail.is_ended) == ([{"_step": 3, "x": 1.0}], True)


def test_damage_is_named_with_its_place_also_behind_what_was_read(layout, root):
    writer = Writer(layout).log({"x": 0.5})
    reader, file = Reader(root), part_file(layout)
    reader.poll()
    place = len(file.read_bytes())
    writer.log({"x": 1.5}).log({"x": 2.5})
    content = bytearray(file.read_bytes())
    content[place + 30] ^= 1
    file.write_bytes(content)
    with pytest.raises(CorruptError, match=f"the frame at byte {place} of"):
        reader.poll()
    content[place + 30] ^= 1
    file.write_bytes(content)
    assert [row["x"] for row in reader.poll()] == [1.5, 2.5]


def test_a_row_that_was_taken_back_and_written_anew_comes_once(layout, root):
    """As after a full disk: the row had not been acknowledged, but a reader may have seen it."""
    writer = Writer(layout).log({"x": 0.5})
    reader, file = Reader(root), part_file(layout)
    before = file.read_bytes()
    writer.log({"x": 1.5})
    written = file.read_bytes()
    reader.poll()
    file.write_bytes(before)
    assert reader.poll() == []
    file.write_bytes(before + written[len(before) :])
    writer.log({"x": 2.5, "a-longer-row": 1})
    assert reader.poll() == [{"_step": 2, "x": 2.5, "a-longer-row": 1}]


@pytest.mark.skipif(not Path("/proc/self/io").exists(), reason="only Linux counts what a process reads")
def test_a_poll_of_a_long_open_part_reads_what_is_new_and_an_idle_one_nothing(layout, root):
    writer = Writer(layout)
    for i in range(20_000):
        writer.log({"x": i / 2, "s": "text"} if i % 50 == 0 else {"x": i / 2})
    reader = Reader(root)
    part_bytes = part_file(layout).stat().st_size

    def read_bytes(poll):
        before = int(Path("/proc/self/io").read_text().split()[1])
        poll()
        return int(Path("/proc/self/io").read_text().split()[1]) - before

    assert read_bytes(reader.poll) > part_bytes
    assert len(reader.rows) == 20_000
    writer.log({"x": 0.25})
    assert read_bytes(reader.poll) < 1000 < part_bytes
    assert reader.rows[-1] == {"_step": 20_000, "x": 0.25}
    assert read_bytes(reader.poll) < 1000
    edit_config(layout, {"lr": 1})  # the run moves, but has no new row
    assert read_bytes(reader.poll) < 70_000 < part_bytes
    assert len(reader.rows) == 20_001
    writer.end()


def test_an_open_row_waits_until_it_is_closed_or_its_writer_is_gone(layout, root):
    reader = Reader(root)
    writer = Writer(layout).log({"a": 1}, commit=False)
    assert reader.poll() == []
    writer.log({"b": 2}, commit=False)
    assert reader.poll() == []
    writer.log({"c": 3})
    assert reader.poll() == [{"_step": 0, "a": 1, "b": 2, "c": 3}]
    writer.log({"a": 4}, commit=False)
    writer.journal.close_row()
    writer.log({"a": 5}, step=7, commit=False)
    assert reader.poll() == [{"_step": 1, "a": 4}]
    assert not reader.tail.is_ended
    writer.die()
    assert (reader.poll(), reader.tail.is_ended) == ([{"_step": 7, "a": 5}], True)


def test_a_fresh_start_begins_again_with_the_first_row_and_says_so(layout, root):
    reader = Reader(root)
    first = Writer(layout).log_many([{"a": 1}, {"a": 2}])
    reader.poll()
    first.end()
    Writer(layout, at_s=60).log({"a": 3}).end()
    assert (reader.poll(), reader.tail.is_restarted, reader.tail.is_ended) == ([{"_step": 0, "a": 3}], True, True)
    assert (reader.poll(), reader.tail.is_restarted) == ([], False)


def test_a_run_that_had_ended_and_is_resumed_goes_on_from_the_cursor(layout, root):
    reader = Reader(root)
    Writer(layout).log({"a": 1}).end()
    assert (len(reader.poll()), reader.tail.is_ended) == (1, True)
    seal.seal_run(layout, RUN)
    resumed = Writer(layout, at_s=60, resume="must").log({"a": 2})
    assert (reader.poll(), reader.tail.is_ended) == ([{"_step": 1, "a": 2}], False)
    resumed.end()
    seal.seal_run(layout, RUN)
    assert (reader.poll(), reader.tail.is_ended, reader.tail.is_restarted) == ([], True, False)
    again = Writer(layout, at_s=120, resume="must").log({"a": 3}).end()
    seal.seal_run(layout, RUN)  # came, ended and was sealed between two looks
    assert (reader.poll(), reader.tail.is_ended) == ([{"_step": 2, "a": 3}], True)
    assert set(reader.cursor.next_n) >= {again.id}


def test_rows_of_writers_that_overlap_come_by_their_times(layout, root):
    one = Writer(layout)
    clock = Clock(one.clock.now_s + 0.5)
    other = open_child(layout, one.opened, prepare=None, clock=clock).writer
    for i in range(4):
        one.log({"one": i})
        other.log({"other": i}, step=i, timestamp=clock.after(1.0), runtime=0.0)
    found = Reader(root).poll()
    assert [key for row in found for key in row if key != "_step"] == ["one", "other"] * 4
    pieces = Reader(root, limit=3)
    while pieces.poll():
        pass
    assert pieces.rows == found
    one.end()
    assert not LocalService(root, default_entity="ann").read_tail(RUN, pieces.cursor).is_ended
    other.end({})
    assert LocalService(root, default_entity="ann").read_tail(RUN, pieces.cursor).is_ended


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("last", [0, 1, 7, 12, 100])
def test_the_last_rows_are_a_beginning_too(layout, root, last, sealed):
    writer = Writer(layout, rows_per_part=5).log_many([{"i": i} for i in range(12)])
    if sealed:
        seal.seal_run(layout, RUN)
    reader = Reader(root, last=last)
    assert [row["i"] for row in reader.poll()] == list(range(12))[max(0, 12 - last) :]
    reader.asked.clear()
    writer.log({"i": 12})
    assert reader.poll() == [{"_step": 12, "i": 12}]


def test_a_cursor_within_an_answer_is_one_of_the_rows_before(layout, service):
    one = Writer(layout)
    clock = Clock(one.clock.now_s + 0.5)
    other = open_child(layout, one.opened, prepare=None, clock=clock).writer
    for i in range(3):
        one.log({"i": 2 * i})
        other.log({"i": 2 * i + 1}, step=i, timestamp=clock.after(1.0), runtime=0.0)
    tail = service.read_tail(RUN, None)
    for count in range(7):
        rest = as_dicts(service.read_tail(RUN, tail.cursor_at(count)).history)
        assert [row["i"] for row in rest] == list(range(count, 6))


def test_only_the_keys_that_were_asked_for_are_read_sealed_and_not(layout, root):
    writer = Writer(layout, rows_per_part=3).log_many([{"a": i, "b.c": i, "d": "x"} for i in range(4)])
    seal.seal_run(layout, RUN)
    tail = LocalService(root, default_entity="ann").read_tail(RUN, None, keys=["b.c"])
    assert as_dicts(tail.history) == [{"_step": i, "b\\.c": i} for i in range(4)]
    assert (tail.history.timestamp, tail.history.runtime) == (None, None)
    assert segment_files(layout)
    writer.end()


def test_what_cannot_be_asked_is_refused(layout, service):
    Writer(layout).log({"a": 1}).end()
    cursor = service.read_tail(RUN, None).cursor
    assert TailCursor.parse(str(cursor)) == cursor
    with pytest.raises(BadValueError, match="the stream 'history', not of 'events'"):
        service.read_tail(RUN, cursor, stream="events")
    with pytest.raises(BadValueError, match="neither a cursor nor a limit"):
        service.read_tail(RUN, cursor, last=3)
    with pytest.raises(BadValueError, match="at least 1"):
        service.read_tail(RUN, cursor, limit=0)
    with pytest.raises(BadValueError, match="is no cursor of a tail"):
        TailCursor.parse("{}")
    with pytest.raises(NotFoundError, match='run "b" not in project'):
        service.read_tail(RunPath("ann", "p", "b"), None)
    shutil.rmtree(layout.run_dir(RUN))
    with pytest.raises(NotFoundError):
        service.read_tail(RUN, cursor)


# Real processes -------------------------------------------------------------------------------------------------


@pytest.fixture
def processes(root, tmp_path):
    """Starts processes that log until they are killed; answers them and their counters of what was acknowledged."""
    counters = tmp_path / "counters"
    counters.write_bytes(bytes(8 * 8))
    running = []

    def start(slot, rows_per_part="1000"):
        command = [sys.executable, Path(__file__).parent / "logging_process.py", root, "r", counters, str(slot)]
        running.append(warm.Popen([*command, rows_per_part, "16"]))
        return running[-1], counter(counters, slot)

    yield start
    for process in running:
        process.kill()
        process.wait()


@pytest.mark.long
def test_a_reader_beside_a_writer_and_a_sealer_has_every_acknowledged_row_once_after_a_kill(layout, root, processes):
    process, acknowledged = processes(0)
    deadline_s = time.monotonic() + DEADLINE_S
    while acknowledged[0] == 0:
        assert time.monotonic() < deadline_s
    readers = [Reader(root), Reader(root, forgets=True), Reader(root, limit=20_000)]
    while acknowledged[0] < 3000:
        assert time.monotonic() < deadline_s
        for reader in readers:
            reader.poll()
            assert not reader.tail.is_ended
        seal.seal_run(layout, RUN, segment_bytes=200_000)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    said = acknowledged[0]
    for reader in readers:
        while not reader.tail.is_ended:
            reader.poll()
        assert LocalService(root, default_entity="ann").read_run(RUN).state == "crashed"
        rows = [{key: value for key, value in row.items() if key not in ("_step", "s")} for row in reader.rows]
        count = said // 2 + said % 2
        assert count <= len(rows) <= count + 1
        whole = said // 2
        assert rows[:whole] == [{"i": i, "x": i / 3} for i in range(whole)]
        assert [row["i"] for row in rows] == list(range(len(rows)))


@pytest.mark.parametrize("is_sealed", [False, True])
@pytest.mark.parametrize("forgets", [False, True])
def test_a_rewound_run_is_told_again_from_the_rows_it_kept(root, layout, is_sealed, forgets):
    reader = Reader(root, forgets=forgets)
    Writer(layout, rows_per_part=3).log_many({"x": i} for i in range(10)).end()
    if is_sealed:
        seal.seal_run(layout, RUN)
    assert [row["x"] for row in reader.poll()] == list(range(10))
    again = open_run(layout, RUN, {}, rewind_to=4, inspector=IN_PROCESS).writer
    assert ([row["x"] for row in reader.poll()], reader.tail.is_restarted) == (list(range(5)), True)
    again.log({"x": 50}, step=5, timestamp=2e9, runtime=1.0)
    assert ([row["x"] for row in reader.poll()], reader.tail.is_restarted) == ([50], False)
    again.end({})
    assert (reader.poll(), reader.tail.is_ended) == ([], True)
    last = LocalService(root, default_entity="ann").read_tail(RUN, None, last=2)
    assert [row["x"] for row in as_dicts(last.history)] == [4, 50]
