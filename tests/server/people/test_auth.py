"""From the Authorization header to a person."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import AuthenticationError
from runlake.server.http.auth import find_signed_in, key_in, require_person
from runlake.server.people.people import open_people


def basic(text):
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("header", "key"),
    [
        (basic("api:local-abc"), "local-abc"),
        (basic("user:local-abc"), "local-abc"),
        ("basic " + base64.b64encode(b"api:local-abc").decode(), "local-abc"),
        ("Bearer local-abc", "local-abc"),
        ("bearer  local-abc ", "local-abc"),
        (basic("api:with:colon"), "with:colon"),
        (basic("api:"), None),
        (basic("api"), None),
        ("Bearer ", None),
        ("Basic ???", None),
        ("Basic /w==", None),
        ("Digest local-abc", None),
        ("local-abc", None),
        ("", None),
        (None, None),
    ],
)
def test_the_key_is_the_password_of_basic_or_the_token_of_bearer(header, key):
    assert key_in(header) == key


@given(st.text())
def test_any_header_is_read_without_a_fault(text):
    assert key_in(text) is None or isinstance(key_in(text), str)


def test_a_person_is_found_by_either_form(tmp_path):
    people = open_people(tmp_path)
    added = people.add_user("ann")
    for header in (basic(f"api:{added.key}"), f"Bearer {added.key}"):
        found = find_signed_in(people, header)
        assert found == (added.person, added.key_id)
        assert require_person(found.person, header) == added.person


def test_without_a_valid_key_one_is_nobody_and_told_what_to_do(tmp_path):
    people = open_people(tmp_path)
    people.add_user("ann")
    assert find_signed_in(people, None) is None
    assert find_signed_in(people, "Bearer local-wrong") is None
    with pytest.raises(AuthenticationError, match="no API key was sent"):
        require_person(None, None)
    with pytest.raises(AuthenticationError, match="not valid here") as refused:
        require_person(None, "Bearer local-wrong")
    assert "local-wrong" not in str(refused.value)
