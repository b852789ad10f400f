"""``runlake sql``: a query over everything in the store."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli import output
from runlake.cli.export import STDOUT, Format, choose_format
from runlake.cli.format import NOTHING, format_count, format_size, format_value, shorten
from runlake.cli.opening import find_project, open_store

if TYPE_CHECKING:
    import pyarrow as pa

_MIB = 2**20


class Where(StrEnum):
    """Where a query is computed."""

    auto = "auto"
    server = "server"
    here = "here"


def sql(
    context: typer.Context,
    query: Annotated[
        str | None, typer.Argument(help="One SELECT, quoted for the shell; - or nothing reads it from stdin.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option("--file", "-f", metavar="FILE", help="Read the query from a file.")
    ] = None,
    destination: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="Where to write; - is stdout.")
    ] = STDOUT,
    format: Annotated[
        Format | None, typer.Option("--format", help="By default a table, or what FILE's suffix says.")
    ] = None,
    project: Annotated[
        str | None, typer.Option("--project", "-p", metavar="PROJECT", help="Of one project; by default of all.")
    ] = None,
    at: Annotated[
        Where, typer.Option("--at", help="Where to compute: at a server that can, or always here.")
    ] = Where.auto,
    time_limit: Annotated[float, typer.Option("--time-limit", metavar="S", help="Stop after so many seconds.")] = 60.0,
    memory_limit: Annotated[
        int, typer.Option("--memory-limit", metavar="MIB", min=1, help="Of what is read, and of DuckDB's own, each.")
    ] = 2048,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Answer a SELECT over runs, config, summary, history, events, console, files, sweeps and artifacts."""
    from runlake.sql.ask import ask
    from runlake.sql.engine import SqlLimits

    text = _query_text(query, file)
    is_file = format is not None or destination != STDOUT
    chosen = choose_format(destination, format) if is_file else None
    with open_store(context) as service:
        within = None if project is None else find_project(service, project)
        limits = SqlLimits(time_s=time_limit, memory_bytes=memory_limit * _MIB)
        table = ask(service, text, limits, within=within, at=at.value)
    if chosen is not None:
        _write(table, destination, chosen)
    elif as_json:
        output.print_json({"columns": table.column_names, "rows": [list(row) for row in _rows(table)]})
    else:
        right = [field.name for field in table.schema if _is_number(field.type)]
        output.print_table(table.column_names, [tuple(map(_cell, row)) for row in _rows(table)], right=right)


def _query_text(query: str | None, file: Path | None) -> str:
    """The query as it was given: as an argument, in a file, or on stdin."""
    if query is not None and file is not None:
        raise typer.BadParameter("a query as an argument and in a file are two; give one of them")
    if file is not None:
        try:
            return file.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise typer.BadParameter(f"{file} is no text in UTF-8: {error}") from None
    if query is not None and query != "-":
        return query
    if query is None and sys.stdin.isatty():
        raise typer.BadParameter('name a query, as in: runlake sql "SELECT * FROM runs"')
    return sys.stdin.read()


def _write(table: pa.Table, destination: Path, format: Format) -> None:
    from runlake.api.export import export_table

    place = output.binary_stdout() if destination == STDOUT else destination
    written = export_table(table, place, format=format.value)
    if destination != STDOUT:
        output.note(
            f"wrote {format_count(written.row_count, 'row')} ({format_size(written.size_bytes)}) to {destination}"
        )


def _rows(table: pa.Table) -> list[tuple[object, ...]]:
    return list(zip(*(column.to_pylist() for column in table.columns), strict=True))


def _cell(value: object) -> str:
    if value is None:
        return NOTHING
    plain = value if isinstance(value, bool | int | float | str | list | dict) else str(value)
    return shorten(format_value(plain), output.VALUE_WIDTH)


def _is_number(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind))
