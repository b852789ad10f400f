"""The way to the database is cut, and nobody says so: who waits is told after a while, and goes on by himself later."""

import pytest

from runlake.store.cluster.database import Database, UnreachableDatabaseError


@pytest.fixture
def cut_off(losing_proxy, database):
    """The shared database over a way that can be cut, as who has little patience asks it."""
    name = database.read("select current_database()")[0][0]
    url = f"postgresql://tests@127.0.0.1:{losing_proxy.port}/{name}?connect_timeout=2"
    cut_off = Database(url, patience_s=0.4)
    yield cut_off
    cut_off.close()


def test_who_waits_for_a_database_that_says_nothing_is_told_so_and_goes_on_when_it_speaks(cut_off, losing_proxy):
    assert cut_off.write("select 1") == [(1,)]
    losing_proxy.is_open.clear()
    with pytest.raises(UnreachableDatabaseError, match=r"cannot be reached: no answer for 0\.4 s"):
        cut_off.write("select 1")
    with pytest.raises(UnreachableDatabaseError, match="timeout expired"):
        cut_off.ping()
    assert cut_off.connections_in_use == 0
    losing_proxy.is_open.set()
    cut_off.ping()
    assert cut_off.write("select 1") == [(1,)]
