"""How the process ends, so that its runs end as it does: exit code, exception, Ctrl-C, a signal from outside."""

from __future__ import annotations

import atexit
import builtins
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType, TracebackType
from typing import Any, Protocol

from runlake.model import State

_OURS = ("runlake.sdk.", "runlake.ship.", "runlake.store.", "runlake.media.")
_COME_AGAIN_S = 0.005
_PATIENCE_S = 5.0


class EndAll(Protocol):
    """Ends every open run."""

    def __call__(self, exit_code: int, state: State | None = None) -> None: ...


class ExitHooks:
    """Calls `end_all` when the process ends.

    Not seen is the code of a SystemExit that was raised by hand and not through `sys.exit`, `exit` or `quit`: the
    interpreter keeps it to itself.
    """

    def __init__(self, end_all: EndAll) -> None:
        self._end_all = end_all
        self._pid = os.getpid()
        self._exit_code = 0
        self._first_signal_at: float | None = None
        self._mask = threading.local()
        self._previous_excepthook: Callable[..., Any] = sys.excepthook
        self._previous_exit = sys.exit

    def move_here(self) -> None:
        """In a forked child that begins a run of its own: signals and the end of the process are this one's."""
        if self._pid != os.getpid():
            self._pid, self._exit_code, self._first_signal_at = os.getpid(), 0, None
            self._hear_signals()

    def install(self) -> None:
        """Take effect, for as long as the process lives. Signals that somebody else handles stay theirs."""
        atexit.register(self._at_exit)
        self._previous_excepthook, sys.excepthook = sys.excepthook, self._on_exception
        self._previous_exit, sys.exit = sys.exit, self._on_exit
        self._hear_quitter(getattr(builtins, "exit", None))
        self._hear_signals()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self._hold_signals, after_in_parent=self._let_signals_in, after_in_child=self._leave_signals
            )

    def _hear_signals(self) -> None:
        if threading.current_thread() is threading.main_thread():
            for number in _signals():
                if signal.getsignal(number) == signal.SIG_DFL:
                    signal.signal(number, self._on_signal)

    def _hold_signals(self) -> None:
        """Python forgets in a forked child what came before it was set up there; what is blocked waits."""
        self._mask.before = signal.pthread_sigmask(signal.SIG_BLOCK, self._heard())

    def _let_signals_in(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._mask.before)

    def _leave_signals(self) -> None:
        """A forked child that has no run yet dies at once: in Python it may never come to it, if it was forked while
        another thread held a lock, and who ends a pool would wait for it for ever."""
        for number in self._heard():
            signal.signal(number, signal.SIG_DFL)
        self._let_signals_in()

    def _heard(self) -> list[int]:
        return [number for number in _signals() if signal.getsignal(number) == self._on_signal]

    def _at_exit(self) -> None:
        self._end_all(self._exit_code)

    def _on_exception(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        self._exit_code = 255 if issubclass(kind, KeyboardInterrupt) else 1
        self._previous_excepthook(kind, error, traceback)

    def _on_exit(self, code: Any = None) -> Any:
        self._note(code)
        self._previous_exit(code)

    def _hear_quitter(self, quitter: Any) -> None:
        """`exit` and `quit` raise SystemExit themselves; those of a notebook are no such thing, and are left alone."""
        kind = type(quitter)
        if kind.__module__ == "_sitebuiltins":
            original = kind.__call__

            def call(itself: Any, code: Any = None) -> Any:
                self._note(code)
                return original(itself, code)

            kind.__call__ = call

    def _note(self, code: Any) -> None:
        if threading.current_thread() is threading.main_thread():  # in another it ends that thread only
            self._exit_code = code if isinstance(code, int) else 0 if code is None else 1

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """End the runs as killed, then die of the signal as if nobody had caught it."""
        if os.getpid() == self._pid:
            is_inside, caller = _caller_of_ours(frame)
            if is_inside and self._may_wait():
                # This thread was stopped in the midst of a call of ours, with locks in its hands.
                again = threading.Timer(_COME_AGAIN_S, os.kill, (self._pid, number))
                again.daemon = True
                again.start()
                if caller is not None and sys.gettrace() is None:
                    self._die_when_back_in(caller, number, again)
                return
            if _is_between_tasks(frame):
                self._end_all(0)
            else:
                self._end_all(128 + number, "killed")
        _die_of(number)

    def _die_when_back_in(self, caller: FrameType, number: int, again: threading.Timer) -> None:
        """A loop that does little but log is inside a call of ours whenever one looks: trace where that returns to."""

        def arrived(_frame: FrameType, _event: str, _argument: Any) -> None:
            again.cancel()
            sys.settrace(None)
            caller.f_trace = None
            self._end_all(128 + number, "killed")
            _die_of(number)

        caller.f_trace = arrived
        sys.settrace(lambda _frame, _event, _argument: None)

    def _may_wait(self) -> bool:
        """Not for ever: the call may hang in a disk that does not answer."""
        now = time.monotonic()
        self._first_signal_at = self._first_signal_at or now
        return now - self._first_signal_at < _PATIENCE_S


def end_with_worker(end: Callable[[], Callable[[int], None] | None]) -> None:
    """The workers of `multiprocessing` leave by `os._exit`: nothing but its own finalizers runs at their end.

    `end` answers what is to be called then with the exit code, if it is still there.
    """
    util = sys.modules.get("multiprocessing.util")
    if util is None or sys.modules["multiprocessing.process"].parent_process() is None:
        return

    def finalize() -> None:
        call = end()
        if call is not None:
            call(exit_code_of(sys.exception()))  # what the worker dies of is being handled

    util.Finalize(None, finalize, exitpriority=100)


def exit_code_of(error: BaseException | None) -> int:
    """The exit code that the interpreter makes of it: none is 0, and so is an exit without a code; a message is 1."""
    if isinstance(error, SystemExit):
        return error.code if isinstance(error.code, int) else 0 if error.code is None else 1
    return 0 if error is None else 1


def _is_between_tasks(frame: FrameType | None) -> bool:
    """Whether it is a worker of a `multiprocessing.Pool` between two tasks: what it was given to do has returned.

    Leaving the ``with`` of a pool sends SIGTERM to such workers, as their usual end.
    """
    while frame is not None:
        if frame.f_code.co_name == "worker" and frame.f_globals.get("__name__") == "multiprocessing.pool":
            return frame.f_locals.get("task") is None or frame.f_locals.get("result") is not None
        frame = frame.f_back
    return False


def _signals() -> Iterator[int]:
    """Those that end a process, as far as this system has them."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None:
            yield number


def _die_of(number: int) -> None:
    signal.signal(number, signal.SIG_DFL)
    signal.raise_signal(number)


def _caller_of_ours(frame: FrameType | None) -> tuple[bool, FrameType | None]:
    """Whether the stack is inside a call of ours, and who made the outermost such call."""
    is_inside, caller = False, None
    while frame is not None:
        if frame.f_globals.get("__name__", "").startswith(_OURS):
            is_inside, caller = True, frame.f_back
        frame = frame.f_back
    return is_inside, caller


def interrupt_main_thread() -> None:
    """What Ctrl-C does, from another thread; also where Ctrl-C is ignored, as in a background job of a shell."""
    number = signal.SIGINT
    if signal.getsignal(signal.SIGINT) in (signal.SIG_IGN, signal.SIG_DFL, None):
        number = signal.SIGTERM
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # to that thread: it is to wake up if it sleeps
    else:
        signal.raise_signal(number)
