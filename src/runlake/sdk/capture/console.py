"""Keeps what is printed to sys.stdout and sys.stderr, line by line, while it still goes where it went.

The streams are not replaced: the `write` and `flush` of the stream objects themselves are shadowed. So `isatty`,
`encoding`, `fileno` and `buffer` stay what they are, and whoever took hold of a stream earlier (a logging handler, a
progress bar) is heard too. Not seen is what goes around them: bytes written to ``.buffer``, C code, other processes
and forked children, whose lines would carry the same numbers.

Printing never waits for us: a text is queued, and whoever finds nobody else at it hands over what is queued. That
also holds for a signal handler that prints while its own thread is handing over.
"""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Any, TextIO

from runlake.sdk.capture.terminal import Terminal

REWRITE_INTERVAL_S = 0.1
"""A line that is rewritten, as by a progress bar, is handed over at most this often, and in its last state."""

_MAX_WAITING_COUNT = 256

WriteLine = Callable[[int, str | None, str, float], None]


class ConsoleCapture:
    """Calls `write(line number, level, text, timestamp)` for every line printed between `start` and `stop`.

    Numbers count from `first_number` over both streams, in the order in which lines begin; a number that comes again
    replaces the line's text. `level` is None for stdout and "error" for stderr; the timestamp is that of the line's
    last change, seconds since 1970. Colours are kept, as SGR sequences. What `write` itself prints is not captured,
    and its errors never reach the one who prints: the first is told on the real stderr.
    """

    def __init__(self, write: WriteLine, *, first_number: int = 0) -> None:
        self._write = write
        self._pid = os.getpid()
        self._queue: deque[tuple[_Tap, str, bool]] = deque()
        self._lock = threading.Lock()
        self._inside = threading.local()
        self._failed = False
        self._active = False
        numbers = itertools.count(first_number)
        self._taps = [_Tap(self, name, level, numbers) for name, level in (("stdout", None), ("stderr", "error"))]

    def start(self) -> None:
        """Begin to listen; a stream that is missing, or cannot be listened to, is left alone."""
        self._active = True
        seen: list[Any] = []
        for tap in self._taps:
            stream = getattr(sys, tap.name)
            if stream is not None and not any(stream is other for other in seen):
                seen.append(stream)
                tap.attach(stream)
        _at_each_cell(self._listen_on, begins=True)

    def _listen_on(self, *_: object) -> None:
        for tap in self._taps:
            tap.attach_again()

    def stop(self) -> None:
        """Hand over what is still held back and let the streams go, where nobody has taken them over since."""
        if not self._active:
            return
        self._active = False
        _at_each_cell(self._listen_on, begins=False)
        for tap in self._taps:
            tap.detach()
        if os.getpid() != self._pid:
            return
        self._drain()
        # A signal handler may be what stops us, in the very thread that holds the lock: then the rest is given up.
        if self._lock.acquire(timeout=1.0):
            try:
                for tap in self._taps:
                    self._hand_over(tap, everything=True)
            finally:
                self._lock.release()

    def hears(self) -> bool:
        """Whether a text printed by this thread just now is to be kept."""
        return self._active and not getattr(self._inside, "write", False) and os.getpid() == self._pid

    def is_behind(self) -> bool:
        """Whether printed texts wait to be looked at."""
        return bool(self._queue)

    def take(self, tap: _Tap, text: str, *, flush: bool = False) -> None:
        """Keep a text that was printed; `flush` asks that a line without its end be handed over as it is."""
        self._queue.append((tap, text, flush))
        # print("a", 1) writes four times; what neither ends nor rewrites a line can wait for what does.
        if flush or "\n" in text or "\r" in text or len(self._queue) >= _MAX_WAITING_COUNT:
            self._drain()

    def _drain(self) -> None:
        # Asking again after the release: somebody may have queued while we held the lock, and have found it taken.
        while self._queue and self._lock.acquire(blocking=False):
            try:
                while self._queue:
                    tap, text, flush = self._next_texts()
                    tap.terminal.feed(text, time.time())
                    for each in self._taps:
                        if each.terminal.changed:
                            self._hand_over(each, flush=flush and each is tap)
            finally:
                self._lock.release()

    def _next_texts(self) -> tuple[_Tap, str, bool]:
        """The oldest text in the queue, with those behind it that went to the same stream."""
        tap, text, flush = self._queue.popleft()
        texts = [text]
        while self._queue and self._queue[0][0] is tap and not flush:
            _, text, flush = self._queue.popleft()
            texts.append(text)
        return tap, "".join(texts), flush

    def _hand_over(self, tap: _Tap, *, flush: bool = False, everything: bool = False) -> None:
        """Give away the changed lines whose time has come: a new line when it ends, or when it is flushed."""
        now = time.monotonic()
        current = tap.terminal.current
        for line in list(tap.terminal.changed):
            is_new = line.given_text is None
            if is_new and not line.given_at:
                line.given_at = now
            ready = is_new and (flush or line is not current)
            if everything or ready or now - line.given_at >= REWRITE_INTERVAL_S:
                del tap.terminal.changed[line]
                shown = line.shown
                if shown != line.given_text and line.number is not None:
                    line.given_text, line.given_at = shown, now
                    self._give(tap.level, line.number, shown, line.changed_at)

    def _give(self, level: str | None, number: int, text: str, changed_at: float) -> None:
        self._inside.write = True
        try:
            self._write(number, level, text, changed_at)
        except Exception as error:
            if not self._failed:
                self._failed = True
                self._taps[1].print(f"runlake: printed lines are not all kept: {type(error).__name__}: {error}\n")
        finally:
            self._inside.write = False


def _at_each_cell(callback: Callable[..., None], *, begins: bool) -> None:
    """Have it called before each cell of a notebook, or no more.

    IPython 9 puts its own `write` over that of the streams for the time of a cell, and the one from before back.
    """
    shell = sys.modules.get("IPython")
    running = shell.get_ipython() if shell is not None else None
    events = getattr(running, "events", None)
    if events is not None:
        (events.register if begins else events.unregister)("pre_run_cell", callback)


class _Tap:
    """The hold on one of the two streams."""

    def __init__(self, capture: ConsoleCapture, name: str, level: str | None, numbers: itertools.count[int]) -> None:
        self.name = name
        self.level = level
        self.terminal = Terminal(numbers.__next__)
        self._capture = capture
        self._stream: TextIO | None = None
        self._shadows: dict[str, Callable[..., Any]] = {}
        self._originals: dict[str, tuple[Callable[..., Any], bool]] = {}

    def attach(self, stream: TextIO) -> None:
        """Shadow the stream's two methods; remembers whether the object itself had them shadowed before us."""
        own = getattr(stream, "__dict__", {})
        write, flush = stream.write, stream.flush
        self._shadows = {"write": self._shadow_write(write), "flush": self._shadow_flush(flush)}
        self._originals = {"write": (write, "write" in own), "flush": (flush, "flush" in own)}
        self._stream = stream
        try:
            for name, shadow in self._shadows.items():
                setattr(stream, name, shadow)
        except (AttributeError, TypeError) as error:
            self.print(f"runlake: what is printed to {self.name} is not kept: {error}\n")
            self.detach()

    def attach_again(self) -> None:
        """Shadow `write` once more where somebody has put back the one from before us."""
        stream = self._stream
        if (
            stream is not None
            and self._shadows
            and getattr(stream, "__dict__", {}).get("write") != self._shadows["write"]
        ):
            self._originals["write"] = (stream.write, "write" in stream.__dict__)
            stream.write = self._shadows["write"] = self._shadow_write(stream.write)  # type: ignore[method-assign]

    def detach(self) -> None:
        """Take our methods off again. Where somebody shadowed them after us, ours stay below and only pass on."""
        for name, shadow in self._shadows.items():
            if getattr(self._stream, "__dict__", {}).get(name) is shadow:
                original, was_shadowed = self._originals[name]
                if was_shadowed:
                    setattr(self._stream, name, original)
                else:
                    delattr(self._stream, name)
        self._shadows = {}

    def print(self, message: str) -> None:
        """Say something on the stream without keeping it; a stream that is gone hears nothing."""
        stream = self._originals.get("write", (None, False))[0] or getattr(sys.__stderr__, "write", None)
        try:
            if stream is not None:
                stream(message)
        except (OSError, ValueError):  # closed, or nobody reads it: there is nowhere left to say so
            pass

    def _shadow_write(self, original: Callable[[str], int]) -> Callable[[str], int]:
        capture = self._capture

        def write(text: str) -> int:
            length = original(text)
            # One that was shadowed again may still be below: a text is kept once.
            if isinstance(text, str) and text and capture.hears() and self._shadows.get("write") is write:
                capture.take(self, text)
            return length

        return write

    def _shadow_flush(self, original: Callable[[], None]) -> Callable[[], None]:
        capture = self._capture

        def flush() -> None:
            original()
            if (self.terminal.changed or capture.is_behind()) and capture.hears():
                capture.take(self, "", flush=True)

        return flush
