import itertools

import pytest

from runlake.model import RunPath
from runlake.store.journal.folder import FolderJournal
from runlake.store.journal.memory import MemoryJournal

_COUNT = itertools.count()


@pytest.fixture
def new_path():
    """A run that no other test has, of an entity of its own."""
    return RunPath(f"e{next(_COUNT)}", "p", "r")


@pytest.fixture(params=["folder", "memory", "postgresql"])
def journal(request, tmp_path):
    if request.param != "postgresql":
        return FolderJournal(tmp_path) if request.param == "folder" else MemoryJournal()
    return make_postgres_journal(request)


@pytest.fixture
def has_locks(journal):
    """Whether it can be told that a process holds a part."""
    return isinstance(journal, FolderJournal | MemoryJournal)


def make_postgres_journal(request):
    """The journal of a new run in the shared database."""
    database, path = request.getfixturevalue("shared_database"), request.getfixturevalue("new_path")

    from runlake.store.cluster.journal import PostgresJournal
    from runlake.store.cluster.names import Names

    names = Names(database)
    names.make_run(path)
    names.claim_incarnation(path, "i1")
    return PostgresJournal(database, path)
