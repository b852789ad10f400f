"""Which runs moved since a look: whatever changes what readers see is told, by one statement."""

import pytest

from runlake.store.cluster.database import Database
from runlake.store.cluster.journal import PostgresJournal
from runlake.store.cluster.moves import Moment, moved_since
from runlake.store.journal.journal import PartName
from runlake.store.layout import encode_name

NAME = PartName("w", 0)


@pytest.fixture
def look(database, new_path):
    """What moved since the look before."""
    last = [Moment()]

    def look_again():
        moved = moved_since(database, *new_path[:2], last[0])
        last[0] = moved.now
        return moved.folders, moved.is_everything

    return look_again


def test_everything_that_readers_see_moves_a_run(database, names, begin_run, new_path, look):
    assert look() == (set(), True)
    odd = new_path._replace(run_id="Ünï odd")
    begin_run(odd, "i1")
    begin_run(new_path, "i1")
    assert look() == ({"r", encode_name(odd.run_id)}, False)
    assert look() == (set(), False)
    journal = PostgresJournal(database, new_path)
    journal.bind()
    for change in (
        lambda: journal.create_part(NAME),
        lambda: journal.append(NAME, b"abc", 0),
        lambda: journal.truncate(NAME, 1),
        lambda: journal.drop(NAME),
    ):
        change()
        assert look() == ({"r"}, False)
        assert look() == (set(), False)
    deleted = names.delete(new_path)
    assert look() == ({"r"}, False)
    names.restore(deleted.run_no)
    assert look() == ({"r"}, False)


def test_what_is_committed_late_is_told(database, shared_database_url, begin_run, new_path, look):
    other = Database(shared_database_url)
    begin_run(new_path, "i1")
    journal, late = PostgresJournal(database, new_path), PostgresJournal(other, new_path._replace(run_id="late"))
    begin_run(new_path._replace(run_id="late"), "i1")
    look()
    with other.transaction():
        late.create_part(NAME)
        journal.create_part(NAME)
        assert look() == ({"r"}, False)
    assert "late" in look()[0]
    assert look() == (set(), False)
    other.close()


def test_a_project_that_is_not_there_has_nothing_that_moved(database, new_path):
    assert moved_since(database, new_path.entity, "none", Moment()).folders == set()
