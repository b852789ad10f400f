"""What one request stands on: who sent it, with which key, and what that person may do, as of now and not as of then.

A person as they were when a request began is nobody to go by: a key is revoked, somebody leaves a team or is removed, a
project is no longer shared, while the request goes on. So a request carries the id of its key and what it was allowed
to do; each verb asks the directory of people anew (`guard`), and what takes long is asked again from outside while it
does (`standing_watch`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Literal

from runlake.errors import AuthenticationError, ForbiddenError, NotFoundError
from runlake.server.people.directory import Access, Directory, Person

Need = Literal["read", "write", "admin"]
"""What a verb needs of a project; `admin` is of the whole store."""


FRESH_S = 0.1
"""For so long a look serves the first verb as well; shorter than `standing_watch.YOUNG_S`, which looks for it then."""


def access_of(person: Person | None, entity: str, shared: Access) -> Access:
    """What somebody may do with a project of `entity` that is `shared` with all."""
    if person is None:
        return "private"
    role = person.teams.get(entity)
    if person.is_admin or person.username == entity or role in ("admin", "member"):
        return "write"
    return "read" if role == "viewer" and shared == "private" else shared


def no_project(entity: str, project: str) -> NotFoundError:
    """The one answer for what is not there and for what is not to be seen."""
    return NotFoundError(f"no project {entity}/{project}, or none that you may read; see: runlake ls")


class Standing:
    """Who a request acts for, and all that it was allowed so far. Threads may share it.

    Who came with a key is looked up by its id each time; without one it is `person`, or nobody. `seen` is what was
    looked up just now, to know who it is.
    """

    __slots__ = ("_allowed", "_seen", "key_id", "signed_in")

    def __init__(
        self, person: Person | None = None, key_id: str | None = None, *, seen: Directory | None = None
    ) -> None:
        self.signed_in = person
        """Who it was as the request came: good for a name, and for nothing that they may."""
        self.key_id = key_id
        self._allowed: dict[tuple[Need, str, str], None] = {}
        self._seen = None if seen is None else (seen, time.monotonic() + FRESH_S)

    def go_over_to(self, key_id: str) -> None:
        """Act for who has this key from now on: a signed URL says so, whoever sent it."""
        self.key_id, self.signed_in = key_id, None

    def person_in(self, directory: Directory) -> Person | None:
        """Who it is now; `AuthenticationError` when the key is not valid any more."""
        if self.key_id is None:
            return self.signed_in
        person = directory.by_key_id.get(self.key_id)
        if person is None:
            raise AuthenticationError("this API key is not valid any more; sign in again with: runlake login")
        return person

    def access_in(self, directory: Directory, entity: str, project: str) -> Access:
        """What the person may do with a project now."""
        shared = directory.shares.get((entity, project), "private")
        return access_of(self.person_in(directory), entity, shared)

    def require(self, need: Need, entity: str, project: str, look: Callable[[], Directory]) -> None:
        """Note that the request needs this, and check it as `check` does."""
        is_known = (need, entity, project) in self._allowed
        # Noted first: rights that are lost after the look are then found by whoever asks again.
        self._allowed[need, entity, project] = None
        try:
            self._check(need, entity, project, self._first_look() or look())
        except BaseException:
            # What was refused at once is no ground that anything stands on.
            if not is_known:
                self._allowed.pop((need, entity, project), None)
            raise

    def _first_look(self) -> Directory | None:
        """What the request was let in by, for the first who asks, as long as that is now."""
        seen, self._seen = self._seen, None
        return seen[0] if seen is not None and time.monotonic() < seen[1] else None

    def check(self, directory: Directory) -> None:
        """Raise what a verb would be answered now, if anything that was allowed is not allowed any more."""
        self.person_in(directory)
        for need, entity, project in tuple(self._allowed):
            self._check(need, entity, project, directory)

    def _check(self, need: Need, entity: str, project: str, directory: Directory) -> None:
        if need == "admin":
            person = self.person_in(directory)
            if person is None or not person.is_admin:
                raise ForbiddenError("this concerns the whole store; only an admin of the server may do it")
            return
        access = self.access_in(directory, entity, project)
        if access == "private":
            raise no_project(entity, project)
        if need == "write" and access != "write":
            raise ForbiddenError(
                f"you may read {entity}/{project} and not write to it; an admin of {entity} can let you in"
            )
