"""Object3D: points in space, a scene, or the file of a solid."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.file_media import FileMedia, check_format, content_of, is_path, read_path
from runlake.media.scene import points_of, scene_of
from runlake.values import decode_json, encode_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

POINTS = "pts.json"
"""The format of what is made here: JSON, a list of points or a scene."""


class Object3D(FileMedia):
    """Something in space, with a caption.

    `data_or_path` is a cloud of points (n × 3: x, y, z; n × 4: with a category from 1 to 14; n × 6: with red, green
    and blue from 0 to 255), a scene as a dict (``{"type": "lidar/beta", "points", "boxes", "vectors"}``), the path
    of an .obj, .gltf, .glb, .stl, .babylon or .pts.json file, its bytes or an open one with `file_type`. Points
    and scenes are stored as .pts.json, every point of them; files keep their bytes. Raises `BadValueError`.
    """

    __slots__ = ()

    TYPE, LIST_TYPE, LIST_NAME, FOLDER = "object3D-file", "object3D", "objects", "object3D"
    FORMATS: ClassVar[Mapping[str, str]] = {
        "obj": "model/obj",
        "gltf": "model/gltf+json",
        "glb": "model/gltf-binary",
        "stl": "model/stl",
        "babylon": "application/json",
        POINTS: "application/json",
    }

    def __init__(self, data_or_path: Any, caption: str | None = None, file_type: str | None = None) -> None:
        if is_path(data_or_path):
            content, ending = read_path(data_or_path, "an object", self.FORMATS)
            self._set(content, ending, caption, {})
        elif (given := content_of(data_or_path)) is not None:
            self._set(given, check_format(file_type, "an object as bytes", self.FORMATS, data_or_path), caption, {})
        elif isinstance(data_or_path, Mapping):
            scene = scene_of(data_or_path)
            self._set(_to_json(scene), POINTS, caption, {"point_count": len(scene["points"])})
        else:
            points = points_of(data_or_path)
            self._set(_to_json(points), POINTS, caption, {"point_count": len(points)})

    @classmethod
    def from_file(cls, data_or_path: Any, file_type: str | None = None) -> Object3D:
        """The object in a file, or in its bytes with `file_type`."""
        return cls(data_or_path, file_type=file_type)

    @classmethod
    def from_numpy(cls, data: Any) -> Object3D:
        """The cloud of points in an array."""
        return cls(data)

    @classmethod
    def from_point_cloud(
        cls,
        points: Sequence[Any],
        boxes: Sequence[Any],
        vectors: Sequence[Any] | None = None,
        point_cloud_type: str = "lidar/beta",
    ) -> Object3D:
        """A scene of points, boxes (``{"corners": eight points, "label", "color", "score"}``) and vectors."""
        return cls({"type": point_cloud_type, "points": points, "boxes": boxes, "vectors": vectors})

    @property
    def data(self) -> Any:
        """The points (a list of lists) or the scene (a dict) of a .pts.json; what was logged, as plain data."""
        if self.format != POINTS:
            raise NotSupportedError(f"a {self.format} file is not read here; its bytes are in `.content`")
        try:
            return decode_json(self.content.decode())
        except ValueError as error:
            raise BadValueError(
                f"an object of type {POINTS} ({len(self.content)} bytes) is not JSON: {error}; write its points as JSON"
            ) from error

    def to_numpy(self) -> npt.NDArray[np.float64]:
        """The points of a cloud or a scene as float64[n, 3], [n, 4] or [n, 6]."""
        import numpy as np

        data = self.data
        return np.array(data["points"] if isinstance(data, dict) else data, np.float64)

    def _repr_html_(self) -> str:
        count = self._facts.get("point_count")
        size = f"{count} points" if count is not None else f"{len(self.content)} bytes"
        return self._figure(f"<code>{html.escape(f'{self.format}, {size}')}</code>")


def _to_json(data: Any) -> bytes:
    try:
        # A million points are written in a second this way, and in ten by the form that can say NaN.
        return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError):
        return encode_json(data).encode()
