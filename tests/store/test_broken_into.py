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


def break_into(journal, call, do, place, *, raises):
    """One call that is broken into at a place; whether there was such a place."""
    writer = JournalWriter(journal, "w", {}, limits=WriterLimits(rows_per_part=3, frames_per_block=2))
    write(writer, {"i": 0})
    write(writer, {"i": 0})
    handled, done = False, False

    def handler():
        nonlocal handled
        try:
            do(writer)
            handled = True
        except StoreError:  # the call has ended the writer already
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
    told = [row[3] for row in rows_of_journal(journal)]
    for scanned in scan_all(journal):
        told += [body["set"] for kind, body, *_ in scanned.records if kind == record.CONFIG]
        assert scanned.valid_bytes == len(scanned.data)
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
