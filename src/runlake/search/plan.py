"""A sweep's configuration after it was checked: what the search works from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from runlake.search.distributions import Distribution

Method = Literal["grid", "random", "bayes"]
Tree = Mapping[str, "Distribution | Tree"]
"""The parameters by name; a mapping in a mapping is a parameter that holds others."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What a sweep looks for. Once a run has reached `target`, nothing more is to be tried."""

    name: str
    goal: Literal["minimize", "maximize"] = "minimize"
    target: float | None = None

    def is_reached_by(self, value: float) -> bool:
        """Whether a run with this value is as good as was hoped for."""
        if self.target is None:
            return False
        return value <= self.target if self.goal == "minimize" else value >= self.target


@dataclass(frozen=True, slots=True)
class Hyperband:
    """When runs that do worse than others are stopped.

    `bands` are the places where they are looked at: 3 is the third value of the metric. Of all runs that have come
    so far the best 1/`eta` may go on. How a run is judged is in `search.early_stop`.
    """

    bands: tuple[int, ...]
    eta: float
    is_strict: bool


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep is to do. `document` is the configuration in full, as plain data: read again, it gives this plan."""

    method: Method
    parameters: Tree
    document: Mapping[str, Any]
    metric: Metric | None = None
    early_terminate: Hyperband | None = None
    run_cap: int | None = None
    command: tuple[str, ...] | None = None
    program: str | None = None
    name: str | None = None
    description: str | None = None
    project: str | None = None
    entity: str | None = None


def leaves(tree: Tree) -> Iterator[tuple[tuple[str, ...], Distribution]]:
    """The keys that lead to each distribution, and the distribution; by name, whatever order they were written in."""
    for key in sorted(tree):
        node = tree[key]
        if isinstance(node, Mapping):
            yield from (((key, *path), distribution) for path, distribution in leaves(node))
        else:
            yield (key,), node


def assemble(tree: Tree, values: Mapping[tuple[str, ...], Any]) -> dict[str, Any]:
    """Values by their keys as nested parameters, in the order of the tree."""

    def build(node: Tree, above: tuple[str, ...]) -> dict[str, Any]:
        return {
            key: build(child, (*above, key)) if isinstance(child, Mapping) else values[(*above, key)]
            for key, child in node.items()
        }

    return build(tree, ())


MISSING = object()
"""What `look_up` answers where nothing is."""


def look_up(params: dict[str, Any], path: tuple[str, ...]) -> Any:
    """The value at a place of nested parameters, or `MISSING`."""
    node: Any = params
    for key in path:
        if not isinstance(node, dict) or key not in node:
            return MISSING
        node = node[key]
    return node
