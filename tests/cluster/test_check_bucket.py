"""Whether a bucket may hold a store: real servers do, and one that ignores conditions is refused by name."""

import itertools

import pytest
from s3_proxy import S3Proxy

from runlake.errors import StoreError
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.bucket_errors import UnusableBucketError
from runlake.store.cluster.check_bucket import check_bucket


def test_a_server_that_keeps_every_promise_may_hold_a_store(s3_server):
    bucket = Bucket(s3_server.new_url(), s3_server.options())
    bucket.put_new("before", b"1")
    assert [check.fault for check in check_bucket(bucket)] == [""] * 11
    assert [info.key for info in bucket.list()] == ["before"]


@pytest.mark.slow
def test_a_server_that_ignores_conditions_is_refused_by_name(s3_server):
    Bucket("s3://open", s3_server.options()).put_new("x/before", b"makes the bucket")
    proxy = S3Proxy(s3_server.endpoint, itertools.repeat("blind"))
    # A condition is part of what is signed: it can be taken away only from who signs nothing.
    bucket = Bucket("s3://open/x", s3_server.options(endpoint=proxy.endpoint, skip_signature="true"))
    with pytest.raises(StoreError) as caught:
        check_bucket(bucket)
    proxy.stop()
    assert str(caught.value) == (
        f"{bucket.url} cannot hold a store, since its server does not keep: "
        "of several who create an object one does: 32 of 32 who did so at once were told that it was them "
        "(If-None-Match: *); what is there is not written over: the second of two was not refused (If-None-Match: *)"
    )


def test_a_bucket_that_cannot_be_asked_is_not_judged(s3_server):
    with pytest.raises(UnusableBucketError):
        check_bucket(Bucket(s3_server.new_url(), s3_server.options(access_key_id="nobody")))
