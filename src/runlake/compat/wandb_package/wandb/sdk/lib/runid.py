"""New run ids."""

from wandb.util import generate_id

__all__ = ["generate_id"]
