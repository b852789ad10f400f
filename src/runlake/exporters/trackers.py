"""The trackers that runs are exported to, and how each is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from runlake.errors import RunlakeError
from runlake.exporters import tensorboard, wandb_offline
from runlake.exporters.mlflow import MlflowFolder
from runlake.exporters.written import Written, folder_names
from runlake.model import RunInfo
from runlake.service.contract import Service


def export_runs(
    service: Service, runs: Sequence[RunInfo], folder: Path, tracker: str, *, python: str | None = None
) -> Iterator[tuple[RunInfo, Written | RunlakeError]]:
    """Write runs into a folder of a tracker; yields each with what became of it, or why it is not there.

    `python` is the interpreter that has the tracker's package, where one is needed. NotSupportedError where it has not.
    """
    names = folder_names(runs)
    with ExitStack() as stack:
        mlflow = stack.enter_context(MlflowFolder(folder, python)) if tracker == "mlflow" else None
        for info in runs:
            write: Callable[[], Written]
            if mlflow is not None:
                write = partial(mlflow.export_run, service, info)
            elif tracker == "tensorboard":
                write = partial(tensorboard.export_run, service, info, folder / names[info.run_id])
            else:
                write = partial(wandb_offline.export_run, service, info, folder)
            try:
                yield info, write()
            except RunlakeError as error:  # the other runs are written all the same
                yield info, error
