"""Tables of a newer version: who serves them goes on until it is replaced, and none of this version begins."""

import pytest

from runlake.errors import NewerFormatError
from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.database import Database

RUN = RunPath("ann", "p", "r")


def batch(first):
    rows = [LoggedRow(n, 1000.0 + n, float(n), {"loss": n / 4}) for n in range(first, first + 5)]
    return WriterBatch(rows={"history": rows}, first_n={"history": first})


def test_replicas_go_on_over_tables_of_a_newer_version_and_no_more_begin(store, new_store, shared_database_url):
    replica = ClusterService(new_store(), default_entity="ann", user="ann")
    writer = replica.begin_writer(RUN, WriterStart()).writer
    store.database.write("insert into schema_version values (9999, now())")
    try:
        replica.ping()
        for first in (0, 5):
            replica.write_batch(RUN, writer, batch(first))
        replica.begin_writer(RUN._replace(run_id="another"), WriterStart())
        assert replica.read_history(RUN).step.tolist() == list(range(10))
        assert sorted(run.run_id for run in replica.list_runs("ann", "p").runs) == ["another", "r"]
        list(replica.seal("ann", "p"))
        late = Database(shared_database_url, schema=store.database.schema)
        with pytest.raises(NewerFormatError, match=r"newer version of runlake .*; upgrade runlake"):
            late.migrate()
        late.close()
    finally:
        store.database.write("delete from schema_version where number = 9999")  # the tables are for other tests too
