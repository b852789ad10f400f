"""The names of W&B's package that runlake itself does not have."""

from __future__ import annotations

from typing import Any

from runlake.compat.courtesies import COURTESIES
from runlake.compat.unsupported import REASONS, unsupported

NAMES = (*COURTESIES, *REASONS)


def find_name(name: str) -> Any:
    """What stands at ``wandb.<name>``: a call that does little, or one that raises `NotSupportedError` when used.

    Raises `AttributeError` for a name that W&B does not have either.
    """
    if name in COURTESIES:
        return COURTESIES[name]
    return unsupported(name)
