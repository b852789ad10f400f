"""What is told to the person at the terminal."""

from __future__ import annotations

import os
import sys
import warnings

from runlake.errors import RunlakeWarning

_PACKAGE = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "")  # noqa: PTH100, PTH118, PTH120


def warn(message: str) -> None:
    """A warning that points to the line of the user's that led here, through whatever calls of ours."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        level, frame = level + 1, frame.f_back
    warnings.warn(f"runlake: {message}", RunlakeWarning, stacklevel=level)


def say(text: str) -> None:
    """Print a line to stderr."""
    try:
        print(f"runlake: {text}", file=sys.stderr)
    except (OSError, ValueError):
        pass  # nobody reads stderr any more, or it is closed: a training does not end for that
    except RuntimeError:
        pass  # a signal handler ends the run while this thread is in the midst of printing, and the stream refuses it
