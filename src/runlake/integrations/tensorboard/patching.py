"""`patch` and `unpatch`: which run gets the events of this process's writers, and from when on.

A writer that is made while no run follows waits for the next one that does.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

from runlake.errors import UsageError
from runlake.integrations.tensorboard.event import read_summary
from runlake.integrations.tensorboard.event_file import STEP_KEY
from runlake.integrations.tensorboard.follower import Follower
from runlake.integrations.tensorboard.logged import logged_value
from runlake.integrations.tensorboard.writers import Opened, Writers
from runlake.sdk.process.active import session
from runlake.sdk.run.run import Run


class _Following:
    """The state of this process: whether writers are watched, and the run that follows them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._writers: Writers | None = None
        self._waiting: list[Opened] = []
        self._follower: Follower | None = None
        self._root, self._save = "", True

    @property
    def is_patched(self) -> bool:
        return self._writers is not None

    def patch(self, root: str, save: bool, **libraries: bool) -> None:
        with self._lock:
            self._root, self._save = root, save
            if self._writers is None:
                self._writers = Writers(self._on_open)
                self._writers.watch(**libraries)

    def unpatch(self) -> None:
        with self._lock:
            writers, self._writers = self._writers, None
            self._waiting.clear()
            if writers is not None:
                writers.leave()

    def begin(self, run: Run) -> Callable[[], None]:
        """Have `run` follow from now on; answers what ends it."""
        with self._lock:
            if self._follower is not None and self._follower.run is run:
                return lambda: None
            follower = self._follower = Follower(run, root=self._root, save=self._save)
            waiting, self._waiting = self._waiting, []
            for opened in waiting:
                follower.follow(opened)
            follower.start()

        def end() -> None:
            with self._lock:
                if self._follower is follower:
                    self._follower = None
            follower.close()

        return end

    def enter_child(self) -> None:
        """In a forked child: the files of the parent's writers are the parent's to follow."""
        self._lock = threading.RLock()
        self._follower = None
        self._waiting.clear()

    def _on_open(self, opened: Opened) -> None:
        with self._lock:
            if self._follower is None:
                self._waiting.append(opened)
            else:
                self._follower.follow(opened)


_following = _Following()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_following.enter_child)


def is_patched() -> bool:
    """Whether writers are watched already, so that the next run follows them."""
    return _following.is_patched


def begin(run: Run) -> Callable[[], None]:
    """Follow this process's writers for `run`, patched or not; called by `init`. Answers what ends it."""
    by_itself = not _following.is_patched
    if by_itself:
        patch()
    end = _following.begin(run)

    def end_all() -> None:
        end()
        if by_itself:
            _following.unpatch()

    return end_all


def patch(
    save: bool = True, tensorboard_x: bool | None = None, pytorch: bool | None = None, root_logdir: str = ""
) -> None:
    """Read whatever TensorBoard files this process begins to write from now on, as rows of the active run.

    Before `init` they become rows of the run that it begins. Tags have the path of their log directory below
    `root_logdir` before them; without it below the folder that the first two directories have in common, and nothing
    where there is only one. With `save` the files are kept with the run as well. False for `tensorboard_x`, or for
    `pytorch` (TensorBoard's own writer), leaves that library alone.
    """
    _following.patch(
        str(root_logdir or ""), save, tensorboard=pytorch is not False, tensorboard_x=tensorboard_x is not False
    )
    run = session.run
    if run is not None and run.state == "running" and not run.disabled:
        run.before_finish(_following.begin(run))


def unpatch() -> None:
    """Follow no further writers; those that are followed already still are, until the run ends."""
    _following.unpatch()


def log(tf_summary_str_or_pb: Any, history: Any = None, step: int = 0, namespace: str = "", **kwargs: Any) -> None:
    """Log one summary, a message or its bytes, as a row with ``global_step``; `kwargs` are further values of it.

    `namespace` stands before the tags. Raises `UsageError` without an active run; `history` has no meaning here.
    """
    run = session.run
    if run is None:
        raise UsageError("tensorboard.log() was used before runlake.init(); call it first")
    run.log({STEP_KEY: step, **tf_summary_to_dict(tf_summary_str_or_pb, namespace), **kwargs})


def tf_summary_to_dict(tf_summary_str_or_pb: Any, namespace: str = "") -> dict[str, Any]:
    """The values of a summary, a message or its bytes, by tag, as `Run.log` takes them."""
    summary = tf_summary_str_or_pb
    message = bytes(summary) if isinstance(summary, bytes | bytearray) else summary.SerializeToString()
    prefix = f"{namespace}/" if namespace else ""
    values = {prefix + tagged.tag: logged_value(tagged) for tagged in read_summary(message)}
    return {key: value for key, value in values.items() if value is not None}


def reset_state() -> None:
    """Has no meaning here; W&B's module has it."""
