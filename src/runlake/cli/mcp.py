"""``runlake mcp``: the runs of a store for language models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from runlake.cli.opening import GlobalOptions
from runlake.cli.output import warnings_as_notes
from runlake.errors import NotSupportedError

if TYPE_CHECKING:
    from runlake.service.contract import Service


def mcp(
    context: typer.Context,
    store: Annotated[
        str | None,
        typer.Argument(metavar="[STORE]", help="A folder, or the URL of a server; else what the settings name."),
    ] = None,
    allow_edits: Annotated[
        bool, typer.Option("--allow-edits", help="Also tools that change tags, notes, config, summary, and stop runs.")
    ] = False,
) -> None:
    """Answer a language model's questions about runs: the Model Context Protocol over stdin and stdout.

    It only reads unless it is told otherwise, and ends when its stdin does. A server answers the same at /mcp.
    """
    from runlake.service.open import open_service

    options = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
    try:
        from runlake.mcp.stdio import serve_stdio
    except ModuleNotFoundError:
        raise NotSupportedError(
            "runlake mcp needs the package 'mcp', which is not installed; run: pip install 'runlake[mcp]'"
        ) from None
    from runlake.mcp.tool import Caller

    with warnings_as_notes():
        service: Service = open_service(store or options.store)
        try:
            serve_stdio(Caller(service=service, may_edit=allow_edits))
        finally:
            service.close()
