"""The models: what can be configured, how one is made, and how it is judged."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import SGDClassifier
from sklearn.neural_network import MLPClassifier

from demo.digits import Digits


@dataclass(frozen=True)
class Setting:
    """One experiment. `hidden` are the sizes of the hidden layers; none is a linear model."""

    name: str
    learning_rate: float
    hidden: tuple[int, ...] = ()
    optimizer: str = "sgd"
    batch_size: int = 32
    epoch_count: int = 15
    seed: int = 1

    @property
    def config(self) -> dict[str, Any]:
        """What goes into the run's config: everything but the name."""
        return {key: value for key, value in asdict(self).items() if key != "name"}


SETTINGS = (
    Setting("linear-slow", learning_rate=0.001),
    Setting("linear-fast", learning_rate=0.1),
    Setting("net-16", learning_rate=0.01, hidden=(16,)),
    Setting("net-64", learning_rate=0.003, hidden=(64,), optimizer="adam"),
    Setting("net-64-32", learning_rate=0.003, hidden=(64, 32), optimizer="adam", batch_size=64),
)


def make_model(setting: Setting) -> Any:
    """An untrained scikit-learn classifier that learns batch by batch (`partial_fit`)."""
    if not setting.hidden:
        return SGDClassifier(
            loss="log_loss", learning_rate="constant", eta0=setting.learning_rate, random_state=setting.seed
        )
    return MLPClassifier(
        hidden_layer_sizes=setting.hidden,
        solver=setting.optimizer,
        learning_rate_init=setting.learning_rate,
        random_state=setting.seed,
    )


def judge(model: Any, digits: Digits) -> tuple[float, float]:
    """(cross entropy, share of digits read rightly)."""
    chances = model.predict_proba(digits.pixels)
    of_the_right_one = chances[np.arange(len(chances)), digits.digit]
    loss = -np.log(np.maximum(of_the_right_one, 1e-12)).mean()
    return float(loss), float((chances.argmax(axis=1) == digits.digit).mean())


def weights_of(model: Any) -> NDArray[np.float64]:
    """All weights of the model as one array."""
    layers = model.coefs_ if hasattr(model, "coefs_") else [model.coef_]
    return np.concatenate([layer.ravel() for layer in layers])
