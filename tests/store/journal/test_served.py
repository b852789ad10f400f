"""Writers that a server feeds: what is kept of them, and turns in which one is alone with a writer."""

import os
import threading
import time

import pytest

from runlake.errors import NotFoundError
from runlake.store.journal.header import PartHeader
from runlake.store.journal.journal import PartName
from runlake.store.journal.served import Served
from runlake.store.journal.served_files import ServedFiles
from waiting import DEADLINE_S

pytestmark = pytest.mark.parametrize("journal", ["folder", "postgresql"], indirect=True)

SERVED = Served(header=PartHeader({"writer": "w", "odd": [1, None, "\0"]}), client="c", base={"history": 3})


@pytest.fixture
def served(journal):
    if hasattr(journal, "folder"):
        return ServedFiles(journal.folder)

    from runlake.store.cluster.served import PostgresServed

    return PostgresServed(journal._database, journal._path)


def be_silent_for_an_hour(journal):
    if hasattr(journal, "folder"):
        for file in journal.folder.iterdir():
            os.utime(file, (time.time() - 3600,) * 2)
        return
    for table in ("parts", "served"):
        journal._database.write(f"update {table} set heard_at = heard_at - interval '1 hour'")


def test_what_is_said_of_a_writer_can_be_read_and_said_anew(served):
    assert (served.read("w"), served.list()) == (None, [])
    served.mark("w", SERVED)
    assert served.read("w") == SERVED
    ended = Served(header=SERVED.header, ended={"history": 7})
    served.mark("w", ended)
    assert (served.read("w"), served.list()) == (ended, ["w"])


def test_writers_are_listed_oldest_first(served):
    for writer in ("b", "a-1", "a"):
        served.mark(writer, SERVED)
    assert served.list() == ["a", "a-1", "b"]


def test_a_turn_knows_what_was_said_and_is_a_sign_of_life(served, journal):
    journal.create_part(PartName("w", 0)).close()
    served.mark("w", SERVED)
    be_silent_for_an_hour(journal)
    assert 3500 < time.time() - journal.last_write_at(PartName("w", 0)) < 3700
    with served.turn("w") as found:
        assert found == SERVED
    assert time.time() - journal.last_write_at(PartName("w", 0)) < 100
    assert journal.is_held(PartName("w", 0)) is None


def test_a_writer_that_is_not_served_has_no_turns(served):
    with pytest.raises(NotFoundError, match="the run of writer w is not here any more"), served.turn("w"):
        pass


def test_turns_of_a_writer_do_not_overlap(served, journal):
    served.mark("w", SERVED)
    journal.create_part(PartName("w", 0)).close()

    def append():
        for _ in range(20):
            with served.turn("w"):
                end = journal.size_bytes(PartName("w", 0))
                journal.append(PartName("w", 0), b"x", end)

    threads = [threading.Thread(target=append) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(DEADLINE_S)
    assert journal.read(PartName("w", 0)) == b"x" * 80


def test_what_a_client_said_last_is_kept_within_its_turn(served):
    served.mark("w", SERVED)
    assert served.read_said("w") == served.read_said("none") == b""
    for said in (b"\0one", b"", b"two"):
        with served.turn("w"):
            served.keep_said("w", said)
            assert served.read_said("w") == said
        assert served.read_said("w") == said
