"""The header of a part: who writes into which run, kept as it was read."""

import msgspec
import pytest

from runlake.model import RunPath
from runlake.store.journal import record
from runlake.store.journal.first_frame import read_header
from runlake.store.journal.fold import WriterState, taken_over
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.memory import MemoryJournal
from runlake.store.journal.writer import JournalWriter

BODY = {
    "later": {"than": ["we"]},
    "entity": "ann",
    "project": "p",
    "run_id": "r",
    "incarnation": "i",
    "generation": "g",
    "role": "run",
    "created_at": 5.0,
    "session": 1,
    "after": 4.0,
}


def test_what_a_writer_says_of_itself_is_the_header_of_its_parts():
    journal = MemoryJournal()
    JournalWriter(journal, "w", BODY).close()
    header = read_header(journal, PartName("w", 0), "ann/p/r")
    assert (header.incarnation, header.generation, header.writer, header.role) == ("i", "g", "w", "run")
    assert (header.is_trainer, header.is_editor, header.is_of_rewind, header.taken) == (True, False, False, [])
    assert (header.path, header.created_at, header.session, header.after) == (RunPath("ann", "p", "r"), 5.0, 1, 4.0)
    assert (header.number, header.first) == (0, {"history": 0, "events": 0, "console": 0})
    assert header.previous_bytes is None
    assert header.of_all_parts() == PartHeader({**BODY, "writer": "w"})


def test_what_is_not_said_is_nothing():
    header = PartHeader({})
    assert (header.role, header.path, header.created_at, header.session, header.after) == ("", None, 0.0, 0, 0.0)
    assert (header.number, header.first, header.previous_bytes, header.taken) == (0, {}, None, [])
    with pytest.raises(KeyError):
        assert header.incarnation


def test_a_header_is_written_as_it_was_read_with_fields_that_nobody_knows():
    state = WriterState("w", PartHeader(BODY), [(record.START, {"clock": 1, "n": 0})])
    cut = record.encode_body({"writers": [state]})
    assert taken_over(record.decode_body(cut)) == [state]
    assert record.encode_body({"writers": taken_over(record.decode_body(cut))}) == cut
    assert record.decode_body(cut)["writers"][0]["header"] == BODY
    assert list(record.decode_body(cut)["writers"][0]["header"]) == list(BODY)


def test_another_header_leaves_the_one_it_is_made_of_as_it_is():
    header = PartHeader(BODY)
    assert header.with_fields(role="editor").is_editor
    assert header.without("later", "role", "nothing").role == ""
    assert header == PartHeader(dict(BODY))
    assert header != BODY


def test_a_header_that_is_no_map_is_refused_by_its_place():
    with pytest.raises(msgspec.ValidationError, match=r"Expected `object`, got `int` - at `\$\[0\]\.header`"):
        taken_over({"writers": [{"writer": "w", "header": 3}]})


def test_a_part_that_has_not_said_whose_it_is_has_no_header():
    journal = MemoryJournal()
    name = PartName("w", 0)
    part = journal.claim(name)
    assert read_header(journal, name, "r") is None
    part.write(record.MAGIC + b"\x05")
    assert read_header(journal, name, "r") is None
    with pytest.raises(FileNotFoundError):
        read_header(journal, PartName("w", 1), "r")
