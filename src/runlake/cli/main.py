"""The command ``runlake``: starts quickly, and leaves the rest to `app`."""

from __future__ import annotations

import gc
import sys

GARBAGE_AFTER = 50_000
"""So many new objects make it worth looking for garbage: of what is imported, which is most of a command, none is."""

INTERRUPTED = 130
"""`failures.ExitCode.INTERRUPTED`, before that can be imported."""


def main() -> None:
    """Run the command line of this process and exit."""
    gc.set_threshold(GARBAGE_AFTER)
    arguments = sys.argv[1:]
    if arguments == ["--version"]:  # answered without typer, which takes a tenth of a second to import
        from runlake.cli.output import print_line
        from runlake.version import __version__

        print_line(f"runlake {__version__}")
        return
    try:
        from runlake.cli.app import app_for

        app_for(arguments)(args=arguments, prog_name="runlake")
    except KeyboardInterrupt:  # while the imports still run; later ones end in `app`
        sys.exit(INTERRUPTED)
