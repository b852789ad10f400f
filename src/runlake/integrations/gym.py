"""Videos that gymnasium, gym and Stable-Baselines3 record become values of the run: ``init(monitor_gym=True)``.

The recorders write a file each when they stop; right after that it is logged under ``videos``.
"""

from __future__ import annotations

import functools
import re
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from runlake.integrations.on_import import forget, on_import
from runlake.media.video import Video
from runlake.sdk.process.active import session
from runlake.sdk.run.run import Run

KEY = "videos"

RECORDERS = {
    "gymnasium.wrappers.rendering": ("RecordVideo", "stop_recording"),
    "gymnasium.wrappers.monitoring.video_recorder": ("VideoRecorder", "close"),
    "gym.wrappers.monitoring.video_recorder": ("VideoRecorder", "close"),
    "stable_baselines3.common.vec_env.vec_video_recorder": ("VecVideoRecorder", "_stop_recording"),
}
"""Module → its recorder, and the method after which a video is there: of newer and older versions."""


def monitor() -> None:
    """Log the videos that are recorded from now on with the active run, until it ends."""
    run = session.active("integrations.gym.monitor")
    run.before_finish(begin(run))


def begin(run: Run) -> Callable[[], None]:
    """Log the videos that are recorded from now on with `run`; answers what ends it."""
    undo: list[Callable[[], None]] = []
    callbacks: list[Callable[[ModuleType], None]] = []
    if run.disabled:
        return lambda: None
    for module_name, (kind_name, method_name) in RECORDERS.items():

        def change(module: ModuleType, kind_name: str = kind_name, method_name: str = method_name) -> None:
            kind = getattr(module, kind_name, None)
            if kind is not None and hasattr(kind, method_name):
                undo.append(_log_after(kind, method_name, run))

        callbacks.append(change)
        on_import(module_name, change)

    def end() -> None:
        for callback in callbacks:
            forget(callback)
        for put_back in reversed(undo):
            put_back()

    return end


def _log_after(kind: Any, method_name: str, run: Run) -> Callable[[], None]:
    """Change a method so that the video it wrote is logged; answers what puts the old one back."""
    original = getattr(kind, method_name)

    @functools.wraps(original)
    def record_and_log(recorder: Any, *args: Any, **options: Any) -> Any:
        path = _path_of(recorder)
        before = _written_at(path)
        answer = original(recorder, *args, **options)
        if path is not None and _written_at(path) != before:
            _log(run, path)
        return answer

    setattr(kind, method_name, record_and_log)
    return lambda: setattr(kind, method_name, original)


def _log(run: Run, path: Path) -> None:
    numbered = re.search(r"video\.\d+", path.name)  # as the oldest versions of gym name them
    video = Video(str(path))
    run.log_apart(lambda: [({numbered.group() if numbered else KEY: video}, time.time())])


def _path_of(recorder: Any) -> Path | None:
    """Where the recorder's video is, or will be."""
    for attribute in ("video_path", "path"):
        if isinstance(found := getattr(recorder, attribute, None), str):
            return Path(found)
    name = getattr(recorder, "_video_name", None)
    return None if name is None else Path(recorder.video_folder) / f"{name}.mp4"


def _written_at(path: Path | None) -> int | None:
    try:
        return None if path is None else path.stat().st_mtime_ns
    except FileNotFoundError:
        return None
