"""What is attached to a run when it begins: its files about itself, the console capture, the system sampler.

They know nothing of `Run` but the calls they are handed. All that takes time happens elsewhere: git, packages and
hardware are looked at by a process of its own, samples are taken by a thread every few seconds.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

from runlake.model import METADATA_FILE
from runlake.sdk.capture.capture import Capture, capture_spec, quick_metadata, spawn_capture
from runlake.sdk.capture.console import ConsoleCapture
from runlake.sdk.capture.system import SystemSampler
from runlake.sdk.process.optional_attachments import attach_optional
from runlake.sdk.run.config_source import as_yaml
from runlake.sdk.run.run import Run
from runlake.settings import current_folder
from runlake.values import encode_json

OUTPUT_FILE, CONFIG_FILE, SUMMARY_FILE = "output.log", "config.yaml", "wandb-summary.json"
_PENDING_LINES = 1000


def attach(run: Run) -> Callable[[], None]:
    """Start what goes on beside the run; answers what ends them and writes the run's closing files."""
    settings = run.settings
    cwd = current_folder()
    # Of several processes that write a run, those that are not the primary one leave its files alone.
    capture = None if settings.primary is False else _describe(run, cwd)
    output = OutputFile(Path(run.dir) / OUTPUT_FILE)
    sampler = SystemSampler(os.getpid(), run.write_events, settings.system_interval_s, disk=Path(run.dir))
    if not settings.disable_system:
        sampler.start()

    def write_line(number: int, level: str | None, text: str, timestamp: float) -> None:
        run.write_console(number, level, text, timestamp)
        output.put(number, text)

    console = ConsoleCapture(write_line, first_number=run.first_console_line)
    if settings.console != "off":
        console.start()
    ends = attach_optional(run)

    def detach() -> None:
        for end in ends:
            end()
        console.stop()
        if not settings.disable_system:
            sampler.stop()
        output.close()
        if capture is not None:
            run.files_of_run.write(CONFIG_FILE, as_yaml(run.config.as_dict()).encode())
            run.files_of_run.write(SUMMARY_FILE, encode_json(run.summary.as_dict()).encode())
            capture.close()

    return detach


def _describe(run: Run, cwd: Path) -> Capture:
    """Keep how the run was started; what takes time is captured by a process of its own."""
    metadata = quick_metadata(
        run.settings,
        sys.argv,
        cwd=cwd,
        started_at=run.start_time,
        writer_id=run.writer_id,
        main_file=run.settings.program,
    )
    run.files_of_run.write(METADATA_FILE, json.dumps(metadata, indent=2).encode())
    return spawn_capture(capture_spec(run.settings, Path(run.dir), cwd))


class OutputFile:
    """The printed lines as a text file. The last thousand are held back, since they may still be rewritten.

    The console stream of the run has every line at once; the file is for people, and lacks its end after a crash.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()  # a signal handler that ends the run comes in the midst of a line
        self._pending: dict[int, str] = {}

    def put(self, number: int, text: str) -> None:
        """A new line, or a new text of one that is still held back."""
        with self._lock:
            self._pending[number] = text
            if len(self._pending) >= 2 * _PENDING_LINES:
                self._write(len(self._pending) - _PENDING_LINES)

    def close(self) -> None:
        with self._lock:
            self._write(len(self._pending))

    def _write(self, count: int) -> None:
        lines = [f"{self._pending.pop(number)}\n" for number in sorted(self._pending)[:count]]
        if lines:
            with self._path.open("a", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
                file.writelines(lines)
