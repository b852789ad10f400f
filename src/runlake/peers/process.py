"""Asks a package of others in a process of its own, line by line; several such processes for work side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runlake.errors import CommError, NotSupportedError

_PROGRAM = Path(__file__).with_name("answer.py")
_TOLD_BYTES = 2000
"""So much of what a process said last is told when it is gone."""


class Peer:
    """One process. `module` lies beside this file; `package` is what one installs to have it, `extra` ours with it.

    `python` is the interpreter that has the package, by default this one. NotSupportedError where it has not.
    """

    def __init__(
        self, module: str, *, package: str, extra: str, python: str | None = None, variables: Mapping[str, str]
    ) -> None:
        self._package, self._extra = package, extra
        self._python = python or sys.executable
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the process
        try:
            self._process = subprocess.Popen(
                [self._python, "-X", "utf8", str(_PROGRAM), module],
                env={**_environment(python), "PYTHONWARNINGS": "ignore", **variables},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=self._said,
                encoding="utf-8",
            )
        except OSError as error:
            self._said.close()
            raise NotSupportedError(f"{self._python} cannot be run: {error.strerror}; name a Python") from None
        try:
            self._begin()
        except BaseException:
            self.close()
            raise

    def _begin(self) -> None:
        first = self._next()
        if "missing" in first:
            raise NotSupportedError(
                f"{self._package} cannot be imported by {self._python} ({first['why']}); install it with "
                f'pip install "runlake[{self._extra}]", or name a Python that has it with --python'
            )
        self.version = str(first["ready"])

    def ask(self, verb: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The answers to a request. CommError where it fails, or the process goes away.

        Who does not read to the end ends the process: what is still to come is nobody's answer.
        """
        assert self._process.stdin is not None
        is_at_end = False
        try:
            self._process.stdin.write(json.dumps({"verb": verb, **arguments}) + "\n")
            self._process.stdin.flush()
            while "end" not in (answer := self._next()):
                if "error" in answer:
                    is_at_end = True
                    raise CommError(f"{self._package} {self.version}: {answer['error']}")
                yield answer
            is_at_end = True
        except BrokenPipeError:
            raise CommError(f"the process of {self._package} has ended: {self._last_words()}") from None
        finally:
            if not is_at_end:
                self.close()

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            try:
                pipe.close()
            except OSError:
                pass  # it was gone in the midst of a request
        self._said.close()

    def _next(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.endswith("\n"):
            raise CommError(f"the process of {self._package} has ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        self._process.wait()
        size = self._said.seek(0, os.SEEK_END)
        self._said.seek(max(0, size - _TOLD_BYTES))
        lines = self._said.read().decode("utf-8", "replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "without a word")


def _environment(python: str | None) -> dict[str, str]:
    """The variables of the process; another Python is not told where this one finds its packages."""
    ours = ("PYTHONPATH", "PYTHONHOME") if python is not None else ()
    return {name: value for name, value in os.environ.items() if name not in ours}


class PeerPool:
    """Processes of one kind, made as they are needed and kept for whoever asks next. Threads may share it."""

    def __init__(self, module: str, **options: Any) -> None:
        self._module, self._options = module, options
        self._idle: list[Peer] = []
        self._lock = threading.Lock()

    def ask(self, verb: str, **arguments: Any) -> Iterator[dict[str, Any]]:
        """The answers of a process that is free."""
        with self.lent() as peer:
            yield from peer.ask(verb, **arguments)

    @contextmanager
    def lent(self) -> Iterator[Peer]:
        """A process that nobody else asks meanwhile."""
        with self._lock:
            peer = self._idle.pop() if self._idle else None
        peer = peer or Peer(self._module, **self._options)
        try:
            yield peer
        finally:
            if peer.is_alive:
                with self._lock:
                    self._idle.append(peer)

    def close(self) -> None:
        """End those that are free."""
        with self._lock:
            idle, self._idle = self._idle, []
        for peer in idle:
            peer.close()
