"""A signal handler at every place where Python lets one in: at the start of functions, and behind calls of C code."""

import contextlib
import gc
import itertools
import sys


class Breaker:
    """Calls `handler` once, at the place of that number of all that are passed while the context is open."""

    def __init__(self, place, handler):
        self._place, self._handler = place, handler
        self._numbers = itertools.count()
        self.has_broken_in = False

    def __enter__(self):
        gc.disable()  # what is raised within a callback of it, Python itself swallows
        sys.setprofile(self._look)
        return self

    def __exit__(self, *_):
        sys.setprofile(None)
        gc.enable()

    def _look(self, frame, event, _argument):
        is_own = frame.f_code.co_filename == __file__
        if event in ("call", "c_return") and not is_own and next(self._numbers) == self._place:
            sys.setprofile(None)
            self.has_broken_in = True
            self._handler()


@contextlib.contextmanager
def in_pieces(monkeypatch, os, size_bytes):
    """Writes through Python, where handlers get in before and after the system call, so many bytes at a time."""
    real = os.write

    def write(fd, data):
        return real(fd, data[:size_bytes])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", write)
        yield
