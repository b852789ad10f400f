"""The verbs of the command line, and how each of them ends."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from runlake.cli import output
from runlake.cli.failures import ExitCode, describe, exit_code_of
from runlake.cli.opening import GlobalOptions

# Newer versions of typer carry click inside, older ones import it: only the family tree is the same in both.
COMMAND_ERROR: type[BaseException] = typer.BadParameter.__mro__[2]

VERBS = {
    "ls": "ls:ls",
    "show": "show:show",
    "tail": "tail:tail",
    "export": "export:export",
    "verify": "verify:verify",
    "pull": "pull:pull",
    "restore": "restore:restore",
    "diff": "diff:diff",
    "sql": "sql:sql",
    "segments": "segments:segments",
    "rm": "rm:rm",
    "seal": "seal:seal",
    "check": "check:check",
    "repair": "repair:repair",
    "gc": "repair:gc",
    "trash": "repair:trash",
    "undelete": "repair:undelete",
    "merge": "merge:merge",
    "move": "move:move",
    "import": "import_runs:import_runs",
    "sync": "sync:sync",
    "sweep": "sweep:sweep",
    "agent": "sweep:agent",
    "exec": "execute:exec_",
    "settings": "settings:settings",
    "ui": "ui:ui",
    "view": "view:view",
    "mcp": "mcp:mcp",
    "serve": "serve:serve",
    "login": "serve:login",
    "logout": "serve:logout",
}
"""In the order of the help: the file of this folder, and the function in it."""

GROUPS = {
    "artifact": "artifact:artifact_commands",
    "user": "people:user_commands",
    "key": "people:key_commands",
    "team": "people:team_commands",
    "project": "people:project_commands",
}
"""The same of verbs that have verbs of their own."""


class Commands(TyperGroup):
    """Ends every command with a code of `failures.ExitCode`, and every error as one line on stderr."""

    def main(self, *args: Any, **extra: Any) -> Any:
        try:
            ended = super().main(*args, **{**extra, "standalone_mode": False})
            sys.stdout.flush()
        except SystemExit:
            raise
        except BaseException as error:
            sys.exit(_fail(error))
        sys.exit(ended if isinstance(ended, int) else ExitCode.OK)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        # Nothing at all is no mistake, though click has it so.
        return super().parse_args(ctx, args or ["--help"])

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except (OSError, KeyboardInterrupt) as error:  # typer would end with codes of its own
            raise typer.Exit(_fail(error)) from error


class PassThrough(TyperCommand):
    """A command whose arguments are somebody else's: nothing but a leading ``--help`` is read here."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args or args[0] == "--help":
            return super().parse_args(ctx, args or ["--help"])
        ctx.args = list(args)
        return []


def _fail(error: BaseException) -> int:
    """Say what went wrong and answer the exit code."""
    if os.environ.get("RUNLAKE_TRACEBACK") == "1":
        output.print_traceback(error)
    if isinstance(error, COMMAND_ERROR):
        output.print_error(_mistake(error))
        return ExitCode.USAGE
    if isinstance(error, typer.Abort):
        output.print_error("interrupted")
        return ExitCode.INTERRUPTED
    code = exit_code_of(error)
    if code is ExitCode.BROKEN_PIPE:
        output.discard_stdout()
    else:
        output.print_error(describe(error))
    return code


def _mistake(error: Any) -> str:
    """A wrong command line as one sentence with where to look."""
    text = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "runlake"
    return f"{text.rstrip('.')}; see: {command} --help"


def new_app() -> typer.Typer:
    """A command without verbs, in which everything ends as `Commands` has it."""
    return typer.Typer(
        cls=Commands,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["--help", "-h"]},
    )


def _print_version(asked: bool) -> None:
    if asked:
        from runlake.version import __version__

        output.print_line(f"runlake {__version__}")
        raise typer.Exit


def root(
    context: typer.Context,
    store: Annotated[
        str | None,
        typer.Option("--dir", metavar="STORE", help="The store; by default as RUNLAKE_DIR says, or a .runlake folder."),
    ] = None,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Look at runs, export them, and take care of the store they are in."""
    context.obj = GlobalOptions(store=store)


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """The command with the one verb that is asked for; where none is, or none that there is, with all of them.

    To load and to build them all is more work than `ls` has to do.
    """
    verb = _verb_of(arguments)
    return app_of([verb]) if verb in VERBS or verb in GROUPS else app_of()


def app_of(verbs: Iterable[str] = (*VERBS, *GROUPS)) -> typer.Typer:
    """The command ``runlake`` with these verbs, or with all."""
    app = new_app()
    app.callback()(root)
    for verb in verbs:
        if verb in GROUPS:
            app.add_typer(_load(GROUPS[verb]), name=verb)
        else:
            app.command(verb, cls=PassThrough if verb == "exec" else None)(_load(VERBS[verb]))
    return app


def _load(place: str) -> Any:
    module, _, name = place.partition(":")
    return getattr(import_module(f"runlake.cli.{module}"), name)


def _verb_of(arguments: Sequence[str]) -> str | None:
    words = iter(arguments)
    for word in words:
        if word == "--dir":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None
