"""What a request may cost, counted before anything is done for it.

A cost is a number in units of what a field costs that only hands out what is known already, some 10 to 100 us. What
costs more than `CHEAP_COST` takes turns (`http.turns`), what would cost more than `MAX_COST` is refused. Numbers of
both are in ``/metrics``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runlake.errors import BadValueError
from runlake.server.http.asgi import Scope

MAX_COST = 1_000_000
CHEAP_COST = 500

MAX_KEYS = 10_000
"""So many keys one request may name."""

COST_IN_SCOPE = "runlake.cost"
REFUSED_IN_SCOPE = "runlake.refused"


def charge(scope: Scope, cost: int, *, advice: str) -> None:
    """Take note of what a request will cost; `BadValueError` with the advice where that is too much."""
    scope[COST_IN_SCOPE] = cost
    if cost > MAX_COST:
        scope[REFUSED_IN_SCOPE] = "cost"
        raise BadValueError(f"this would cost {cost:,}, and {MAX_COST:,} is allowed: {advice}")


def charge_keys(scope: Scope, keys: Sequence[Any] | None) -> None:
    """The same for a list of keys: `BadValueError` for more than one request may name."""
    if keys is not None and len(keys) > MAX_KEYS:
        scope[REFUSED_IN_SCOPE] = "cost"
        raise BadValueError(
            f"{len(keys):,} keys in one request, and {MAX_KEYS:,} are allowed; name none to have all, or ask in several"
        )
