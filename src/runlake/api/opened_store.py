"""A store that was opened for readers: where it is, who reads, and what completes the paths that they give."""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from runlake.api.paths import parse_project_path
from runlake.settings import current_folder, resolve

if TYPE_CHECKING:
    from runlake.api.people import User
    from runlake.service.contract import Service


class OpenedStore:
    """The part of `Api` that knows the store; what is read in it stands upon this."""

    def __init__(
        self, service: Service, overrides: Mapping[str, Any], timeout: int | None, api_key: str | None
    ) -> None:
        """`close` closes `service`; the others are as `Api` has them."""
        self._service, self._overrides = service, overrides
        self._settings = resolve({}, os.environ, current_folder())
        self.timeout, self._api_key = timeout, api_key

    @property
    def settings(self) -> dict[str, Any]:
        """What paths that leave something out are completed with, and where the store is."""
        return {
            "entity": self.default_entity,
            "project": self._default_project,
            "run": self._overrides.get("run"),
            "base_url": self._service.url,
        }

    @property
    def default_entity(self) -> str:
        return str(self._overrides.get("entity") or self._service.default_entity)

    @property
    def viewer(self) -> User:
        """Who is reading."""
        from runlake.api.people import User

        return User(self._service.default_entity)

    @property
    def api_key(self) -> str:
        """The key for the server; of a folder, which asks for none, ``"local"``: scripts look whether there is one."""
        from runlake.credentials import find_key

        url = self._service.url
        return self._api_key or ("local" if url.startswith("file:") else find_key(url, os.environ) or "local")

    def user(self, username_or_email: str) -> User:
        """A user by name; whoever is named is one, since runs say no more of who began them."""
        from runlake.api.people import User

        return User(username_or_email)

    @property
    def _default_project(self) -> str:
        return str(self._overrides.get("project") or self._settings.project)

    def _project_place(self, path: str | None) -> tuple[str, str]:
        if not path:
            return self.default_entity, self._default_project
        return parse_project_path(path, self.default_entity)

    def close(self) -> None:
        """Release the store's files and connections."""
        self._service.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Api {self._service.url}>"
