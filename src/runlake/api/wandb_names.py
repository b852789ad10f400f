"""What W&B's public run has beside its own names: other spellings of what a run is, and `_attrs`, with all of it."""

from __future__ import annotations

import copy
import sys
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from runlake.api.run_facts import RunFacts
from runlake.query.rows.history import HistoryOutline

T = TypeVar("T")


def also_named(**names: str) -> Callable[[type[T]], type[T]]:
    """A class decorator: each of `names` reads as the attribute that it stands for."""

    def extend(cls: type[T]) -> type[T]:
        for alias, name in names.items():
            setattr(cls, alias, _alias(name))
        return cls

    return extend


def _alias(name: str) -> property:
    def read(self: Any) -> Any:
        return getattr(self, name)

    return property(read)


class WandbRunNames(RunFacts):
    """The part of `StoredRun` that only scripts written for W&B ask for."""

    _attributes: dict[str, Any] | None = None

    @property
    def _attrs(self) -> dict[str, Any]:
        """All that is known of the run, under W&B's names: one dict, made when it is first asked for."""
        if self._attributes is None:
            of: Any = self
            names = (
                "id", "name", "displayName", "state", "config", "rawconfig", "group", "jobType", "tags", "notes",
                "description", "commit", "readOnly", "createdAt", "heartbeatAt", "sweepName", "projectId",
                "summaryMetrics", "systemMetrics", "historyLineCount", "historyKeys",
            )  # fmt: skip
            found = {name: getattr(of, name) for name in names}
            found["name"] = of.id
            user = self._info.user
            found["user"] = None if user is None else {"name": user, "username": user}
            self._attributes = copy.deepcopy(found)
        return self._attributes

    @property
    def history_keys(self) -> dict[str, Any]:
        """Which keys the rows have: of each under ``keys`` its ``typeCounts``, how many values there are of a type."""
        from runlake.query.rows.key_types import keys_document, type_counts
        from runlake.query.runs.nested import find_values

        outline = HistoryOutline.of(self._service.read_history(self._info.path)) if self.read_only else None
        outline = outline or self._service.outline_history(self._info.path)

        def last_value(key: str) -> Any:
            return copy.deepcopy(next(find_values(self._info.summary, tuple(key.split("."))), None))

        return keys_document(type_counts(outline), self._info.last_step, last_value)

    @property
    def commit(self) -> str | None:
        """The git commit that it was started from; None where that was not kept."""
        commit: str | None = ((self.metadata or {}).get("git") or {}).get("commit")
        return commit

    @property
    def username(self) -> str | None:
        return self._info.user

    @property
    def read_only(self) -> bool:
        """Whether this is an older history of the run, which cannot be changed."""
        from runlake.api.generation import GenerationService

        return isinstance(self._service, GenerationService)

    @property
    def project_id(self) -> int:
        """A number for the project, the same for ever. Projects may share one: it names nothing."""
        return zlib.crc32(f"{self._info.entity}/{self._info.project}".encode()) & 0x7FFFFFFF

    @property
    def dir(self) -> str:
        """A folder of this machine for what is downloaded of the run; it is made here."""
        folder = Path(tempfile.gettempdir(), *self._info.path)
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder)

    def to_html(self, height: int = 420, hidden: bool = False) -> str:
        """The page that a notebook shows of it; with `hidden`, folded. `height` is accepted and changes nothing."""
        of: Any = self
        page: str = of._repr_html_()
        return f"<details><summary>{'/'.join(self._info.path)}</summary>{page}</details>" if hidden else page

    def display(self, height: int = 420, hidden: bool = False) -> bool:
        """Show that page where there is a notebook, and say whether there is one."""
        ipython: Any = sys.modules.get("IPython")  # in a notebook it is loaded
        if ipython is None or not hasattr(ipython.get_ipython(), "kernel"):
            return False
        ipython.display.display(ipython.display.HTML(self.to_html(height, hidden)))
        return True
