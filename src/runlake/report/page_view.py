"""What the page's text of a view says, as far as it decides which runs and lines are shown; pure."""

from __future__ import annotations

import json
import re
from typing import Any, Literal, NamedTuple
from urllib.parse import unquote_plus

from runlake.errors import BadValueError, NotSupportedError
from runlake.report.filter_text import both, read_filter_text, search_filter
from runlake.service.wire import documents
from runlake.view_model import ViewInfo

VIEW_TYPE = "runlake-page"
"""How a view of the page is told from those of other programs."""

_NAME = re.compile(r"(?:^|,)((?:\\.|[^\\,])*)", re.DOTALL)
_OBJECTS = ("all", "panels", "zooms")
_DEFAULT_SETTINGS: dict[str, Any] = {
    "x": "_step",
    "xScale": "linear",
    "smoothing": None,
    "aggregate": {"line": "mean", "band": "std"},
}


class PageView(NamedTuple):
    """A view: `query` is the whole text behind the question mark of its address.

    `selected` are run ids, or with `is_all_but` those that are left out; None where charts show all that match.
    """

    query: str
    filters: dict[str, Any] | None
    order: tuple[str, ...]
    columns: tuple[str, ...]
    group_by: tuple[str, ...]
    hidden: tuple[str, ...]
    selected: tuple[str, ...] | None
    is_all_but: bool
    panels: dict[str, Any]

    @property
    def stream(self) -> Literal["history", "events"]:
        """Whose keys are drawn: what was logged, or the system metrics."""
        return "events" if self.panels.get("stream") == "events" else "history"

    def settings_of(self, key: str) -> dict[str, Any]:
        """How the panel of a key is drawn."""
        x = {"x": "_runtime"} if self.stream == "events" else {}
        return {**_DEFAULT_SETTINGS, **x, **self.panels.get("all", {}), **self.panels.get("panels", {}).get(key, {})}

    def zoom_of(self, key: str) -> list[float | None] | None:
        """What part of x the panel of a key shows; None for all."""
        is_own = self.panels.get("isZoomOwn") is True
        name = f"key {key}" if is_own else f"x {self.settings_of(key)['x']}"
        zoom: list[float | None] | None = self.panels.get("zooms", {}).get(name)
        return zoom

    def finds(self, key: str) -> bool:
        """Whether the search of the panels finds a key: it has all words, or is matched by ``/…/``."""
        text = str(self.panels.get("search", "")).strip()
        if len(text) > 2 and text.startswith("/") and text.endswith("/"):
            try:
                return re.search(text[1:-1], key, re.IGNORECASE) is not None
            except re.error:
                return False
        return all(word in key.lower() for word in text.lower().split())


def saved_view(view: ViewInfo) -> PageView:
    """The view as it was saved; `NotSupportedError` for one of another program, or without what must be known."""
    if view.type != VIEW_TYPE:
        raise NotSupportedError(
            f"the view {'/'.join(view.path)} is of the type {view.type!r}; a file is made of views that the page saved"
        )
    try:
        spec = documents.read_json(view.spec.encode())
        return read_query(str(spec["query"]), spec.get("filters"), knows_filters="filters" in spec)
    except (ValueError, KeyError, TypeError) as error:
        raise BadValueError(f"the view {'/'.join(view.path)} cannot be read: {error}") from error


def read_query(query: str, filters: dict[str, Any] | None = None, *, knows_filters: bool = False) -> PageView:
    """The view of an address; with `knows_filters` its filter is the one that is given, and not what the text says."""
    parts = {
        unquote_plus(name): unquote_plus(text) for name, _, text in (pair.partition("=") for pair in query.split("&"))
    }
    if not knows_filters:
        try:
            filters = both(read_filter_text(parts.get("f", "")), search_filter(parts.get("q", "")))
        except BadValueError as error:
            raise BadValueError(f"the filter of this view cannot be read: {error}") from error
    chosen = parts.get("s", "")
    is_all_but = chosen == "*" or chosen.startswith("*,")
    try:
        panels = documents.read_json(parts["P"].encode()) if parts.get("P") else {}
    except ValueError as error:
        raise BadValueError(f"the panels of this view cannot be read: {error}") from error
    if not isinstance(panels, dict) or not all(isinstance(panels.get(part, {}), dict) for part in _OBJECTS):
        raise BadValueError(f"the panels of this view cannot be read: they and {', '.join(_OBJECTS)} must be objects")
    return PageView(
        query=query,
        filters=filters,
        order=_names(parts.get("o", "-created_at")),
        columns=tuple(re.sub(r"@\d+$", "", name).replace("@@", "@") for name in _names(parts.get("c", ""))),
        group_by=_names(parts.get("g", "")),
        hidden=_names(parts.get("h", "")),
        selected=_names(chosen[2:] if is_all_but else chosen) if parts.get("so") == "1" else None,
        is_all_but=is_all_but,
        panels=panels,
    )


def canonical(value: Any) -> str:
    """Equal for questions that are the same."""
    return json.dumps(value, sort_keys=True)


def _names(text: str) -> tuple[str, ...]:
    """Names with commas between them; a comma or backslash within one is behind a backslash."""
    found = [match[1] for match in _NAME.finditer(text)] if text else []
    return tuple("" if name == "\\e" else re.sub(r"\\(.)", r"\1", name, flags=re.DOTALL) for name in found)
