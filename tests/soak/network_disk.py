"""What a client of a network file system sees of names and attributes: answers that were true a while ago."""

import os
import time


class _Entry:
    """A directory entry whose attributes are those of the moment when the folder was listed."""

    def __init__(self, entry):
        self.name, self.path = entry.name, entry.path
        self._is_dir, self._is_file = entry.is_dir(), entry.is_file()
        self._stat = entry.stat()

    def is_dir(self, *, follow_symlinks=True):
        return self._is_dir

    def is_file(self, *, follow_symlinks=True):
        return self._is_file

    def stat(self, *, follow_symlinks=True):
        return self._stat


class _Listing(list):
    def __enter__(self):
        return iter(self)

    def __exit__(self, *_):
        pass

    def close(self):
        pass


def be_stale(root, lag_s):
    """This process hears of names and attributes below `root` up to `lag_s` late. What it opens and reads is fresh."""
    really_scan = os.scandir

    def scan(path="."):
        while True:
            try:
                with really_scan(path) as entries:
                    return _Listing(map(_Entry, entries))
            except FileNotFoundError:
                if not os.access(path, os.F_OK):
                    raise  # the folder is gone, not only what was in it

    os.stat = _late(os.stat, root, lag_s)
    os.listdir = _late(os.listdir, root, lag_s)
    os.scandir = _late(scan, root, lag_s)


def _late(call, root, lag_s):
    known = {}

    def late(path=".", **options):
        if isinstance(path, int) or not os.fspath(path).startswith(str(root)):
            return call(path, **options)
        key = (os.fspath(path), *options.items())
        at_s, answer = known.get(key, (0.0, None))
        if time.monotonic() - at_s > lag_s:
            try:
                answer = call(path, **options)
            except OSError as error:
                answer = error
            known[key] = time.monotonic(), answer
        if isinstance(answer, OSError):
            raise answer.with_traceback(None)
        return _Listing(answer) if isinstance(answer, _Listing) else answer

    return late
