"""Plots of scikit-learn models."""

from runlake.integrations.sklearn import *  # noqa: F403
from runlake.integrations.sklearn import __all__ as __all__
