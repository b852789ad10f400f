"""What the callbacks of XGBoost, LightGBM and CatBoost share: importances as a chart, models as artifacts."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from runlake.media.table import Table
from runlake.plot import bar
from runlake.sdk.process.active import session
from runlake.sdk.run.run import Run

IMPORTANCE_KEY = "Feature Importance"

_HIGHER_IS_BETTER = ("auc", "map", "ndcg", "pre", "average_precision")
"""How the metrics begin whose highest value is the best one."""


def active_run(integration: str) -> Run:
    """The active run; the error without one names the integration."""
    return session.active(f"integrations.{integration}")


def best_of(metric: str) -> str:
    """Whether a metric's best value is its "max" or its "min"."""
    return "max" if metric.lower().startswith(_HIGHER_IS_BETTER) else "min"


def log_importances(run: Run, importances: Mapping[str, float]) -> None:
    """A bar for each feature, the most important first; nothing where there are none."""
    if importances:
        rows = sorted(importances.items(), key=lambda item: -item[1])
        table = Table(columns=["Feature", "Importance"], data=[[name, float(value)] for name, value in rows])
        run.log({IMPORTANCE_KEY: bar(table, "Feature", "Importance", title=IMPORTANCE_KEY)})


def keep_model(run: Run, save: Callable[[str], Any], file_name: str, name: str, aliases: Sequence[str] = ()) -> None:
    """Have the library write its model into a file, and keep that as the next version of the model `name`."""
    with tempfile.TemporaryDirectory(prefix="runlake-model-") as folder:
        file = Path(folder) / file_name
        save(str(file))
        run.log_model(file, name, list(aliases))


def named(names: Iterable[Any], values: Iterable[Any]) -> dict[str, float]:
    """Name → number."""
    return {str(name): float(value) for name, value in zip(names, values, strict=True)}
