"""Every acknowledged row is there once, whatever is killed, restarted, lost or asked twice; nothing else is left."""

import pytest
from chaos import ROWS_A_BATCH, Chaos, Writer
from postgres import PostgresServer, find_programs

from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.unsealed import find_unsealed
from waiting import wait_until


@pytest.fixture
def new_postgres():
    """Makes a PostgreSQL of the test's own, which writes to the disk before it answers, or a standby of another."""
    programs, servers = find_programs(), []
    if programs is None:
        pytest.skip("there is no PostgreSQL")

    def make(primary=None):
        servers.append(PostgresServer(programs, "-c", "fsync=on", primary=primary))
        servers[-1].start()
        return servers[-1]

    yield make
    for server in servers:
        server.remove()


def survive(folder, postgres, s3, *, writer_count, batch_count, replica_count, standby=None, mutant="", **harm):
    with Chaos(folder, postgres, s3, replica_count=replica_count, standby=standby, mutant=mutant) as chaos:
        writers = [Writer(chaos, number, batch_count) for number in range(writer_count)]
        chaos.harm_while(writers, **harm)

        assert [writer.error for writer in writers] == [None] * writer_count
        assert all(writer.acknowledged >= batch_count * ROWS_A_BATCH for writer in writers)
        for writer in writers:
            chaos.prove(writer, is_whole=True)
        database, bucket = chaos.store.database, chaos.store.bucket
        wait_until(lambda: not find_unsealed(database, silent_s=0.0, limit=10), "everything was sealed")
        for writer in writers:
            chaos.prove(writer, is_whole=True)
        assert min(chaos.deeds[deed] for deed in (*harm["counts"], "read", "listing", "segments")) > 0
        collect(database, bucket, staged_s=0.0, dead_s=0.0)
        assert list(Comparison(database, bucket).differences(is_reading=True)) == []


def test_every_acknowledged_row_is_there_once(tmp_path, new_postgres, s3_server):
    harm = {"counts": {"kill": 2, "restart": 1}, "every_s": {"kill": 1.0, "restart": 1.5}}
    survive(tmp_path, new_postgres(), s3_server, writer_count=3, batch_count=10, replica_count=2, **harm)


LONG = {"kill": 1.0, "stopped": 5.3, "cut_off": 7.1, "restart": 12.0}


@pytest.mark.long
def test_the_same_with_many_writers_for_a_minute(tmp_path, new_postgres, s3_server):
    harm = {"counts": {"kill": 40, "stopped": 8, "cut_off": 6, "restart": 4}, "every_s": LONG}
    survive(tmp_path, new_postgres(), s3_server, writer_count=24, batch_count=60, replica_count=3, **harm)


LOST = "were acknowledged|is gone"


def with_standby(new_postgres, *, waits):
    """A database, which `waits` for its standby before it answers, and the standby."""
    primary = new_postgres()
    standby = new_postgres(primary)
    names = "alter system set synchronous_standby_names = '{}'".format("*" if waits else "")
    primary.execute(names, "select pg_reload_conf()")
    return primary, standby


@pytest.mark.long
def test_a_standby_takes_the_place_of_the_database_and_has_what_was_acknowledged(tmp_path, new_postgres, s3_server):
    primary, standby = with_standby(new_postgres, waits=True)
    harm = {"counts": {"kill": 10, "fail_over": 1}, "every_s": {**LONG, "fail_over": 6.0}}
    many = {"writer_count": 8, "batch_count": 40, "replica_count": 3}
    survive(tmp_path, primary, s3_server, standby=standby, **many, **harm)


@pytest.mark.long
def test_a_standby_that_is_not_waited_for_loses_rows_and_that_is_found_out(tmp_path, new_postgres, s3_server):
    primary, standby = with_standby(new_postgres, waits=False)
    harm = {"counts": {"fail_over": 1}, "every_s": {"fail_over": 3.0}}
    with pytest.raises(AssertionError, match=LOST):
        survive(tmp_path, primary, s3_server, standby=standby, writer_count=8, batch_count=20, replica_count=2, **harm)


@pytest.mark.long
@pytest.mark.parametrize(
    ("mutant", "told"),
    [("drop before publish", LOST), ("commit later", LOST), ("no lock", f"{LOST}|has the steps")],
)
def test_a_wrong_design_is_found_out(tmp_path, new_postgres, s3_server, mutant, told):
    harm = {"counts": {"kill": 12, "restart": 8}, "every_s": {"kill": 1.0, "restart": 1.5}}
    many = {"writer_count": 8, "batch_count": 40, "replica_count": 3}
    with pytest.raises(AssertionError, match=told):
        survive(tmp_path, new_postgres(), s3_server, mutant=mutant, **many, **harm)
