"""What differs between runs, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runlake.comparison.curves import Curves, compare_curves
from runlake.comparison.gates import Gate, Verdict, judge
from runlake.comparison.sections import SECTIONS, Sections, is_volatile, read_sections
from runlake.errors import BadValueError
from runlake.model import RunPath, State
from runlake.values import plain_name, read_value

if TYPE_CHECKING:
    from runlake.service.contract import Service


class Difference(Struct, frozen=True, kw_only=True):
    """One key whose values differ; `values[i]` is of run i, and None also where `is_missing[i]` says it has none."""

    section: str
    path: str
    values: tuple[Any, ...]
    is_missing: tuple[bool, ...]

    @property
    def key(self) -> str:
        """The key as people write it."""
        return plain_name(self.path)


class Comparison(Struct, frozen=True, kw_only=True):
    """Where `paths` differ; `states` are theirs. `curves` is None where they were not asked for."""

    paths: tuple[RunPath, ...]
    states: tuple[State, ...]
    differences: tuple[Difference, ...]
    curves: Curves | None = None
    verdicts: tuple[Verdict, ...] = ()

    @property
    def broken(self) -> list[Verdict]:
        """The gates that fail, with the run of which they do."""
        return [verdict for verdict in self.verdicts if verdict.is_broken]

    def document(self) -> dict[str, Any]:
        """All of it as plain data: of two runs by ``a`` and ``b``, of more as lists."""
        runs = [str(path) for path in self.paths]
        is_pair = len(runs) == 2
        document: dict[str, Any] = {"a": runs[0], "b": runs[1]} if is_pair else {}
        document |= {
            "runs": runs,
            "states": list(self.states),
            "equal": not self.differences,
            "differences": [_document(one, runs, is_pair=is_pair) for one in self.differences],
        }
        if self.curves is not None:
            document["curves"] = [
                {
                    "key": plain_name(one.key),
                    "run": str(one.run),
                    "rms": one.rms,
                    "largest": one.largest,
                    "at_step": one.at_step,
                }
                for one in self.curves.distances
            ]
        if self.verdicts:
            document["failed"] = bool(self.broken)
            document["gates"] = [
                {
                    "gate": one.gate,
                    "run": str(one.run),
                    "is_broken": one.is_broken,
                    "value": one.value,
                    "limit": one.limit,
                    "sentence": one.sentence,
                }
                for one in self.verdicts
            ]
        return document


def compare_runs(
    service: Service,
    paths: Sequence[RunPath],
    *,
    everything: bool = False,
    curves: bool = False,
    keys: Sequence[str] | None = None,
    gates: Sequence[Gate] = (),
) -> Comparison:
    """Where two runs or more differ; with `curves` also how far apart theirs are, of `keys` or all that they share.

    With `everything` also in what always differs. `NotFoundError` for a run that is not there, `BadValueError` for
    fewer than two.
    """
    if len(paths) < 2:
        raise BadValueError(f"{len(paths)} run to compare; name two or more")
    infos = [service.read_run(path) for path in paths]
    sides = [read_sections(service, info) for info in infos]
    summaries = [side["summary"] for side in sides]
    return Comparison(
        paths=tuple(paths),
        states=tuple(info.state for info in infos),
        differences=tuple(differences_of(sides, everything=everything)),
        curves=compare_curves(service, paths, keys) if curves or keys is not None else None,
        verdicts=tuple(verdict for gate in gates for verdict in judge(gate, paths, summaries)),
    )


def differences_of(sides: Sequence[Sections], *, everything: bool = False) -> Iterator[Difference]:
    """The differences between runs' sections, in the order in which keys first come.

    Values are equal when they are stored alike: NaN equals NaN, 1 and 1.0 differ.
    """
    for section in SECTIONS:
        found = [side[section] for side in sides]
        for path in dict.fromkeys(path for one in found for path in one):
            if not everything and is_volatile(section, path):
                continue
            values = tuple(one.get(path) for one in found)
            is_missing = tuple(path not in one for one in found)
            if any(is_missing) or any(_differs(values[0], value) for value in values[1:]):
                yield Difference(section=section, path=path, values=values, is_missing=is_missing)


def _differs(a: Any, b: Any) -> bool:
    return type(a) is not type(b) or repr(a) != repr(b)


def _document(one: Difference, runs: Sequence[str], *, is_pair: bool) -> dict[str, Any]:
    values = [read_value(value) for value in one.values]
    document: dict[str, Any] = {"section": one.section, "key": one.key}
    if is_pair:
        missing = next((side for side, is_one in zip("ab", one.is_missing, strict=True) if is_one), None)
        return document | {"a": values[0], "b": values[1], "missing": missing}
    return document | {
        "values": values,
        "missing_in": [run for run, is_one in zip(runs, one.is_missing, strict=True) if is_one],
    }
