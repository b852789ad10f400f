"""That a worker is about to end, told to what would go on for ever."""

from __future__ import annotations

import signal
import threading
from typing import Any


def tell_of_end(draining: threading.Event) -> None:
    """Have the event set as soon as this worker is told to end: streams that would go on for ever end then.

    For the app's factory, which uvicorn calls in the main thread, after it has put up its own handlers of signals:
    these do afterwards what they always do. Elsewhere nothing happens.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def tell(signum: int, frame: Any, before: Any = before) -> None:
            draining.set()
            if callable(before):
                before(signum, frame)

        signal.signal(number, tell)
