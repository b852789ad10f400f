"""Signal handlers in the midst of a call of the writer, at every place: they log, end, raise, or all of these."""

import itertools
import os

import pytest
from journals import rows_of_journal, scan_all

from breaking_in import Breaker, in_pieces
from runlake.errors import StoreError
from runlake.store.journal import record
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.limits import WriterLimits
from runlake.store.journal.memory import MemoryJournal
from runlake.store.journal.writer import JournalWriter


class Broken(BaseException):
    """What the handler raises."""


def write(writer, data, **options):
    writer.log(data, step=0, timestamp=0.0, runtime=0.0, **options)


def end(writer):
    """As often as one likes."""
    if writer.is_ended:
        writer.close()
    else:
        writer.end({})


CALLS = {
    "numbers": lambda writer: write(writer, {"i": 1}),
    "text": lambda writer: write(writer, {"i": 1, "text": "x"}),
    "a new shape": lambda writer: write(writer, {"i": 1, "new": 2.5}),
    "a piece of a row": lambda writer: write(writer, {"i": 1}, commit=False),
    "a row that begins a part": lambda writer: (write(writer, {"full": 1}), write(writer, {"i": 1})),
    "a record": lambda writer: writer.record(record.CONFIG, {"set": {"i": 1}}),
    "the end": lambda writer: end(writer),
}
HANDLERS = {
    "logs": lambda writer: write(writer, {"handled": 1}),
    "logs text": lambda writer: write(writer, {"handled": 1, "text": "y"}),
    "records": lambda writer: writer.record(record.CONFIG, {"set": {"handled": 1}}),
    "ends": lambda writer: end(writer),
    "does nothing": lambda writer: None,
}


@pytest.mark.parametrize("raises", [False, True], ids=["and returns", "and raises"])
@pytest.mark.parametrize("does", HANDLERS)
@pytest.mark.parametrize("call", CALLS)
def test_a_handler_in_the_midst_of_a_call_harms_nothing(call, does, raises):
    for place in itertools.count():
        if not break_into(MemoryJournal(), CALLS[call], HANDLERS[does], place, raises=raises):
            assert place > 5
            return


@pytest.mark.long
@pytest.mark.parametrize("raises", [False, True], ids=["and returns", "and raises"])
@pytest.mark.parametrize("does", HANDLERS)
@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("piece_bytes", [20, 10**6], ids=["in pieces", "whole"])
def test_a_handler_in_the_midst_of_a_system_call_harms_no_file(call, does, raises, piece_bytes, tmp_path, monkeypatch):
    for place in itertools.count():
        folder = tmp_path / str(place)
        folder.mkdir()
        with in_pieces(monkeypatch, os, piece_bytes):
            has_broken_in = break_into(FolderJournal(folder), CALLS[call], HANDLERS[does], place, raises=raises)
        if not has_broken_in:
            return


class BreakableJournal:
    """A journal that says before and after what its parts do that they do it: a handler may come in there."""

    def __init__(self, journal, piece_bytes):
        self._journal, self.piece_bytes, self.passes = journal, piece_bytes, lambda: None

    def __getattr__(self, name):
        return getattr(self._journal, name)

    def create_part(self, name):
        self.passes()
        part = self._journal.create_part(name)
        self.passes()
        return BreakablePart(part, self)


class BreakablePart:
    def __init__(self, part, journal):
        self._part, self._journal = part, journal

    def __getattr__(self, name):
        done = getattr(self._part, name)

        def do(*given):
            self._journal.passes()
            answer = done(*(one[: self._journal.piece_bytes] if isinstance(one, bytes) else one for one in given))
            self._journal.passes()
            return answer

        return do if callable(done) else done


@pytest.mark.parametrize(
    ("journals", "stride"),
    [
        ("memory", 97),
        pytest.param("memory", 1, marks=pytest.mark.long),
        pytest.param("folders", 11, marks=pytest.mark.long),
    ],
)
@pytest.mark.parametrize("ending", ["and both return", "and the inner raises", "and both raise"])
@pytest.mark.parametrize("does", ["logs", "records"])
@pytest.mark.parametrize("call", [name for name in CALLS if name != "the end"])
@pytest.mark.parametrize("piece_bytes", [20, 10**6], ids=["in pieces", "whole"])
def test_a_handler_in_the_midst_of_a_handler_harms_nothing(call, does, ending, piece_bytes, journals, stride, tmp_path):
    for outer in itertools.count():
        for inner in itertools.count(outer % stride, stride):
            if journals == "memory":
                journal = MemoryJournal()
            else:
                journal = FolderJournal(tmp_path / f"{outer}-{inner}")
                journal.prepare()
            journal = BreakableJournal(journal, piece_bytes)
            broken_count = break_twice(journal, CALLS[call], HANDLERS[does], (outer, inner), ending)
            if broken_count < 2:
                break
        if broken_count < 1:
            assert outer > 1
            return


def break_twice(journal, call, do, places, ending):
    """A call that is broken into as its part does something, by a handler that is broken into itself, at any place.

    How often there was such a place.
    """
    handled = []
    to_pass = itertools.count()
    breaker = Breaker(places[1], lambda: handle(raises=ending != "and both return"))

    def passes():
        if next(to_pass) == places[0]:
            with breaker:
                told("outer")
            if ending == "and both raise":
                raise Broken

    def told(who):
        try:
            do(writer)
            handled.append(who)
        except BlockingIOError:  # there is no part yet
            pass

    def handle(*, raises):
        told("inner")
        if raises:
            raise Broken

    writer = begin(journal)
    journal.passes = passes
    try:
        call(writer)
        handled.append("done")
    except Broken:
        assert ending != "and both return"
    place_count, journal.passes = next(to_pass), lambda: None
    write(writer, {"after": 1})
    end(writer)
    found = told_in(journal)
    assert found.count({"i": 0}) == 2
    assert sum(one.get("handled") == 1 for one in found) >= handled.count("outer") + handled.count("inner")
    if ending == "and both return":
        assert sum(one.get("handled") == 1 for one in found) == handled.count("outer") + handled.count("inner")
    if "done" in handled:
        assert sum(one.get("i") == 1 for one in found) == 1
    assert sum(one.get("after") == 1 for one in found) == 1
    assert [name.number for name, _ in journal.list_parts()] == list(range(len(journal.list_parts())))
    return (place_count > places[0]) + breaker.has_broken_in


def begin(journal):
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=3, frames_per_block=2))
    write(writer, {"i": 0})
    write(writer, {"i": 0})
    return writer


def told_in(journal):
    """What rows and records say; every byte of the journal is read."""
    told = [row[3] for row in rows_of_journal(journal)]
    for scanned in scan_all(journal):
        told += [body["set"] for kind, body, *_ in scanned.records if kind == record.CONFIG]
        assert scanned.valid_bytes == len(scanned.data)
    return told


def break_into(journal, call, do, place, *, raises):
    """One call that is broken into at a place; whether there was such a place."""
    writer = begin(journal)
    handled, done = False, False

    def handler():
        nonlocal handled
        try:
            do(writer)
            handled = True
        except (StoreError, BlockingIOError):  # the call has ended the writer already, or has no part yet
            pass
        if raises:
            raise Broken

    try:
        with Breaker(place, handler) as breaker:
            call(writer)
        done = True
    except Broken:
        assert raises
    except StoreError:
        assert writer.is_closed
    if not writer.is_closed:
        if call is not CALLS["the end"]:
            write(writer, {"after": 1})
        end(writer)
    told = told_in(journal)
    assert told.count({"i": 0}) == 2
    if done and call is not CALLS["the end"]:
        assert sum(one.get("i") == 1 for one in told) == 1
    if handled and do not in (HANDLERS["ends"], HANDLERS["does nothing"]):
        assert sum(one.get("handled") == 1 for one in told) == 1
    ends = [kind for scanned in scan_all(journal) for kind, *_ in scanned.records if kind == record.END]
    assert len(ends) == 1
    if not raises:  # else it may be between being forgotten and being closed, and is so when the process ends
        assert not any(journal.is_held(name) for name, _ in journal.list_parts())
    return breaker.has_broken_in
