"""What is in space, as plain data: clouds of points, and scenes of points, boxes and arrows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runlake.errors import BadValueError
from runlake.media.arrays import as_array, is_empty, plain
from runlake.values import decode_json, encode_json

SCENE_TYPES = ("lidar/beta",)

_POINT_WIDTHS = (3, 4, 6)
_PARTS = ("type", "points", "boxes", "vectors")


def points_of(data: Any) -> list[list[float]]:
    """A cloud of points as lists of 3, 4 or 6 numbers; `BadValueError` for what is none."""
    points = as_array(data, "a cloud of points")
    if points.ndim != 2 or points.shape[1] not in _POINT_WIDTHS or points.dtype.kind not in "iuf":
        raise BadValueError(
            f"a cloud of points cannot be made of a {type(data).__name__} of shape {points.shape} "
            f"and type {points.dtype}; give numbers, n × 3 (x, y, z), n × 4 (and a category) or n × 6 (and a colour)"
        )
    rows: list[list[float]] = points.tolist()
    return rows


def scene_of(scene: Mapping[str, Any]) -> dict[str, Any]:
    """A scene with all of its parts, each a list, and what else was given; arrays, tensors and tuples become lists.

    Raises `BadValueError`.
    """
    if scene.get("type") not in SCENE_TYPES:
        raise BadValueError(
            f'a scene of type {scene.get("type")!r} was given; write {{"type": "{SCENE_TYPES[0]}", "points": …}}'
        )
    points = scene.get("points")
    boxes = [_box(box, place) for place, box in enumerate(_items(scene.get("boxes")))]
    others = {name: value for name, value in scene.items() if name not in _PARTS}
    return {
        "type": scene["type"],
        "points": [] if is_empty(points) else points_of(points),
        "boxes": boxes,
        "vectors": [_vector(vector) for vector in _items(scene.get("vectors"))],
        **_plain_dict(others),
    }


def box3d(*, center: Any, size: Any, orientation: Any, color: Any, label: Any = None, score: Any = None) -> Any:
    """A box of a scene: of its middle, its size along x, y and z, and how it is turned, as a quaternion (w, x, y, z).

    The corners go from low to high, z first. Raises `BadValueError`.
    """
    import itertools

    import numpy as np

    middle, spans, turn = (
        as_array(given, f"the {name} of a box").astype(np.float64)
        for name, given in (("center", center), ("size", size), ("orientation", orientation))
    )
    if (middle.shape, spans.shape, turn.shape) != ((3,), (3,), (4,)) or not np.linalg.norm(turn):
        raise BadValueError(
            f"a box was given center={center!r}, size={size!r}, orientation={orientation!r}; give three numbers, "
            "three numbers, and a quaternion of four, which (1, 0, 0, 0) is for a box that is not turned"
        )
    w, axis = turn[0] / np.linalg.norm(turn), turn[1:] / np.linalg.norm(turn)
    corners = np.array(list(itertools.product((-0.5, 0.5), repeat=3))) * spans
    across = 2 * np.cross(axis, corners)
    turned = corners + w * across + np.cross(axis, across) + middle
    return {
        "corners": [tuple(corner) for corner in turned.tolist()],
        "color": tuple(plain(color)),
        "label": label,
        "score": score,
    }


def _items(parts: Any) -> list[Any]:
    """The boxes or vectors of a scene, however they are held."""
    return [] if is_empty(parts) else list(parts)


def _box(box: Any, place: int) -> dict[str, Any]:
    plain_box = _plain_dict(box if isinstance(box, Mapping) else {"corners": box})
    corner_count = len(plain_box.get("corners") or ())
    if corner_count != 8:
        raise BadValueError(f"box {place} of a scene has {corner_count} corners; give 'corners' as eight points")
    return plain_box


def _vector(vector: Any) -> dict[str, Any]:
    is_named = isinstance(vector, Mapping)
    return _plain_dict(vector if is_named else dict(zip(("start", "end"), _items(vector), strict=False)))


def _plain_dict(data: Mapping[Any, Any]) -> dict[str, Any]:
    read: dict[str, Any] = decode_json(encode_json({str(name): plain(value) for name, value in data.items()}))
    return read
