"""URLs that carry their own permission."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.server.http.signing import ExpiredError, SignatureError, Signer

SIGNER = Signer(b"s" * 32)
PATH = "/files/ann/mnist/a1/output.log"


def test_a_token_is_good_for_its_method_and_path_until_its_time():
    token = SIGNER.sign("PUT", PATH, 1_000.9, subject="ann")
    assert SIGNER.check("PUT", PATH, token, 999.9) == "ann"
    with pytest.raises(ExpiredError):
        SIGNER.check("PUT", PATH, token, 1_000.0)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", PATH), ("DELETE", PATH), ("PUT", PATH + "x"), ("PUT", "/files/bob/mnist/a1/output.log")],
)
def test_a_token_is_good_for_nothing_else(method, path):
    with pytest.raises(SignatureError):
        SIGNER.check(method, path, SIGNER.sign("PUT", PATH, 1_000), 0)


def test_who_may_get_may_ask_for_the_head():
    assert SIGNER.check("HEAD", PATH, SIGNER.sign("GET", PATH, 1_000), 0) == ""


def test_a_token_of_another_server_is_refused():
    with pytest.raises(SignatureError):
        SIGNER.check("PUT", PATH, Signer(b"t" * 32).sign("PUT", PATH, 1_000), 0)


def test_a_later_expiry_or_another_subject_cannot_be_written_into_a_token():
    expiry, subject, digest = SIGNER.sign("PUT", PATH, 1_000, subject="ann").split(".")
    for forged in (f"9999.{subject}.{digest}", f"{expiry}.Ym9i.{digest}", f"{expiry}..{digest}"):
        with pytest.raises(SignatureError):
            SIGNER.check("PUT", PATH, forged, 0)


@given(st.text())
def test_any_text_is_refused_as_a_token(text):
    with pytest.raises(SignatureError):
        SIGNER.check("PUT", PATH, text, 0)


@given(st.text(), st.text(), st.integers(1, 2**40))
def test_any_path_and_subject_come_back(path, subject, expires_at):
    subject = subject.encode("utf-8", "ignore").decode()
    token = SIGNER.sign("GET", path, expires_at, subject=subject)
    assert SIGNER.check("GET", path, token, expires_at - 1) == subject
    assert set(token) <= set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.")
