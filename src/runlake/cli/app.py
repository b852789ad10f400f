"""The verbs of the command line, and how each of them ends."""

from __future__ import annotations

import copy
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from runlake.cli import (
    artifact,
    check,
    diff,
    execute,
    export,
    import_runs,
    ls,
    mcp,
    merge,
    move,
    output,
    people,
    pull,
    repair,
    restore,
    rm,
    seal,
    segments,
    serve,
    settings,
    show,
    sql,
    sweep,
    sync,
    tail,
    ui,
    verify,
    view,
)
from runlake.cli.failures import ExitCode, describe, exit_code_of
from runlake.cli.opening import GlobalOptions

# Newer versions of typer carry click inside, older ones import it: only the family tree is the same in both.
COMMAND_ERROR: type[BaseException] = typer.BadParameter.__mro__[2]


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


app = new_app()


def _print_version(asked: bool) -> None:
    if asked:
        from runlake.version import __version__

        output.print_line(f"runlake {__version__}")
        raise typer.Exit


@app.callback()
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


app.command()(ls.ls)
app.command()(show.show)
app.command()(tail.tail)
app.command()(export.export)
app.command()(verify.verify)
app.command()(pull.pull)
app.command()(restore.restore)
app.command()(diff.diff)
app.command()(sql.sql)
app.command()(segments.segments)
app.command()(rm.rm)
app.command()(seal.seal)
app.command()(check.check)
app.command()(repair.repair)
app.command()(repair.gc)
app.command()(repair.trash)
app.command()(repair.undelete)
app.command()(merge.merge)
app.command()(move.move)
app.command("import")(import_runs.import_runs)
app.command()(sync.sync)
app.command()(sweep.sweep)
app.command()(sweep.agent)
app.command("exec", cls=execute.PassThrough)(execute.exec_)
app.command()(settings.settings)
app.command()(ui.ui)
app.command()(view.view)
app.command()(mcp.mcp)
app.command()(serve.serve)
app.add_typer(artifact.artifact_commands, name="artifact")
app.add_typer(people.user_commands, name="user")
app.add_typer(people.key_commands, name="key")
app.add_typer(people.team_commands, name="team")
app.add_typer(people.project_commands, name="project")
app.command()(serve.login)
app.command()(serve.logout)


def app_for(arguments: Sequence[str]) -> typer.Typer:
    """`app`, with no other verb than the one that is asked for: to build them all is more work than `ls` has to do."""
    verb = _verb_of(arguments) or ""
    commands = [
        each for each in app.registered_commands if verb in (each.name, getattr(each.callback, "__name__", None))
    ]
    groups = [each for each in app.registered_groups if verb == each.name]
    if not commands and not groups:
        return app  # which has help for all, and says what is near to a verb that there is not
    chosen = copy.copy(app)
    chosen.registered_commands, chosen.registered_groups = commands, groups
    return chosen


def _verb_of(arguments: Sequence[str]) -> str | None:
    words = iter(arguments)
    for word in words:
        if word == "--dir":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None
