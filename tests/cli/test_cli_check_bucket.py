"""`runlake check --bucket`: a bucket is proved before it holds a store."""

import itertools
import json

import pytest
from s3_proxy import S3Proxy


@pytest.fixture
def variables(monkeypatch, s3_server):
    """The variables of AWS's tools, as they lead to the server."""
    for name, value in s3_server.environment().items():
        monkeypatch.setenv(name, value)
    return monkeypatch


@pytest.mark.slow
def test_a_bucket_that_keeps_every_promise_may_hold_a_store(runlake, variables, s3_server):
    url = s3_server.new_url()
    ended = runlake("check", "--bucket", url)
    lines = ended.out.splitlines()
    assert (ended.code, ended.err) == (0, f"{url} may hold a store\n")
    assert [line.split()[-1] for line in lines] == ["KEPT"] + ["yes"] * 11
    document = json.loads(runlake("check", "--bucket", url, "--json").out)
    assert (document["bucket"], {check["fault"] for check in document["checks"]}) == (url, {None})
    assert document["checks"][0]["promise"] == "of several who create an object one does"


@pytest.mark.slow
def test_one_that_ignores_conditions_is_refused_by_name(runlake, variables, s3_server):
    from runlake.store.cluster.bucket import Bucket

    Bucket("s3://open", s3_server.options()).put_new("cli/before", b"makes the bucket")
    proxy = S3Proxy(s3_server.endpoint, itertools.repeat("blind"))
    variables.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    variables.setenv("AWS_SKIP_SIGNATURE", "true")
    ended = runlake("check", "--bucket", "s3://open/cli")
    proxy.stop()
    said = [
        "uploads go through the server as far as they need that signed addresses take nothing but bytes of one MD5 and "
        "SHA-256",
        "s3://open/cli cannot hold a store: 2 promises not kept",
    ]
    assert (ended.code, ended.err.splitlines()) == (1, said)
    assert "32 of 32 who did so at once were told that it was them (If-None-Match: *)" in ended.out


@pytest.mark.slow
def test_what_only_uploads_need_is_told_and_a_store_may_be_there(runlake, variables, s3_server):
    url, proxy = s3_server.new_url(), S3Proxy(s3_server.endpoint, itertools.repeat("unread"))
    variables.setenv("AWS_ENDPOINT_URL", proxy.endpoint)
    ended = runlake("check", "--bucket", url, "--json")
    proxy.stop()
    said = "uploads go through the server as far as they need that what is put to signed addresses is compared"
    assert (ended.code, ended.err.startswith(said), ended.err.endswith(f"{url} may hold a store\n")) == (0, True, True)
    found = [(check["is_needed"], check["fault"]) for check in json.loads(ended.out)["checks"]]
    assert found[:8] == [(True, None)] * 8
    assert found[8:] == [
        (False, "other bytes were taken (Content-MD5)"),
        (False, "what was put there was refused (403)"),
        (False, "a part was refused (403)"),
    ]


def test_what_keeps_it_from_being_asked_is_told(runlake, variables, s3_server):
    variables.setenv("AWS_ACCESS_KEY_ID", "nobody")
    ended = runlake("check", "--bucket", s3_server.new_url())
    assert (ended.code, "these credentials are not taken" in ended.err) == (6, True)
    ended = runlake("check", "--bucket", "lake")
    assert (ended.code, "is no address of a bucket" in ended.err) == (2, True)
    ended = runlake("check", "mnist", "--bucket", "s3://lake")
    assert (ended.code, "leave one of them out" in ended.err) == (2, True)
