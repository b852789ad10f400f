"""`wandb.api`: the inner Api of W&B, which scripts ask who is logged in."""

from __future__ import annotations

import os
from typing import Any

from runlake.compat.unsupported import refuse
from runlake.credentials import find_key
from runlake.settings import Settings, current_folder, resolve

NO_KEY_IS_NEEDED = "local"
"""What stands for a key where there is no server: scripts only ask whether there is one."""


class InnerApi:
    """Says who is logged in and what is set; everything else of W&B's says that it is not there."""

    def __init__(self, *args: Any, **options: Any) -> None: ...

    @property
    def api_key(self) -> str | None:
        """The key for the server of the settings; without a server a text that says that none is needed."""
        base_url = self._settings.base_url
        return NO_KEY_IS_NEEDED if base_url is None else find_key(base_url, os.environ)

    @property
    def default_entity(self) -> str:
        return self._settings.entity

    def viewer(self) -> dict[str, Any]:
        """Who is logged in, by W&B's names."""
        return {"entity": self.default_entity, "username": self._settings.username, "email": None, "teams": []}

    def settings(self, key: str | None = None, section: str | None = None) -> Any:
        """The settings entity, project, base_url and mode, or one of them."""
        found = {name: getattr(self._settings, name) for name in ("entity", "project", "base_url", "mode")}
        return found if key is None else found.get(key)

    @property
    def _settings(self) -> Settings:
        return resolve({}, os.environ, current_folder())

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(f"wandb.api (runlake) has no attribute {name!r}")
        return lambda *args, **options: refuse(f"api.{name} is not in runlake: it belongs to W&B's server; use Api()")

    def __repr__(self) -> str:
        return "InnerApi()"


api = InnerApi()
