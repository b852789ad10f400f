"""``runlake settings``: what is in force, and where it comes from."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated, Any

import typer

from runlake.cli import output
from runlake.cli.format import format_value
from runlake.cli.opening import GlobalOptions


def settings(
    context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False
) -> None:
    """Show every setting with its value and where the value comes from."""
    from runlake.settings import explain, ignored_variables

    options = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
    found = explain({"store": options.store}, os.environ, Path.cwd())
    documents = [{"name": name, "value": _plain(value), "origin": origin} for name, (value, origin) in found.items()]
    ignored = ignored_variables(os.environ)
    if as_json:
        output.print_json({"settings": documents, "ignored": list(ignored)})
        return
    rows = [(d["name"], "" if d["value"] is None else format_value(d["value"]), d["origin"]) for d in documents]
    output.print_table(("SETTING", "VALUE", "FROM"), rows)
    if ignored:
        output.print_line()
        output.print_line(f"Set for W&B and not read by runlake: {', '.join(ignored)}")


def _plain(value: Any) -> Any:
    return os.fspath(value) if isinstance(value, os.PathLike) else value
