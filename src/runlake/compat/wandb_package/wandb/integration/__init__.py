"""What other libraries log through; each module is loaded when it is asked for."""

import importlib
from typing import Any

SUBMODULES = ("catboost", "gym", "keras", "lightgbm", "sb3", "sklearn", "tensorboard", "xgboost")


def __getattr__(name: str) -> Any:
    if name in SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} (runlake) has no attribute {name!r}")
