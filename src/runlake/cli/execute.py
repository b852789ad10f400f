"""``runlake exec``: run a script that says ``import wandb`` without wandb."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import typer

from runlake.cli.opening import GlobalOptions


def exec_(context: typer.Context) -> None:
    """Run a script, or a module with -m, with runlake in the place of wandb.

    Everything after `exec` is passed on untouched, and the script's exit code is passed back.
    """
    options = context.obj if isinstance(context.obj, GlobalOptions) else GlobalOptions()
    raise typer.Exit(launch_script(context.args, store=options.store))


def launch_script(arguments: Sequence[str], *, store: str | None = None) -> int:
    """Run the script and answer its exit code; its children find the same store."""
    from runlake.compat.launch import launch
    from runlake.service.open import find_store
    from runlake.settings import is_server

    if store is not None and is_server(store):
        os.environ["RUNLAKE_BASE_URL"] = store
    elif store is not None:
        os.environ["RUNLAKE_DIR"] = os.path.abspath(find_store(store, os.environ, Path.cwd()))  # noqa: PTH100 - keeps links
        os.environ.pop("RUNLAKE_BASE_URL", None)
    return launch(list(arguments))
