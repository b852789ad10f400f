"""Changes in the database: what is committed late is told, and after another history everything is."""

import pytest

from runlake.model import RunPath
from runlake.store.changes import SeenChanges, new_name
from runlake.store.cluster.changes import PostgresChanges
from runlake.store.cluster.database import Database


@pytest.fixture
def other_process(shared_database_url):
    database = Database(shared_database_url)
    yield database
    database.close()


def note(changes, run_id, action="init"):
    changes.append(new_name(RunPath("ann", "p", run_id), "w", action, "i1"))


def told(scan):
    return [change.folder for change in scan.changes]


def test_what_began_earlier_and_is_committed_later_is_told_once(database, other_process, new_path):
    mine, theirs = (PostgresChanges(each, *new_path[:2]) for each in (database, other_process))
    note(mine, "a")
    first = mine.read_since(SeenChanges())
    with other_process.transaction():
        note(theirs, "late")
        note(mine, "b")
        second = mine.read_since(first.seen)
        again = mine.read_since(second.seen)
    third = mine.read_since(again.seen)
    assert [told(scan) for scan in (first, second, again, third)] == [["a"], ["b"], [], ["late"]]
    assert told(mine.read_since(third.seen)) == []


def test_what_is_taken_back_was_never_told(database, new_path):
    changes = PostgresChanges(database, *new_path[:2])
    note(changes, "a")

    def note_and_fail():
        with database.transaction():
            note(changes, "b")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        note_and_fail()
    assert told(changes.read_since(SeenChanges())) == ["a"]


def test_what_was_told_is_not_remembered_for_ever(database, new_path):
    changes, seen = PostgresChanges(database, *new_path[:2]), SeenChanges()
    for number in range(50):
        note(changes, str(number))
        seen = changes.read_since(seen).seen
    assert len(seen.loose) < 3


def test_after_a_restart_and_in_a_restored_database_everything_may_have_moved(postgres_server):
    older = postgres_server.make_database()
    database = Database(postgres_server.url_of(older))
    database.migrate()
    changes = PostgresChanges(database, "ann", "p")
    note(changes, "a")
    seen = changes.read_since(SeenChanges()).seen
    database.close()
    restored = Database(postgres_server.url_of(postgres_server.make_database(template=older)))
    changes = PostgresChanges(restored, "ann", "p")
    note(changes, "b")
    scan = changes.read_since(seen)
    assert (told(scan), scan.is_garbled) == (["a", "b"], True)
    assert not changes.read_since(scan.seen).is_garbled
    postgres_server.stop()
    postgres_server.start()
    assert changes.read_since(scan.seen).is_garbled
    restored.close()


@pytest.mark.parametrize("name", ["a\0b", "%s %(x)s", "\ud800", "x" * 255])
def test_a_change_may_be_called_anything(database, new_path, name):
    changes = PostgresChanges(database, *new_path[:2])
    changes.append(name)
    changes.append(name)
    assert changes.read_since(SeenChanges()).changes == []


def test_old_changes_are_removed_and_who_missed_them_is_told_that_any_run_may_have_moved(database, new_path):
    changes = PostgresChanges(database, *new_path[:2])
    note(changes, "a")
    early = changes.read_since(SeenChanges()).seen
    assert changes.prune(older_than_s=60) == 0
    note(changes, "b")
    note(changes, "c", "delete")
    late = changes.read_since(early).seen
    assert changes.prune(older_than_s=0) == 2
    assert changes.latest_death("i1") is not None
    scan = changes.read_since(early)
    assert (told(scan), scan.is_garbled) == (["c"], True)
    assert not changes.read_since(scan.seen).is_garbled
    scan = changes.read_since(SeenChanges())
    assert (told(scan), scan.is_garbled) == (["c"], False)
    note(changes, "d")
    scan = changes.read_since(late)
    assert (told(scan), scan.is_garbled) == (["d"], False)
