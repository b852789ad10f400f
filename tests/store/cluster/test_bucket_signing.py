"""Addresses that are signed with more than a method: as Amazon's own documentation has them."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.signing import key_id_of, signed_again

AT = datetime(2013, 5, 24, tzinfo=UTC)
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SAMPLE = (
    "https://examplebucket.s3.amazonaws.com/test.txt"
    "?X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130523%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Signature=other"
)


def asked(url):
    return {name: value for name, (value,) in parse_qs(urlsplit(url).query).items()}


def test_the_example_of_the_documentation_has_its_signature():
    url = signed_again(SAMPLE, SECRET, method="GET", valid_s=86400, now=AT)
    assert (url.partition("?")[0], asked(url)) == (
        "https://examplebucket.s3.amazonaws.com/test.txt",
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": "AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request",
            "X-Amz-Date": "20130524T000000Z",
            "X-Amz-Expires": "86400",
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": "aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        },
    )


def test_headers_queries_and_a_session_are_part_of_it():
    sample = f"{SAMPLE}&X-Amz-Security-Token=a%2Fb"
    url = signed_again(
        sample, SECRET, method="PUT", valid_s=60, headers={"Content-MD5": "x=="}, query={"uploads": ""}, now=AT
    )
    found = parse_qs(urlsplit(url).query, keep_blank_values=True)
    told = [found[name] for name in ("X-Amz-SignedHeaders", "uploads", "X-Amz-Security-Token")]
    assert told == [["content-md5;host"], [""], ["a/b"]]
    other = signed_again(
        sample, SECRET, method="PUT", valid_s=60, headers={"Content-MD5": "y=="}, query={"uploads": ""}, now=AT
    )
    assert asked(other)["X-Amz-Signature"] != asked(url)["X-Amz-Signature"]


def test_where_the_secret_is_not_ours_to_know_nothing_is_signed(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name, raising=False)
    options = {"region": "us-east-1", "access_key_id": "mine", "secret_access_key": "secret"}
    url = Bucket("s3://lake/a", options).bound_url("PUT", "b", valid_s=60.0)
    assert (key_id_of(url), key_id_of("https://lake/b")) == ("mine", "")

    def of_a_role():
        return {"access_key_id": "role", "secret_access_key": "hidden", "token": "t", "expires_at": None}

    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of another key")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "another")
    bucket = Bucket("s3://lake/a", {"region": "us-east-1", "credential_provider": of_a_role})
    assert key_id_of(bucket.signed_url("PUT", "b", valid_s=60.0)) == "role"
    assert bucket.bound_url("PUT", "b", valid_s=60.0) is None
