"""A run with 100,000 files: it is listed, read, deleted and collected, with a few statements each."""

import io

import pytest

from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.service.cluster.service import ClusterService
from runlake.store.cluster.garbage import collect
from trainer import Trainer

RUN = RunPath("ann", "mnist", "a")
COUNT = 100_000


@pytest.fixture
def service(store):
    trainer = Trainer(store, "a").log(loss=1.0)
    trainer.finish()
    return ClusterService(store, default_entity="ann", user="ann")


def make_files(store, run_no, count):
    """As if they had been put one after the other, which would take an hour; none of them is in the bucket."""
    named = f"select 'f/' || lpad(n::text, 6, '0') as name from generate_series(1, {count}) n"
    made = f"""
        with names as ({named}), stored as (
            insert into objects (key, run_no, size_bytes, sha256, sums, state)
            select 'files/' || name, {run_no}, 4, '', '', 'published' from names)
        insert into files (run_no, name, key, size_bytes, md5, mimetype)
        select {run_no}, name, 'files/' || name, 4, 'jd2L5LF5pSmvpfL/rkuYWA==', 'text/plain' from names
    """
    store.database.write(made)


@pytest.mark.long
def test_a_run_with_many_files_is_as_one_with_few(service, store):
    ((run_no,),) = store.database.read("select run_no from runs")
    make_files(store, run_no, COUNT)
    names = [f"f/{n:06}" for n in range(1, COUNT + 1)]
    assert [info.name for info in service.list_files(RUN)] == names
    assert [info.name for info in service.list_files(RUN, after=names[50_000], limit=3)] == names[50_001:50_004]
    assert service.count_files(RUN) == COUNT
    for name in ("f/000001", "g"):
        service.put_file(RUN, name, io.BytesIO(b"new"))
    service.delete_file(RUN, "f/000002")
    with pytest.raises(NotFoundError, match=r"has no file 'f/000002' \(100000 files\); did you mean 'f/00"):
        service.open_file(RUN, "f/000002")
    assert [service.open_file(RUN, name).read() for name in ("f/000001", "g")] == [b"new"] * 2

    service.delete_run(RUN)
    service.restore_run(RUN)
    assert [info.name for info in service.list_files(RUN)] == [names[0], *names[2:], "g"]
    service.delete_run(RUN)
    (deleted,) = store.names.list_deleted()
    store.purge_run(deleted)
    # Two of them were replaced or removed, two came; the run was sealed into none.
    assert collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0).object_count == COUNT + 2
    assert store.database.read("select count(*) from objects") == [(0,)]
    assert list(store.bucket.list("files")) == []
