"""What the records of a journal say, kind by kind: views of their bodies, which are kept as they were read. Pure.

Fields that a later version adds stay in the body, and what is written out of it is written as it stood. What each kind
must say is in `journal.proof`; of a body that was not proven a field may be of any type.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from runlake.model import State

INFO_FIELDS: Final = ("notes", "group", "job_type", "user", "host", "program", "sweep", "forked_from")
"""What is said of a run, besides its name and tags, that readers get as it is."""

_OF_RUN = frozenset({"name", "tags", *INFO_FIELDS})
_OF_VALUES = ("set", "unset", "rule", "clock", "n")


def clock_of(body: Mapping[str, Any]) -> int:
    """`Record.clock`, for those who ask it of every record."""
    said: int = body.get("clock", 0)
    return said


class Record:
    """What every record says."""

    __slots__ = ("_body",)

    def __init__(self, body: Mapping[str, Any]) -> None:
        self._body = body

    @property
    def clock(self) -> int:
        """Its time in microseconds since 1970, later than all that its writer had seen; 0 where it is not said."""
        return clock_of(self._body)

    @property
    def n(self) -> int:
        """How many history rows its writer had begun before; 0 where it is not said."""
        said: int = self._body.get("n", 0)
        return said

    def of_values(self) -> dict[str, Any]:
        """What it says of values and rules, and when; without names, tags and hosts."""
        return {name: self._body[name] for name in _OF_VALUES if name in self._body}


class Info(Record):
    """START and INFO: whose the run is, and what it is called."""

    __slots__ = ()

    def of_run(self, *, with_none: bool) -> dict[str, Any]:
        """The fields that readers see; in a START what is None is not said, in an INFO it takes back what was."""
        return {k: v for k, v in self._body.items() if k in _OF_RUN and (v is not None or with_none)}

    @property
    def names_user(self) -> bool:
        """Whether it says who began the run, or that nobody did."""
        return "user" in self._body

    @property
    def user(self) -> str | None:
        """Who began the run; None where it is not said."""
        said: str | None = self._body.get("user")
        return said

    @property
    def is_primary(self) -> bool | None:
        """Whether the writer's end is the run's end; None where it is not said."""
        said: bool | None = self._body.get("primary")
        return said


class Define(Record):
    """DEFINE: the rule of a metric."""

    __slots__ = ()

    @property
    def rule(self) -> Mapping[str, Any]:
        """The fields of a `model.MetricRule`."""
        said: Mapping[str, Any] = self._body["rule"]
        return said


class StateChange(Record):
    """STATE: what the run is to count as, or a request to stop it."""

    __slots__ = ()

    @property
    def state(self) -> State | None:
        """None where it is about something else."""
        said: State | None = self._body.get("state")
        return said

    @property
    def is_stop(self) -> bool:
        """Whether it asks the training process to stop."""
        return bool(self._body.get("stop"))


class Cut(Record):
    """CUT: what a rewind took over."""

    __slots__ = ()

    @property
    def writers(self) -> list[Any]:
        """The writers as they were then: `journal.fold.taken_over` reads them."""
        said: list[Any] = self._body["writers"]
        return said


class Closing(Record):
    """CLOSE and END: how many rows the writer had begun."""

    __slots__ = ()

    @property
    def has_counts(self) -> bool:
        """Whether it says them."""
        return "row_counts" in self._body

    @property
    def row_counts(self) -> Mapping[str, int]:
        """By stream; empty where it is not said."""
        said: Mapping[str, int] = self._body.get("row_counts", {})
        return said


class End(Closing):
    """END: how a writer ended."""

    __slots__ = ()

    @property
    def exit_code(self) -> int | None:
        """None where it is not said."""
        said: int | None = self._body.get("exit_code")
        return said

    @property
    def state(self) -> State:
        """What the run ended as; where it is not said, what the exit code comes to."""
        said: State = self._body.get("state") or ("failed" if self.exit_code else "finished")
        return said

    @property
    def runtime_s(self) -> float:
        """How long the run had run; 0 where it is not said."""
        said: float = self._body.get("runtime", 0.0)
        return said


class Lost(Record):
    """LOST: rows that a repair found to be gone."""

    __slots__ = ()

    @property
    def rows(self) -> Mapping[str, list[tuple[int, int]]]:
        """By stream, the first number of each stretch and how many rows it had."""
        said: Mapping[str, list[tuple[int, int]]] = self._body["rows"]
        return said

    @staticmethod
    def body_of(n: int, rows: Mapping[str, list[tuple[int, int]]]) -> dict[str, Any]:
        """The body of a record behind row `n` of history; it has no time."""
        return {"clock": 0, "n": n, "rows": rows}
