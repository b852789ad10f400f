"""Who is asking: from the Authorization header to a person.

The W&B client sends ``Basic`` with the user ``api`` and the key as password, as netrc entries do; ours sends
``Bearer``. The user's name in ``Basic`` is not looked at: the key says who it is.
"""

from __future__ import annotations

import base64
import binascii

from runlake.errors import AuthenticationError
from runlake.server.people import People, Person

CHALLENGE = 'Basic realm="runlake"'
"""The WWW-Authenticate header of an answer to nobody."""


def key_in(authorization: str | None) -> str | None:
    """The API key in an Authorization header, None when there is none in it."""
    scheme, _, value = (authorization or "").strip().partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value or None
    if scheme.lower() != "basic":
        return None
    try:
        decoded = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return decoded.partition(":")[2] or None


def find_person(people: People, authorization: str | None) -> Person | None:
    """Who sent the header; None for a request without a valid key."""
    key = key_in(authorization)
    return None if key is None else people.find_by_key(key)


def require_person(people: People, authorization: str | None) -> Person:
    """Who sent the header; `AuthenticationError` when nobody whom this server knows."""
    person = find_person(people, authorization)
    if person is not None:
        return person
    if key_in(authorization) is None:
        raise AuthenticationError("no API key was sent; sign in with: runlake login")
    raise AuthenticationError("the API key is not valid here; sign in again with: runlake login")
