"""Users, as far as a store knows them: by name."""

from __future__ import annotations


class User(str):
    """A user's name, with the attributes that scripts ask a user for."""

    __slots__ = ()

    @property
    def username(self) -> str:
        return str(self)

    @property
    def name(self) -> str:
        return str(self)

    @property
    def entity(self) -> str:
        return str(self)

    @property
    def teams(self) -> list[str]:
        return []

    def __repr__(self) -> str:
        return f"<User {self!s}>"
