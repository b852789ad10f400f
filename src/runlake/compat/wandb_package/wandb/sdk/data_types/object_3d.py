"""Where integrations find `Object3D`."""

from runlake import Object3D

__all__ = ["Object3D"]
