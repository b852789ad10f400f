"""What is told to the person at the terminal."""

from __future__ import annotations

import sys

from runlake.clean_text import lines


def say(text: str) -> None:
    """Print a line to stderr."""
    try:
        print(f"runlake: {lines(text)}", file=sys.stderr)
    except (OSError, ValueError):
        pass  # nobody reads stderr any more, or it is closed: a training does not end for that
    except RuntimeError:
        pass  # a signal handler ends the run while this thread is in the midst of printing, and the stream refuses it
