"""A run as the search sees it."""

from __future__ import annotations

from typing import Any, Literal

import msgspec


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was given, and the last value of the sweep's metric that it logged.

    `number` counts the sweep's own runs from 0 on; runs of before it, which the search learns from too, have numbers
    below 0. `params` are nested. `value` is None where nothing was logged.
    """

    number: int
    params: dict[str, Any]
    value: float | None
    state: Literal["running", "finished", "failed"]
