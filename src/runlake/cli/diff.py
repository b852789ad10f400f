"""``runlake diff``: where two runs differ."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.failures import ExitCode
from runlake.cli.format import NOTHING, format_value, shorten
from runlake.cli.opening import find_existing_run, open_store
from runlake.errors import CorruptError
from runlake.model import METADATA_FILE, RunPath
from runlake.values import flatten, plain_name, read_value, split_path

if TYPE_CHECKING:
    from runlake.service.contract import Service

SECTIONS = ("config", "summary", "metadata")
VOLATILE_METADATA = frozenset({"startedAt", "heartbeatAt", "writerId", "disk"})
"""Metadata, by first key, that differs between nearly any two runs, and so says nothing."""

_VALUE_WIDTH = 50


@dataclass(frozen=True, slots=True)
class Difference:
    """One key whose values differ; `missing` says which run lacks it, None when both have it."""

    section: str
    path: str
    a: Any
    b: Any
    missing: str | None

    def document(self) -> dict[str, Any]:
        """The difference of ``diff --json``."""
        return {
            "section": self.section,
            "key": plain_name(self.path),
            "a": read_value(self.a),
            "b": read_value(self.b),
            "missing": self.missing,
        }

    def cells(self) -> tuple[str, ...]:
        """The difference's line in the table."""
        a, b = (
            NOTHING if self.missing == side else shorten(format_value(value), _VALUE_WIDTH)
            for side, value in (("a", self.a), ("b", self.b))
        )
        return self.section, plain_name(self.path), a, b


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="RUN, PROJECT/RUN or ENTITY/PROJECT/RUN.")],
    b: Annotated[str, typer.Argument(help="The run to compare it with.")],
    everything: Annotated[
        bool, typer.Option("--all", help="Also compare times and keys that begin with an underscore.")
    ] = False,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when the runs differ.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show where config, summary and metadata of two runs differ."""
    with open_store(context) as service:
        paths = find_existing_run(service, a), find_existing_run(service, b)
        sides = [_read_sections(service, path) for path in paths]
    differences = list(compare(sides[0], sides[1], everything=everything))
    if as_json:
        document = {
            "a": str(paths[0]),
            "b": str(paths[1]),
            "equal": not differences,
            "differences": [difference.document() for difference in differences],
        }
        output.print_json(document)
    elif differences:
        columns = ("SECTION", "KEY", str(paths[0]), str(paths[1]))
        output.print_table(columns, [difference.cells() for difference in differences])
    else:
        output.note(f"{paths[0]} and {paths[1]} do not differ")
    if differences and exit_code:
        raise typer.Exit(ExitCode.NO)


def compare(
    a: dict[str, dict[str, Any]], b: dict[str, dict[str, Any]], *, everything: bool = False
) -> Iterator[Difference]:
    """The differences between two runs' sections, each path → canonical value, in the order of `a`, then of `b`.

    Values are equal when they are stored alike: NaN equals NaN, 1 and 1.0 differ.
    """
    for section in SECTIONS:
        left, right = a[section], b[section]
        for path in {**left, **right}:
            if not everything and _is_volatile(section, path):
                continue
            if path not in left or path not in right:
                missing = "a" if path not in left else "b"
                yield Difference(section, path, left.get(path), right.get(path), missing)
            elif _differs(left[path], right[path]):
                yield Difference(section, path, left[path], right[path], None)


def _differs(a: Any, b: Any) -> bool:
    return type(a) is not type(b) or repr(a) != repr(b)


def _is_volatile(section: str, path: str) -> bool:
    return split_path(path)[0] in VOLATILE_METADATA if section == "metadata" else path.startswith("_")


def _read_sections(service: Service, path: RunPath) -> dict[str, dict[str, Any]]:
    run = service.read_run(path)
    sections = {"config": run.config, "summary": run.summary, "metadata": read_metadata(service, path)}
    return {name: flatten(values, stringify_keys=True) for name, values in sections.items()}


def read_metadata(service: Service, path: RunPath) -> dict[str, Any]:
    """What the run noted of its surroundings: program, args, git …; empty when it noted nothing."""
    if all(file.name != METADATA_FILE for file in service.list_files(path)):
        return {}
    with service.open_file(path, METADATA_FILE) as content:
        text = content.read()
    try:
        metadata = json.loads(text)
    except ValueError as error:
        raise CorruptError(f"{METADATA_FILE} of {path} is no JSON: {error}") from None
    return metadata if isinstance(metadata, dict) else {}
