"""What the first frame of a part says: who writes into which run, and where in it the part begins. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runlake.model import RunPath

_OF_ONE_PART = frozenset({"number", "first", "previous_bytes"})


class PartHeader:
    """A view of the body of a part's first frame, which is kept as it was read.

    Fields that a later version adds stay in `body`, and what is written out of it is written as it stood. The fields
    are those that `journal.proof` asks for, where a header was proven; of another each may raise KeyError.
    Equal to a header with the same body. `journal.record` writes it as its body, and msgspec does not know it:
    `part_header_of` is the hook to read it with.
    """

    __slots__ = ("body",)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self.body: Final = body

    def __eq__(self, other: object) -> bool:
        return self.body == other.body if isinstance(other, PartHeader) else NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"PartHeader({self.body!r})"

    @property
    def incarnation(self) -> str:
        """Which life of the run id."""
        said: str = self.body["incarnation"]
        return said

    @property
    def generation(self) -> str:
        """Which history of the run."""
        said: str = self.body["generation"]
        return said

    @property
    def writer(self) -> str:
        """Who writes the part."""
        said: str = self.body["writer"]
        return said

    @property
    def role(self) -> str:
        """What the writer is to the run: "run", "child", "editor", or "base" of a fork; empty where it is not said."""
        said: str = self.body.get("role", "")
        return said

    @property
    def is_trainer(self) -> bool:
        """Whether the writer's life is the run's life; editors and forked children only add to it."""
        return self.role == "run"

    @property
    def is_editor(self) -> bool:
        """Whether the writer edits a stored run."""
        return self.role == "editor"

    @property
    def path(self) -> RunPath | None:
        """The run, under the path where it was begun; None where it is not said."""
        body = self.body
        return RunPath(body["entity"], body["project"], body["run_id"]) if "run_id" in body else None

    @property
    def created_at(self) -> float:
        """When the writer began, in seconds since 1970; 0 where it is not said."""
        said: float = self.body.get("created_at", 0.0)
        return said

    @property
    def session(self) -> int:
        """How many sessions of the run had ended before the writer began: those of one session write side by side."""
        said: int = self.body.get("session", 0)
        return said

    @property
    def after(self) -> float:
        """The time of the last row before the writer's, in seconds since 1970; 0 where there was none."""
        said: float = self.body.get("after", 0.0)
        return said

    @property
    def number(self) -> int:
        """The number of the part."""
        said: int = self.body.get("number", 0)
        return said

    @property
    def first(self) -> Mapping[str, int]:
        """How many rows the writer had begun before the part, by stream."""
        said: Mapping[str, int] = self.body.get("first", {})
        return said

    @property
    def previous_bytes(self) -> int | None:
        """How much counts of the part before this one; None in the first."""
        said: int | None = self.body.get("previous_bytes")
        return said

    @property
    def is_of_rewind(self) -> bool:
        """Whether the writer opened its generation with rows of an older one."""
        return "taken" in self.body

    @property
    def taken(self) -> list[tuple[str, str, int]]:
        """Which rows those were, as (generation, writer, how many)."""
        said: list[tuple[str, str, int]] = self.body.get("taken", [])
        return said

    def with_fields(self, **fields: Any) -> PartHeader:
        """The same with other values of these fields."""
        return PartHeader({**self.body, **fields})

    def without(self, *names: str) -> PartHeader:
        """The same without these fields."""
        return PartHeader({name: value for name, value in self.body.items() if name not in names})

    def of_all_parts(self) -> PartHeader:
        """What all parts of the writer say alike."""
        return self.without(*_OF_ONE_PART)


def part_header_of(kind: type, body: object) -> PartHeader:
    """For msgspec, as a `dec_hook`: the header that is stored as its body."""
    if kind is not PartHeader:
        raise NotImplementedError
    if not isinstance(body, dict):
        raise TypeError(f"Expected `object`, got `{type(body).__name__}`")
    return PartHeader(body)
