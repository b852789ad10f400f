"""The results as text, as JSON and as the middle part of ``docs/performance.md``."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.bench import Bench, BenchmarkError, Comparison, Group, Subject, Target

BEGIN = "<!-- results: written by python -m benchmarks -->"
END = "<!-- end of results -->"
PACKAGES = ("numpy", "pandas", "pyarrow", "msgspec")


@dataclass(frozen=True)
class TargetResult:
    """A promise and what came out."""

    target: Target
    value: float
    limit: float

    @property
    def ratio(self) -> float:
        return self.value / self.limit

    @property
    def reached(self) -> bool:
        return (self.value if self.target.bounds == "value" else self.ratio) <= self.target.at_most

    def cells(self) -> list[str]:
        goal = self.target
        wanted = f"≤ {goal.at_most:g} {goal.unit}" if goal.bounds == "value" else f"≤ {goal.at_most:g} ×"
        return [
            goal.work,
            f"{number(self.value)} {goal.unit}",
            f"{number(self.limit)} {goal.unit} ({goal.limit_name})",
            f"{number(self.ratio)} ×",
            wanted,
            "yes" if self.reached else "**no**",
        ]

    def data(self) -> dict[str, Any]:
        goal = self.target
        return {
            "work": goal.work,
            "unit": goal.unit,
            "value": self.value,
            "limit": self.limit,
            "limit_name": goal.limit_name,
            "ratio": self.ratio,
            "at_most": goal.at_most,
            "bounds": goal.bounds,
            "reached": self.reached,
        }


@dataclass(frozen=True)
class ComparisonResult:
    """The same work by several trackers; None where one has no way to do it. The first is runlake."""

    comparison: Comparison
    values: tuple[float | BenchmarkError | None, ...]

    def cells(self) -> list[str]:
        ours = self.values[0]
        assert isinstance(ours, float | int)
        cells = [self.comparison.work, f"{number(ours)} {self.comparison.unit}"]
        for value in self.values[1:]:
            if isinstance(value, BenchmarkError):
                cells.append(f"failed: {str(value).splitlines()[-1]}")
                continue
            ratio = f" ({number(value / ours)} ×)" if value is not None and ours else ""
            cells.append("–" if value is None else f"{number(value)} {self.comparison.unit}{ratio}")
        return cells


@dataclass(frozen=True)
class GroupResult:
    """What one group measured."""

    group: Group
    targets: tuple[TargetResult, ...]
    comparisons: tuple[ComparisonResult, ...]


def measure(bench: Bench, group: Group) -> GroupResult:
    """Every row of a group; each is told on stderr as soon as it is known."""
    targets, compared = [], []
    for row in group.targets:
        targets.append(TargetResult(row, row.measure(bench), row.limit(bench)))
        print(" | ".join(targets[-1].cells()), file=sys.stderr, flush=True)
    for work in group.comparisons if bench.peers else ():
        values = tuple(attempt(bench, work, subject) for subject in (bench.ours, *bench.peers))
        compared.append(ComparisonResult(work, values))
        print(" | ".join(compared[-1].cells()), file=sys.stderr, flush=True)
    return GroupResult(group, tuple(targets), tuple(compared))


def attempt(bench: Bench, row: Comparison, subject: Subject) -> float | BenchmarkError | None:
    """One tracker's number; a peer that fails is shown as such and does not end the run."""
    try:
        return row.measure(bench, subject)
    except BenchmarkError as error:
        if subject is bench.ours:
            raise
        print(error, file=sys.stderr, flush=True)
        return error


def number(value: float) -> str:
    """Three digits, and no more than the measurement is worth."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 0.1 else f"{value:.3g}"


def machine() -> list[str]:
    """What one must know of the machine to judge the numbers, and nothing that names it."""
    versions = ", ".join(f"{name} {importlib.metadata.version(name)}" for name in PACKAGES)
    return [
        f"{os.cpu_count()} cores ({platform.machine()}), {platform.system()}",
        f"Python {platform.python_version()}, {versions}",
    ]


def write_page(
    path: Path, bench: Bench, groups: Sequence[Group], results: Sequence[GroupResult], missing: Sequence[str] = ()
) -> list[str]:
    """Put the tables of the groups that were measured whole on the page; those of others stay, and so does the prose.

    Whole is: not --quick, and beside the other trackers where the group compares with them. What was written is
    answered, by the groups' names. `missing` says which trackers could not be had.
    """
    if bench.quick:
        return []
    whole = [result for result in results if bench.peers or not result.group.comparisons]
    page = path.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    old, after = rest.split(END)
    sections = {title: tables.strip() for title, _, tables in (one.partition("\n") for one in old.split("### ")[1:])}
    sections |= {result.group.title: "\n".join(group_lines(bench, result)) for result in whole}
    lines = [f"- {fact}" for fact in (*machine(), *missing)]
    in_order = [group.title for group in groups if group.title in sections]
    for title in dict.fromkeys((*in_order, *sections)):  # what no group measures stands last
        lines += ["", f"### {title}", "", sections[title]]
    text = "\n".join(lines)
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")
    return [result.group.name for result in whole]


def group_lines(bench: Bench, result: GroupResult) -> list[str]:
    """The tables of one group."""
    head = ["Work", "runlake", "Beside it", "Ratio", "Target", "Reached"]
    lines = table(head, [row.cells() for row in result.targets])
    if result.comparisons:
        head = ["Beside other trackers", *(subject.title for subject in (bench.ours, *bench.peers))]
        lines += ["", *table(head, [row.cells() for row in result.comparisons])]
    return lines


def table(head: list[str], rows: list[list[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cells) + " |" for cells in lines]


def data(bench: Bench, results: Sequence[GroupResult]) -> dict[str, Any]:
    """All results as plain data."""
    subjects = (bench.ours, *bench.peers)
    return {
        "quick": bench.quick,
        "machine": machine(),
        "groups": {
            result.group.name: {
                "targets": [row.data() for row in result.targets],
                "comparisons": [
                    {
                        "work": row.comparison.work,
                        "unit": row.comparison.unit,
                        "values": {
                            subject.title: str(value) if isinstance(value, BenchmarkError) else value
                            for subject, value in zip(subjects, row.values, strict=True)
                        },
                    }
                    for row in result.comparisons
                ],
            }
            for result in results
        },
    }
