"""``runlake diff``: where runs differ."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.failures import ExitCode
from runlake.cli.format import NOTHING, format_count, format_number, format_value, shorten
from runlake.cli.opening import find_existing_run, open_store
from runlake.cli.show import split_keys

if TYPE_CHECKING:
    from runlake.comparison.comparison import Comparison, Difference
    from runlake.comparison.curves import CurveDistance, Curves
    from runlake.comparison.picture import Picture

_VALUE_WIDTH = 50


def diff(
    context: typer.Context,
    a: Annotated[str, typer.Argument(help="RUN, PROJECT/RUN or ENTITY/PROJECT/RUN.")],
    b: Annotated[str, typer.Argument(help="The run to compare it with.")],
    others: Annotated[list[str] | None, typer.Argument(metavar="C…", help="More of them.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Also compare times and keys that begin with an underscore.")
    ] = False,
    curves: Annotated[
        bool, typer.Option("--curves", help="Also say how far their curves are from those of the first.")
    ] = False,
    keys: Annotated[
        str | None, typer.Option("--keys", metavar="A,B", help="Only the curves of these keys; implies --curves.")
    ] = None,
    fail_if: Annotated[
        list[str] | None,
        typer.Option("--fail-if", metavar="COND", help='End with 1 when it holds, as in "val_loss > +1%"; repeatable.'),
    ] = None,
    picture: Annotated[
        Path | None,
        typer.Option("--picture", metavar="FILE", help="Draw the curves that they share: .png, .html or .svg."),
    ] = None,
    exit_code: Annotated[bool, typer.Option("--exit-code", help="End with 1 when the runs differ.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Show where config, summary, code, packages and artifacts of runs differ."""
    from runlake.comparison.comparison import compare_runs
    from runlake.comparison.gates import parse_gate
    from runlake.comparison.picture import check_place, read_picture

    gates = [parse_gate(text) for text in fail_if or ()]
    named = None if keys is None else split_keys(keys)
    if picture is not None:
        check_place(picture)
    with open_store(context) as service:
        paths = [find_existing_run(service, text) for text in (a, b, *(others or ()))]
        found = compare_runs(
            service,
            paths,
            everything=everything,
            curves=curves,
            keys=named,
            gates=gates,
        )
        drawn = None if picture is None else read_picture(service, found, named)
    if picture is not None and drawn is not None:
        _write(picture, drawn)
    if as_json:
        output.print_json(found.document())
    else:
        _print(found)
    if gates:
        for path, state in zip(found.paths, found.states, strict=True):
            if state != "finished":
                output.note(f"warning: {path} is {state}: it is judged by what it logged so far")
    for verdict in found.verdicts:
        output.note(f"{'failed' if verdict.is_broken else 'passed'}: {verdict.sentence}")
    if found.broken or (found.differences and exit_code):
        raise typer.Exit(ExitCode.NO)


def _write(path: Path, picture: Picture) -> None:
    count = len(picture.drawing.panels)
    picture.save(path)
    output.note(f"{path}: {format_count(count, 'key')} of {format_count(len(picture.drawing.names), 'run')}")


def _print(found: Comparison) -> None:
    columns = [str(path) for path in found.paths]
    if found.differences:
        output.print_table(("SECTION", "KEY", *columns), [_cells(one) for one in found.differences])
    else:
        names = f"{', '.join(columns[:-1])} and {columns[-1]}"
        output.note(f"{names} do not differ")
    if found.curves is not None:
        _print_curves(found.curves)


def _print_curves(curves: Curves) -> None:
    if curves.left_out_count:
        output.note(f"{curves.left_out_count:,} keys are shared, too many to compare unasked; name some with --keys")
    if curves.distances:
        columns = ("CURVE", "RUN", "RMS", "LARGEST", "AT STEP")
        output.print_table(columns, [_curve_cells(one) for one in curves.distances], right=columns[2:])


def _cells(one: Difference) -> tuple[str, ...]:
    cells = (
        NOTHING if is_missing else shorten(format_value(value), _VALUE_WIDTH)
        for value, is_missing in zip(one.values, one.is_missing, strict=True)
    )
    return one.section, one.key, *cells


def _curve_cells(one: CurveDistance) -> tuple[str, ...]:
    from runlake.values import plain_name

    numbers = (NOTHING if value is None else format_number(value) for value in (one.rms, one.largest, one.at_step))
    return plain_name(one.key), str(one.run), *numbers
