"""Long work says on a terminal how far it is, and nowhere else."""

import io
import sys

import pytest

from runlake.artifacts.progress import SHOWN_FROM_BYTES, progress_bar


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def printed(monkeypatch):
    """What comes on stderr while so many bytes are done."""

    def printed(stream, total_bytes, **options):
        monkeypatch.setattr(sys, "stderr", stream)
        with progress_bar("model: fetching", total_bytes, **options) as tell:
            tell(total_bytes // 2)
            tell(total_bytes // 2)
        return stream.getvalue()

    return printed


def test_a_terminal_sees_a_bar(printed):
    assert "model: fetching" in printed(Terminal(), SHOWN_FROM_BYTES)


def test_nobody_else_sees_anything(printed):
    assert printed(io.StringIO(), SHOWN_FROM_BYTES) == ""
    assert printed(Terminal(), SHOWN_FROM_BYTES - 1) == ""
    assert printed(Terminal(), SHOWN_FROM_BYTES, is_shown=False) == ""
