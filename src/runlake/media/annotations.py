"""What is told of the places of a picture: masks, a class for each pixel, and boxes.

A mask is a grey PNG of the class numbers, which holds the names of the classes too; boxes are JSON. Both are files that
another program reads without this one.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar

from runlake.errors import BadValueError, NotFoundError
from runlake.media.arrays import as_array, is_empty, plain
from runlake.media.classes import Classes, labels_of
from runlake.media.left_out import left_out
from runlake.media.picture import open_pil
from runlake.media.png import SIGNATURE, encode_png, read_text, with_text
from runlake.media.stored import OpenFile, WriteFile, read_file, store_file
from runlake.values import decode_json, encode_json

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Kind = TypeVar("Kind", bound="Annotation")

LABELS_KEYWORD = "class_labels"
"""Under which a mask file holds the names of its classes, as JSON."""

_CLASSES_OF_AN_ARTIFACT = "classes-file"
"""What W&B's dict of a picture in an artifact calls the file of its classes."""

_POSITIONS = (("minX", "maxX", "minY", "maxY"), ("middle", "width", "height"))


class Annotation(ABC):
    """Masks or boxes of one kind, as "predictions" are one, over one picture."""

    TYPE: str

    class_labels: dict[int, str]
    """The names of the classes by their numbers; may be empty."""

    @abstractmethod
    def __init__(self, val: Mapping[str, Any], key: str = "") -> None:
        """What W&B's dict describes."""

    @classmethod
    @abstractmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Self:
        """The annotation of a stored dict; the inverse of `stored`."""

    @abstractmethod
    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the file and return its dict."""


class ImageMask(Annotation):
    """A class for each pixel of a picture.

    `val` holds `mask_data`, whole numbers from 0 to 65535 as height × width, or `path`, that of a grey or palette
    image file; and `class_labels`, the names by number, if there are any. `key` is the name of the mask. Raises
    `BadValueError`.
    """

    TYPE = "mask"

    def __init__(self, val: Mapping[str, Any], key: str = "") -> None:
        _check_mapping(val, f"the mask {key!r} was", "mask_data")
        self.class_labels = labels_of(val.get("class_labels"))
        self._content, self._note = _mask_file(val, key)

    @classmethod
    def from_stored(
        cls, value: Mapping[str, Any], open_file: OpenFile, labels: Mapping[int, str] | None = None
    ) -> ImageMask:
        """The mask of a stored dict; its file is read at once. `labels` are for one that has none of its own."""
        mask = cls.__new__(cls)
        mask._content, mask._note = read_file(value, open_file), None
        own = read_text(mask._content, LABELS_KEYWORD)
        mask.class_labels = labels_of(labels if own is None else json.loads(own))
        return mask

    @property
    def content(self) -> bytes:
        """The bytes of the image file."""
        labels = json.dumps({str(number): name for number, name in self.class_labels.items()})
        if not self.class_labels or read_text(self._content, LABELS_KEYWORD) == labels:
            return self._content
        return with_text(self._content, LABELS_KEYWORD, labels)

    @property
    def mask_data(self) -> npt.NDArray[Any]:
        """The classes as uint8 or uint16[height, width]; needs Pillow."""
        import numpy as np

        classes = np.array(open_pil(self._content, "a mask"))
        return classes if classes.ndim == 2 else classes[:, :, 0]

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the mask as PNG and return its dict."""
        if self._note is not None:
            left_out(self._note)
        return {"_type": self.TYPE} | store_file(write_file, "images/mask", key, step, "mask.png", self.content)

    def __repr__(self) -> str:
        return f"ImageMask({len(self.class_labels)} classes)"


class BoundingBoxes2D(Annotation):
    """Boxes over a picture.

    `val` holds `box_data`, a list of dicts, and `class_labels`, the names of classes by number, if there are any. A box
    has a `position`, ``{"minX", "maxX", "minY", "maxY"}`` or ``{"middle", "width", "height"}``, as parts of the
    picture or, with ``"domain": "pixel"``, in pixels; it may have `class_id`, `box_caption`, `scores` and what
    else is to be kept. `key` is the name of these boxes. Raises `BadValueError`.
    """

    TYPE = "boxes2D"

    box_data: list[dict[str, Any]]

    def __init__(self, val: Mapping[str, Any], key: str = "") -> None:
        _check_mapping(val, f"the boxes {key!r} were", "box_data")
        self.class_labels = labels_of(val.get("class_labels"))
        boxes = val.get("box_data")
        self.box_data = [] if is_empty(boxes) else [_box(box, key, place) for place, box in enumerate(boxes)]  # type: ignore[arg-type]

    @classmethod
    def from_stored(cls, value: Any, open_file: OpenFile, labels: Mapping[int, str] | None = None) -> BoundingBoxes2D:
        """The boxes of a stored dict, or of the list that stands in an artifact; `labels` are those of that."""
        if isinstance(value, list):
            return cls({"box_data": value, "class_labels": labels})
        return cls(decode_json(read_file(value, open_file).decode()))

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the boxes as JSON and return their dict."""
        labels = {str(number): name for number, name in self.class_labels.items()}
        content = encode_json({"box_data": self.box_data, "class_labels": labels}).encode()
        return {"_type": self.TYPE} | store_file(write_file, "metadata/boxes2D", key, step, "boxes2D.json", content)

    def __repr__(self) -> str:
        return f"BoundingBoxes2D({len(self.box_data)} boxes)"


@dataclass(frozen=True, slots=True)
class Annotations:
    """All that is told of the places of one picture."""

    masks: dict[str, ImageMask]
    boxes: dict[str, BoundingBoxes2D]
    classes: Classes | None

    @classmethod
    def given(cls, masks: Any, boxes: Any, classes: Any) -> Annotations:
        """What an Image is given; masks and boxes without labels of their own get those of `classes`."""
        kept = None if is_empty(classes) else classes if isinstance(classes, Classes) else Classes(classes)
        labels = kept.labels if kept is not None else {}
        return cls(_by_name(ImageMask, masks, labels), _by_name(BoundingBoxes2D, boxes, labels), kept)

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Annotations:
        """What a stored picture says; its files are read at once."""
        masks, boxes = value.get("masks") or {}, value.get("boxes") or {}
        classes = _classes_of_picture(value.get("classes") or {}, open_file)
        labels = {} if classes is None else classes.labels
        return cls(
            {name: ImageMask.from_stored(one, open_file, labels) for name, one in masks.items()},
            {name: BoundingBoxes2D.from_stored(one, open_file, labels) for name, one in boxes.items()},
            classes,
        )

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the files and return what the dict of the picture says of them; what is not there is left away."""
        parts = {
            "masks": {name: mask.stored(write_file, key, step) for name, mask in self.masks.items()},
            "boxes": {name: boxes.stored(write_file, key, step) for name, boxes in self.boxes.items()},
            "classes": None if self.classes is None else self.classes.stored(write_file, key, step),
        }
        return {name: part for name, part in parts.items() if part}

    def stored_in_artifact(self, write_file: WriteFile, key: str) -> dict[str, Any]:
        """The same for an artifact, as W&B has it there: boxes in the dict itself, one set of classes for all."""
        labels = {} if self.classes is None else self.classes.labels
        for one in (*self.masks.values(), *self.boxes.values()):
            labels = one.class_labels | labels
        parts: dict[str, Any] = {
            "masks": {name: mask.stored(write_file, key, 0) for name, mask in self.masks.items()},
            "boxes": {name: boxes.box_data for name, boxes in self.boxes.items()},
        }
        if labels:
            file = Classes(labels).stored(write_file, key, 0)
            parts["classes"] = {"type": _CLASSES_OF_AN_ARTIFACT, "path": file["path"]}
        return {name: part for name, part in parts.items() if part}


def _classes_of_picture(named: Mapping[str, Any], open_file: OpenFile) -> Classes | None:
    if named.get("_type") == Classes.TYPE:
        return Classes.from_stored(named, open_file)
    if named.get("type") != _CLASSES_OF_AN_ARTIFACT:
        return None
    try:
        return Classes.from_stored(named, open_file)
    except NotFoundError:  # in rows W&B's client names a file that only an artifact has
        return None


def _by_name(kind: type[Kind], given: Any, labels: dict[int, str]) -> dict[str, Kind]:
    if is_empty(given):
        return {}
    if not isinstance(given, Mapping):
        what = "masks" if kind.TYPE == "mask" else "boxes"
        raise BadValueError(
            f"Image({what}={given!r:.80}): give them by name, {{'predictions': …}}, each a dict or a {kind.__name__}"
        )
    made = {str(name): one if isinstance(one, kind) else kind(one, str(name)) for name, one in given.items()}
    for one in made.values():
        one.class_labels = one.class_labels or labels
    return made


def _check_mapping(val: Any, what: str, needed: str) -> None:
    if not isinstance(val, Mapping) or (needed not in val and not (needed == "mask_data" and "path" in val)):
        raise BadValueError(f"{what} given as {val!r:.120}; give a dict with {needed!r} and 'class_labels'")


def _mask_file(val: Mapping[str, Any], key: str) -> tuple[bytes, str | None]:
    """The mask as an image file, and what is to be said of it."""
    data = val.get("mask_data")
    if val.get("path") is not None:
        try:
            content = Path(val["path"]).read_bytes()
        except OSError as error:
            raise BadValueError(
                f"the mask {key!r} was to be read from {str(val['path'])!r}: {error.strerror}; check the path"
            ) from error
        if content.startswith(SIGNATURE):
            return content, None
        data = open_pil(content, f"the mask {key!r}")
    classes, note = _classes_of(data, key)
    height, width = classes.shape
    depth_bytes = classes.dtype.itemsize
    return encode_png(classes.astype(classes.dtype.newbyteorder(">")).tobytes(), width, height, 1, depth_bytes), note


def _classes_of(data: Any, key: str) -> tuple[npt.NDArray[np.uint8 | np.uint16], str | None]:
    import numpy as np

    what = f"the mask {key!r}"
    classes, note = as_array(data, what), None
    shape = classes.shape
    if classes.ndim == 3 and 1 in (shape[0], shape[2]):
        classes = classes[0] if shape[0] == 1 else classes[:, :, 0]
    if classes.ndim != 2 or 0 in shape or classes.dtype.kind not in "biuf":
        raise BadValueError(
            f"{what} cannot be made of an array of shape {shape} and type {classes.dtype}; "
            "give the number of a class for each pixel, as height × width"
        )
    whole = np.floor(classes) if classes.dtype.kind == "f" else classes.astype(np.int64)
    if not np.array_equal(whole, classes):
        note = f"Image(masks=): {what} holds numbers that are not whole; they were rounded down. Give class numbers"
    low, high = whole.min(), whole.max()
    if -128 <= low < 0 and high <= 127:
        note = f"Image(masks=): {what} has classes below 0; -1 was kept as 255, -2 as 254. Number classes from 0"
        return whole.astype(np.int8).view(np.uint8), note
    if not (low >= 0 and high <= 65535):
        raise BadValueError(f"{what} holds numbers from {low} to {high}; classes are numbered from 0 to 65535")
    return whole.astype(np.uint8 if high <= 255 else np.uint16), note


def _box(box: Any, key: str, place: int) -> dict[str, Any]:
    if not isinstance(box, Mapping) or not isinstance(box.get("position"), Mapping):
        raise BadValueError(
            f"box {place} of {key!r} is {box!r:.120}; give a dict with 'position': {{'minX', 'maxX', 'minY', 'maxY'}}"
        )
    if not any(all(name in box["position"] for name in names) for names in _POSITIONS):
        raise BadValueError(
            f"box {place} of {key!r} is at {dict(box['position'])!r:.120}; "
            f"give {' or '.join(', '.join(names) for names in _POSITIONS)}"
        )
    read: dict[str, Any] = decode_json(encode_json(_plain_deep(box)))
    return read


def _plain_deep(data: Any) -> Any:
    """Dicts with text as keys, and tensors and arrays in them as lists and numbers."""
    if isinstance(data, Mapping):
        return {str(name): _plain_deep(value) for name, value in data.items()}
    return [_plain_deep(item) for item in data] if isinstance(data, list | tuple) else plain(data)
