"""Stable-Baselines3: a callback that watches the policy and keeps the model; the metrics come from its event files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from stable_baselines3.common.callbacks import BaseCallback

from runlake.errors import warn
from runlake.integrations.boosters import active_run

__all__ = ["WandbCallback"]

MODEL_NAME = "model"
_LONGEST_TEXT = 1000


class WandbCallback(BaseCallback):  # type: ignore[misc]
    """For `learn(callback=…)` of a run begun with ``sync_tensorboard=True`` and a model with `tensorboard_log`.

    The settings of the algorithm join the configuration. With `gradient_save_freq` the gradients of the policy (or
    parameters, or both: `log`) are logged each so many passes, see `Run.watch`. With `model_save_path` the model is
    saved there as ``model.zip`` and kept with the run: at the end, and every `model_save_freq` steps where that is not
    0. Raises `NotStartedError` without an active run.
    """

    def __init__(
        self,
        verbose: int = 0,
        model_save_path: str | None = None,
        model_save_freq: int = 0,
        gradient_save_freq: int = 0,
        log: Literal["gradients", "parameters", "all"] | None = "all",
    ) -> None:
        super().__init__(verbose)
        self._run = active_run("sb3.WandbCallback")
        self.model_save_path = None if model_save_path is None else Path(model_save_path)
        self.model_save_freq, self.gradient_save_freq = model_save_freq, gradient_save_freq
        self.log = log
        if self.model_save_path is None and model_save_freq > 0:
            warn("model_save_freq= of WandbCallback has no meaning without model_save_path=; give both")

    def _init_callback(self) -> None:
        settings = {"algo": type(self.model).__name__, **_settings_of(self.model)}
        known = self._run.config.as_dict()
        self._run.config.update({name: value for name, value in settings.items() if name not in known})
        if self.gradient_save_freq > 0:
            self._run.watch(self.model.policy, log_freq=self.gradient_save_freq, log=self.log)

    def _on_step(self) -> bool:
        if self.model_save_freq > 0 and self.n_calls % self.model_save_freq == 0:
            self.save_model()
        return True

    def _on_training_end(self) -> None:
        self.save_model()

    def save_model(self) -> None:
        """Save the model and keep the file with the run, where a path was given."""
        if self.model_save_path is None:
            return
        self.model_save_path.mkdir(parents=True, exist_ok=True)
        file = self.model_save_path / f"{MODEL_NAME}.zip"
        self.model.save(str(file))
        self._run.save(str(file), base_path=str(self.model_save_path))
        if self.verbose > 1:
            print(f"model saved in {file}")


def _settings_of(model: Any) -> dict[str, Any]:
    """Attributes that are numbers, truth values or text, and the others as text where that says something."""
    found: dict[str, Any] = {}
    for name, value in vars(model).items():
        if value is None or isinstance(value, bool | int | float | str):
            found[name] = value
            continue
        text = str(value)
        if " at 0x" not in text and len(text) <= _LONGEST_TEXT:
            found[name] = text
    return found
