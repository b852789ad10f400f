"""Keras: callbacks that log metrics, and keep checkpoints and tables of predictions. No TensorFlow is needed.

`WandbMetricsLogger`, `WandbModelCheckpoint` and `WandbEvalCallback` are what new code uses; `WandbCallback` is the
older one that does a little of everything.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from glob import glob
from pathlib import Path
from typing import Any, Literal

import keras

from runlake.artifacts.artifact import Artifact
from runlake.errors import BadValueError, warn
from runlake.integrations.boosters import active_run
from runlake.media.table import Table

__all__ = ["WandbCallback", "WandbEvalCallback", "WandbMetricsLogger", "WandbModelCheckpoint"]

_HIGHER_IS_BETTER = ("acc", "auc", "fmeasure", "f1", "precision", "recall")


class WandbMetricsLogger(keras.callbacks.Callback):  # type: ignore[misc]
    """Logs a row an epoch: ``epoch/<metric>``, ``epoch/epoch`` and ``epoch/learning_rate``.

    With a `log_freq` of "batch", or of a number of batches, also a row each so many: ``batch/<metric>``,
    ``batch/learning_rate`` and ``batch/batch_step``, which begins at `initial_global_step`. Raises `NotStartedError`
    without an active run, `BadValueError` for another `log_freq`.
    """

    def __init__(
        self, log_freq: Literal["epoch", "batch"] | int = "epoch", initial_global_step: int = 0, **options: Any
    ) -> None:
        super().__init__(**options)
        self._run = active_run("keras.WandbMetricsLogger")
        every = 1 if log_freq == "batch" else 0 if log_freq == "epoch" else log_freq
        if not isinstance(every, int) or every < 0:
            raise BadValueError(f'log_freq={log_freq!r}; possible: "epoch", "batch" or a number of batches')
        self.log_freq, self.global_step = every, initial_global_step
        for kind, step in (("epoch", "epoch"), ("batch", "batch_step")):
            if kind == "epoch" or every:
                self._run.define_metric(f"{kind}/{step}")
                self._run.define_metric(f"{kind}/*", step_metric=f"{kind}/{step}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._log("epoch", logs, {"epoch/epoch": epoch})

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.log_freq and batch % self.log_freq == 0:
            self._log("batch", logs, {"batch/batch_step": self.global_step})
            self.global_step += self.log_freq

    def _log(self, kind: str, logs: Mapping[str, Any] | None, step: Mapping[str, int]) -> None:
        row = {f"{kind}/{name}": float(value) for name, value in (logs or {}).items()}
        rate = _learning_rate(getattr(self.model, "optimizer", None))
        self._run.log({**row, **step, **({} if rate is None else {f"{kind}/learning_rate": rate})})


class WandbModelCheckpoint(keras.callbacks.ModelCheckpoint):  # type: ignore[misc]
    """Keras' own `ModelCheckpoint`; each file is kept as a version of the model ``run_<run id>_model``.

    Its aliases say when: ``epoch_3``, or with a `save_freq` in batches ``epoch_3_batch_20``. All arguments are those
    of Keras. Raises `NotStartedError` without an active run.
    """

    def __init__(self, filepath: Any, *args: Any, **options: Any) -> None:
        super().__init__(str(filepath), *args, **options)
        self._run = active_run("keras.WandbModelCheckpoint")
        self._kept_at = _newest(self._pattern)[1]

    @property
    def _pattern(self) -> str:
        """The files that Keras may write: its path with each number in it left open."""
        return re.sub(r"\{[^}]*\}", "*", str(self.filepath))

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        super().on_train_batch_end(batch, logs=logs)
        if self.save_freq != "epoch":
            self._keep(f"epoch_{self._current_epoch}_batch_{batch}")

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        super().on_epoch_end(epoch, logs=logs)
        if self.save_freq == "epoch":
            self._keep(f"epoch_{epoch}")

    def _keep(self, alias: str) -> None:
        newest, written_at = _newest(self._pattern)
        if newest is not None and written_at > self._kept_at:
            self._kept_at = written_at
            self._run.log_model(newest, f"run_{self._run.id}_model", [alias])


class WandbEvalCallback(keras.callbacks.Callback, ABC):  # type: ignore[misc]
    """Keeps tables of examples and of what the model predicts for them, as artifacts; to be inherited from.

    `add_ground_truth` fills `data_table` once, with the columns `data_table_columns`; `add_model_predictions` fills
    `pred_table` after each epoch. They are ``val_data`` in the artifact ``val``, which the run uses, and ``eval_data``
    in versions of ``run_<run id>_pred``. `data_table_ref` is the first of them as it is kept, to look examples up in.
    Raises `NotStartedError` without an active run.
    """

    def __init__(self, data_table_columns: list[str], pred_table_columns: list[str], **options: Any) -> None:
        super().__init__(**options)
        self._run = active_run("keras.WandbEvalCallback")
        self.data_table_columns, self.pred_table_columns = data_table_columns, pred_table_columns
        self.data_table: Any = None
        self.pred_table: Any = None
        self.data_table_ref: Any = None

    @abstractmethod
    def add_ground_truth(self, logs: Mapping[str, float] | None = None) -> None:
        """Add the examples: ``self.data_table.add_data(…)`` for each."""

    @abstractmethod
    def add_model_predictions(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        """Add what the model says: ``self.pred_table.add_data(…)`` for each."""

    def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
        self.init_data_table(self.data_table_columns)
        self.add_ground_truth(logs)
        self.log_data_table()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
        self.init_pred_table(self.pred_table_columns)
        self.add_model_predictions(epoch, logs)
        self.log_pred_table()

    def init_data_table(self, column_names: list[str]) -> None:
        """Begin the table of examples."""
        self.data_table = Table(columns=list(column_names), allow_mixed_types=True)

    def init_pred_table(self, column_names: list[str]) -> None:
        """Begin a table of predictions."""
        self.pred_table = Table(columns=list(column_names), allow_mixed_types=True)

    def log_data_table(self, name: str = "val", type: str = "dataset", table_name: str = "val_data") -> None:
        """Keep the table of examples as `table_name` in an artifact of this name and type, which the run uses."""
        artifact = Artifact(name, type)
        artifact.add(self.data_table, table_name)
        self._run.use_artifact(artifact)
        self.data_table_ref = artifact.get(table_name)

    def log_pred_table(
        self, type: str = "evaluation", table_name: str = "eval_data", aliases: list[str] | None = None
    ) -> None:
        """Keep the table of predictions as `table_name` in the next version of ``run_<run id>_pred``."""
        artifact = Artifact(f"run_{self._run.id}_pred", type)
        artifact.add(self.pred_table, table_name)
        self._run.log_artifact(artifact, aliases=aliases)


class WandbCallback(keras.callbacks.Callback):  # type: ignore[misc]
    """The older callback: a row an epoch with Keras' own names and ``epoch``, and the best model of all epochs.

    `monitor` is the metric that tells the best one (`mode` "min", "max", or "auto" by its name): the summary has its
    values as ``<log_best_prefix><metric>`` and ``<log_best_prefix>epoch``, and with `save_model` the model is kept with
    the run as ``model-best``. With `log_batch_frequency` there is a row each so many batches too. What else W&B's takes
    (predictions, gradients, weights, evaluation tables) is left out, and named in a warning when it is asked for.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        verbose: int = 0,
        mode: Literal["auto", "min", "max"] = "auto",
        save_weights_only: bool = False,
        save_model: bool = True,
        log_batch_frequency: int | None = None,
        log_best_prefix: str | None = "best_",
        **left_out: Any,
    ) -> None:
        super().__init__()
        self._run = active_run("keras.WandbCallback")
        self.monitor, self.verbose = monitor, verbose
        self._is_max = mode == "max" or (mode == "auto" and any(name in monitor for name in _HIGHER_IS_BETTER))
        self.save_weights_only, self.save_model = save_weights_only, save_model
        self.log_batch_frequency, self.log_best_prefix = log_batch_frequency, log_best_prefix
        self.best: float | None = None
        asked = sorted(name for name, value in left_out.items() if value)
        if asked:
            warn(f"WandbCallback leaves out {', '.join(asked)}; WandbEvalCallback logs predictions")

    def on_train_batch_end(self, batch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self.log_batch_frequency and batch % self.log_batch_frequency == 0:
            self._run.log(_numbers(logs))

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        row = _numbers(logs)
        self._run.log({"epoch": epoch, **row})
        value = row.get(self.monitor)
        if value is None or (self.best is not None and (value <= self.best if self._is_max else value >= self.best)):
            return
        self.best = value
        if self.log_best_prefix:
            prefix = self.log_best_prefix
            self._run.summary.update({f"{prefix}{self.monitor}": value, f"{prefix}epoch": epoch})
        if self.save_model:
            self._save_best()

    def _save_best(self) -> None:
        from runlake.integrations.boosters import keep_model

        if self.save_weights_only:
            keep_model(self._run, self.model.save_weights, "model-best.weights.h5", "model-best")
        else:
            keep_model(self._run, self.model.save, "model-best.keras", "model-best")


def _numbers(logs: Mapping[str, Any] | None) -> dict[str, float]:
    return {name: float(value) for name, value in (logs or {}).items()}


def _learning_rate(optimizer: Any) -> float | None:
    rate = getattr(optimizer, "learning_rate", None)
    if rate is None:
        return None
    return float(rate if hasattr(rate, "__float__") else rate(optimizer.iterations))


def _newest(pattern: str) -> tuple[Path | None, int]:
    """The file that was written last, and when, in nanoseconds; (None, 0) where there is none."""
    written = [(path, path.stat().st_mtime_ns) for path in map(Path, glob(pattern))]  # noqa: PTH207 (absolute ones too)
    return max(written, key=lambda found: found[1], default=(None, 0))
