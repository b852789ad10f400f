"""Which event files this process writes: told by the constructors of those who write them.

`Writers.watch` changes the constructors of TensorBoard's own writer (PyTorch's `SummaryWriter` uses it), of
tensorboardX and of TensorFlow, as soon as their modules are imported; `leave` puts the old ones back. Writers that were
made before are not known, and files of other processes, in the same folder too, never are.
"""

from __future__ import annotations

import functools
import os
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from runlake.integrations.on_import import forget, on_import

TENSORBOARD = "tensorboard.summary.writer.event_file_writer"
TENSORBOARDX = "tensorboardX.event_file_writer"
TENSORFLOW = "tensorflow.python.ops.gen_summary_ops"


@dataclass(frozen=True, slots=True)
class Opened:
    """A log directory that this process writes to; `file` is None where only the directory is known."""

    folder: Path
    file: Path | None
    flush: Callable[[], None]

    def files(self) -> list[Path]:
        """The event files of this process that are there."""
        if self.file is not None:
            return [self.file]
        mark = f".{os.getpid()}."
        try:
            names = sorted(os.listdir(self.folder))  # noqa: PTH208 (faster, no objects)
        except FileNotFoundError:
            return []
        return [self.folder / name for name in names if ".tfevents." in name and mark in name]


class Writers:
    """Tells `on_open` about each writer that is made while the constructors are changed."""

    def __init__(self, on_open: Callable[[Opened], None]) -> None:
        self._on_open = on_open
        self._undo: list[Callable[[], None]] = []
        self._callbacks: list[Callable[[ModuleType], None]] = []

    def watch(self, *, tensorboard: bool = True, tensorboard_x: bool = True, tensorflow: bool = True) -> None:
        """Change the constructors of these, now or when they are imported."""
        for wanted, name, change in (
            (tensorboard, TENSORBOARD, self._change_tensorboard),
            (tensorboard_x, TENSORBOARDX, self._change_tensorboard_x),
            (tensorflow, TENSORFLOW, self._change_tensorflow),
        ):
            if wanted:
                self._callbacks.append(change)
                on_import(name, change)

    def leave(self) -> None:
        """Put the old constructors back."""
        for callback in self._callbacks:
            forget(callback)
        for undo in reversed(self._undo):
            undo()
        self._callbacks, self._undo = [], []

    def _change_tensorboard(self, module: ModuleType) -> None:
        self._change(module.EventFileWriter)

    def _change_tensorboard_x(self, module: ModuleType) -> None:
        self._change(module.EventsWriter)

    def _change(self, kind: Any) -> None:
        original = kind.__init__

        @functools.wraps(original)
        def __init__(writer: Any, *args: Any, **options: Any) -> None:
            original(writer, *args, **options)
            self._tell_file(writer)

        kind.__init__ = __init__
        self._undo.append(lambda: setattr(kind, "__init__", original))

    def _tell_file(self, writer: Any) -> None:
        name = os.fsdecode(writer._file_name)
        if "://" not in name:  # in a bucket: nothing that can be read here
            reference = weakref.ref(writer)
            path = Path(os.path.abspath(name))  # noqa: PTH100 (symbolic links stay as named)
            self._on_open(Opened(path.parent, path, lambda: _flush(reference())))

    def _change_tensorflow(self, module: Any) -> None:
        original = module.create_summary_file_writer

        @functools.wraps(original)
        def create(writer: Any, logdir: Any, *args: Any, **options: Any) -> Any:
            made = original(writer, logdir, *args, **options)
            self._tell_folder(module, writer, logdir)
            return made

        module.create_summary_file_writer = create
        self._undo.append(lambda: setattr(module, "create_summary_file_writer", original))

    def _tell_folder(self, module: Any, writer: Any, logdir: Any) -> None:
        name = logdir.numpy() if hasattr(logdir, "numpy") else logdir
        if isinstance(name, str | bytes | os.PathLike) and "://" not in os.fsdecode(name):
            folder = Path(os.path.abspath(os.fsdecode(name)))  # noqa: PTH100
            self._on_open(Opened(folder, None, lambda: module.flush_summary_writer(writer)))


def _flush(writer: Any) -> None:
    if writer is not None:
        writer.flush()
