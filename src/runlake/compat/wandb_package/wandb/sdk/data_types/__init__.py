"""The data types, each in a module of its own."""

from wandb.sdk.data_types import audio, histogram, html, image, molecule, object_3d, table, video

__all__ = ["audio", "histogram", "html", "image", "molecule", "object_3d", "table", "video"]
