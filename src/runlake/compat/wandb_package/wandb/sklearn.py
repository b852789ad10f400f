"""Plots of scikit-learn models."""

from wandb.integration.sklearn import *  # noqa: F403
from wandb.integration.sklearn import __all__ as __all__
