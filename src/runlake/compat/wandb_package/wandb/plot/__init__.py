"""Ready-made charts: every name is known, and says when it is called that it is not there."""

from typing import Any

from runlake.compat.unsupported import PLOTS, unsupported_plot

__all__ = list(PLOTS)


def __getattr__(name: str) -> Any:
    try:
        return unsupported_plot(name)
    except AttributeError:
        raise AttributeError(f"module 'wandb.plot' (runlake) has no attribute {name!r}") from None
