"""Every acknowledged row is there once, whatever is killed, restarted, lost or asked twice; nothing else is left."""

import contextlib

import pytest
from chaos import ROWS_A_BATCH, Chaos, Writer
from postgres import PostgresServer, find_programs

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.database import Database
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.unsealed import find_unsealed
from waiting import wait_until


@pytest.fixture
def fragile_postgres():
    """A PostgreSQL of the test's own, which writes to the disk before it answers."""
    programs = find_programs()
    if programs is None:
        pytest.skip("there is no PostgreSQL")
    server = PostgresServer(programs, "-c", "fsync=on")
    server.start()
    yield server
    server.remove()


def survive(folder, postgres, s3, *, writer_count, batch_count, replica_count, mutant="", **harm):
    with Chaos(folder, postgres, s3, replica_count=replica_count, mutant=mutant) as chaos:
        writers = [Writer(chaos, number, batch_count) for number in range(writer_count)]
        chaos.harm_while(writers, **harm)

        assert [writer.error for writer in writers] == [None] * writer_count
        assert all(writer.acknowledged >= batch_count * ROWS_A_BATCH for writer in writers)
        for writer in writers:
            chaos.prove(writer, is_whole=True)
        bucket = Bucket(chaos.bucket_url, s3.options())
        with contextlib.closing(Database(chaos.database_url)) as database:
            wait_until(lambda: not find_unsealed(database, silent_s=0.0, limit=10), "everything was sealed")
            for writer in writers:
                chaos.prove(writer, is_whole=True)
            collect(database, bucket, staged_s=0.0, dead_s=0.0)
            assert list(Comparison(database, bucket).differences(is_reading=True)) == []


def test_every_acknowledged_row_is_there_once(tmp_path, fragile_postgres, s3_server):
    harm = {"kill_count": 2, "kill_every_s": 1.0, "restart_count": 1, "restart_every_s": 1.5}
    survive(tmp_path, fragile_postgres, s3_server, writer_count=3, batch_count=10, replica_count=2, **harm)


@pytest.mark.long
def test_the_same_with_many_writers_for_a_minute(tmp_path, fragile_postgres, s3_server):
    harm = {"kill_count": 40, "kill_every_s": 1.0, "restart_count": 4, "restart_every_s": 12.0}
    survive(tmp_path, fragile_postgres, s3_server, writer_count=24, batch_count=60, replica_count=3, **harm)


@pytest.mark.long
@pytest.mark.parametrize("mutant", ["drop before publish", "commit later"])
def test_a_wrong_design_is_found_out(tmp_path, fragile_postgres, s3_server, mutant):
    harm = {"kill_count": 12, "kill_every_s": 1.0, "restart_count": 8, "restart_every_s": 1.5}
    many = {"writer_count": 8, "batch_count": 40, "replica_count": 3}
    with pytest.raises(AssertionError, match=r"were acknowledged|is gone"):
        survive(tmp_path, fragile_postgres, s3_server, mutant=mutant, **many, **harm)
