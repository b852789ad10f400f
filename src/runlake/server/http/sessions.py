"""Sessions of people: what the cookie of a page holds, and who it is.

The cookie holds no key: the ids of a key and of its user, until a moment, signed. The directory of people is asked in
each request, so a session ends with the key that began it, at once and in every worker; and nothing of it is kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from runlake.errors import ForbiddenError
from runlake.server.http.asgi import Scope
from runlake.server.http.cookies import session_in
from runlake.server.http.signing import Signer
from runlake.server.people.directory import SignedIn

if TYPE_CHECKING:
    from runlake.server.people.people import People

LIFE_S = 14 * 24 * 3600
_METHOD, _PATH = "SESSION", ""
"""Signed for no method of HTTP and no address, so that no signed URL is a session, and no session a URL."""


class Sessions:
    """Begins sessions and finds whose they are; `signer` is that of all workers."""

    def __init__(self, signer: Signer, people: People, *, clock: Callable[[], float] = time.time) -> None:
        self._signer = signer
        self._people = people
        self._clock = clock

    def begin(self, found: SignedIn) -> str:
        """What the cookie is to hold, good for `LIFE_S`."""
        subject = f"{found.key_id}.{found.person.id}"
        return self._signer.sign(_METHOD, _PATH, self._clock() + LIFE_S, subject=subject)

    def find(self, scope: Scope) -> SignedIn | None:
        """Whose session a request has, None where it has none that is good; `ForbiddenError`: see `cookies`."""
        value = session_in(scope)
        if value is None:
            return None
        try:
            key_id, _, user_id = self._signer.check(_METHOD, _PATH, value, self._clock()).partition(".")
        except ForbiddenError:
            return None  # changed, or over
        person = self._people.directory().by_key_id.get(key_id)
        return SignedIn(person, key_id) if person is not None and person.id == user_id else None
