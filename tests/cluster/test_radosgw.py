"""Ceph's S3 server as a second opinion: what holds over SeaweedFS is none of its habits."""

import io
import time

import pytest
import radosgw
from chaos import survive
from moved import RUN, back_into, bytes_of, into, make_store, told

from runlake.api.api import Api
from runlake.bulk.bucket_claim import Claim
from runlake.bulk.verify import verify_folder
from runlake.errors import ConflictError
from runlake.service.cluster.service import ClusterService
from runlake.service.local.service import LocalService
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.check_bucket import run_checks, upload_way_of
from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.garbage import collect
from trainer import Trainer

pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def s3_server():
    if (reason := radosgw.why_not()) is not None:
        pytest.skip(reason)
    with radosgw.s3_server() as server:
        yield server


def test_it_keeps_each_promise_that_a_store_stands_on(store):
    found = list(run_checks(store.bucket))

    assert [(check.promise, check.fault) for check in found if check.fault and check.is_needed] == []
    assert len([check for check in found if check.is_needed]) == 8
    assert upload_way_of(found) == "copied"  # it proves no x-amz-checksum-sha256


def test_a_store_comes_is_written_sealed_packed_collected_and_goes_back(store, tmp_path):
    there = make_store(tmp_path / "folder")
    list(into(tmp_path / "folder", store).move())
    service = ClusterService(store, default_entity="ann", user="ann")
    assert told(service) == told(there)

    for run_id in ("late1", "late2"):
        Trainer(store, run_id).log(loss=0.5, text="late").finish()
    list(service.seal("ann", "mnist"))
    service.put_file(RUN, "notes/b.bin", io.BytesIO(bytes(40 << 20)))  # in parts
    service.put_file(RUN, "notes/a.txt", io.BytesIO(b"another"))
    assert {"late1", "late2"} <= {path.run_id for path in service.pack_runs("ann", "mnist", at_once=True)}
    before = told(service)
    assert collect(store.database, store.bucket, staged_s=0.0, dead_s=0.0).object_count > 0
    assert list(Comparison(store.database, store.bucket).differences(is_reading=True)) == []
    assert told(service) == before
    assert before["bytes"] == b"another"

    list(back_into(tmp_path / "back", store).move())
    back = LocalService(tmp_path / "back", default_entity="ann", user="ann")
    assert told(back) == before
    assert bytes_of(back.open_file(RUN, "notes/b.bin")) == bytes(40 << 20)


def test_an_export_ends_in_it_is_brought_up_to_date_and_proved(store, s3_server, tmp_path, monkeypatch):
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    url, service = s3_server.new_url(), make_store(tmp_path / "folder")
    with Claim(Bucket(url), "claims", lease_s=4.0, renew_s=0.2).held(url):
        time.sleep(4.5)
        with pytest.raises(ConflictError, match="was heard"), Claim(Bucket(url), "claims", lease_s=4.0).held(url):
            pass
    with Api(service=service) as api:
        api.export("ann/mnist", f"{url}/out", format="csv")
        api.export("ann/mnist", f"{url}/out", format="csv")
    assert verify_folder(f"{url}/out", service, is_deep=True).is_whole


def test_every_acknowledged_row_is_there_once(tmp_path, new_postgres, s3_server):
    harm = {"counts": {"kill": 10, "restart": 2}, "every_s": {"kill": 1.0, "restart": 4.0}}
    survive(tmp_path, new_postgres(), s3_server, writer_count=6, batch_count=20, replica_count=2, **harm)
