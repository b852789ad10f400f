"""Filters as this wire has them: the text of a JSON object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.errors import FilterError
from runlake.server.wandb.wire import load_json_string


def read_filters(text: str | None) -> Mapping[str, Any] | None:
    """The filter of a listing as the filter language has it; None for no filter at all."""
    if not text:
        return None
    found = load_json_string(text, "the filter")
    if found is None or isinstance(found, Mapping):
        return found or None
    raise FilterError(f'a filter is an object like {{"state": "finished"}}, not {text[:60]!r}')
