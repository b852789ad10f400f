"""The command `runlake` in this process. Its tree of verbs is built once: that takes longer than most commands do."""

import functools

from typer import testing

from runlake.cli.app import app_of

app = app_of()
testing._get_command = functools.cache(testing._get_command)


def invoke(*arguments, typed=None):
    """What came of a command line: `exit_code`, `stdout`, `stderr`, `exception`."""
    return testing.CliRunner().invoke(app, [str(word) for word in arguments], prog_name="runlake", input=typed)
