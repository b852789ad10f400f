"""A hook of the build of wheels: a package without its page can be made, and says so."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class WarnWithoutPage(BuildHookInterface):  # type: ignore[type-arg]
    """Looks for the page before anything is packed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Warn where what is to be handed on has no page; a checkout that is installed to be edited may have none."""
        if version != "editable" and not Path(self.root, "src", "runlake", "page", "index.html").is_file():
            self.app.display_warning("this package has no page for `runlake ui` and `runlake serve`: make page first")
