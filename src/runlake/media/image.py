"""Image: one picture, from whatever holds it, kept as the bytes of an image file."""

from __future__ import annotations

import base64
import html
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.annotations import Annotations, BoundingBoxes2D, ImageMask
from runlake.media.classes import Classes
from runlake.media.kinds import kind_of
from runlake.media.left_out import left_out
from runlake.media.overlay import over_picture
from runlake.media.picture import (
    Picture,
    check_file_type,
    open_pil,
    picture_from_figure,
    picture_from_file,
    picture_from_pil,
    picture_from_pixels,
)
from runlake.media.pixels import pixels_of
from runlake.media.stored import Media, OpenFile, WriteFile, read_file, store_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

_MIME_TYPES = {"jpg": "image/jpeg"}

_ANNOTATIONS = ("masks", "boxes", "classes")
_LISTS = {
    **{"sha256": "sha256", "size": "sizes", "caption": "captions", "grouping": "grouping"},
    **{name: f"all_{name}" for name in _ANNOTATIONS},
}
"""What the dict of one image calls a fact → what that of several calls the list of them."""


class Image(Media):
    """One picture with a caption.

    `data_or_path` is an array (height × width, or with 1 to 4 channels last), a torch tensor (channels first), a
    PIL image, a matplotlib figure or `pyplot` itself, another Image, the path of an image file, or the bytes of
    one. It is encoded when the Image is made, so what happens to the array or the figure later does not matter.
    Files keep their bytes unless `mode` (as Pillow names them: L, RGB, …) or `file_type` (png, jpg, bmp, gif,
    webp) asks for others; all else becomes PNG. How numbers become colours is told by `pixels.pixels_of`.
    `grouping` is kept and given back.

    `masks` and `boxes` are dicts by name, ``{"predictions": {"mask_data": …, "class_labels": …}}`` and
    ``{"predictions": {"box_data": […], "class_labels": …}}``, see `ImageMask` and `BoundingBoxes2D`; `classes` are
    the class labels of those that have none of their own.

    Arrays, figures and image files of the common kinds need no Pillow. Raises `BadValueError` for what is no image.
    """

    __slots__ = ("_annotations", "_load", "_load_annotations", "_note", "_picture", "_stored", "caption", "grouping")

    caption: str | None
    grouping: int | None
    _picture: Picture | None
    _note: str | None

    def __init__(
        self,
        data_or_path: Any,
        mode: str | None = None,
        caption: str | None = None,
        grouping: int | None = None,
        classes: Any = None,
        boxes: Any = None,
        masks: Any = None,
        file_type: str | None = None,
        normalize: bool = True,
    ) -> None:
        self.caption = None if caption is None else str(caption)
        self.grouping = grouping
        self._load: Callable[[], bytes] | None = None
        self._stored: Mapping[str, Any] = {}
        self._picture, self._note = _picture_as_asked(data_or_path, mode, check_file_type(file_type), normalize)
        if isinstance(data_or_path, Image):
            masks, boxes = masks or data_or_path.masks, boxes or data_or_path.boxes
            classes = classes or data_or_path.classes
        self._annotations: Annotations | None = Annotations.given(masks, boxes, classes)
        self._load_annotations: Callable[[], Annotations] | None = None

    @classmethod
    def from_stored(cls, value: Mapping[str, Any], open_file: OpenFile) -> Image:
        """The image of a stored dict. Its file is opened when the bytes are first asked for."""
        image = cls.__new__(cls)
        image.caption = value.get("caption")
        image.grouping = value.get("grouping")
        image._stored = value
        image._picture = image._note = None
        image._load = lambda: read_file(value, open_file)
        image._annotations = None
        image._load_annotations = lambda: Annotations.from_stored(value, open_file)
        return image

    @property
    def content(self) -> bytes:
        """The bytes of the image file. Of a stored image: `CorruptError` when they are not the ones logged."""
        return self._read().content

    @property
    def format(self) -> str:
        """The kind of file, as a file name ends: png, jpg, bmp, gif, webp."""
        return str(self._fact("format"))

    @property
    def width(self) -> int:
        """Pixels from left to right."""
        return int(self._fact("width"))

    @property
    def height(self) -> int:
        """Pixels from top to bottom."""
        return int(self._fact("height"))

    @property
    def masks(self) -> dict[str, ImageMask]:
        """The masks by name."""
        return self._annotated().masks

    @property
    def boxes(self) -> dict[str, BoundingBoxes2D]:
        """The boxes by name."""
        return self._annotated().boxes

    @property
    def classes(self) -> Classes | None:
        """The classes that were given for the picture."""
        return self._annotated().classes

    @property
    def image(self) -> PIL.Image.Image:
        """The same as `to_pil()`."""
        return self.to_pil()

    def to_pil(self) -> PIL.Image.Image:
        """The picture as a PIL image; needs Pillow."""
        return open_pil(self.content, f"an image of type {self.format}")

    def to_numpy(self) -> npt.NDArray[np.uint8]:
        """The picture as uint8[height, width] when grey, else uint8[height, width, channels]; needs Pillow."""
        import numpy as np

        pil = self.to_pil()
        if pil.mode not in ("L", "LA", "RGB", "RGBA"):
            pil = pil.convert("RGBA" if pil.has_transparency_data else "L" if pil.mode == "1" else "RGB")
        return np.array(pil, dtype=np.uint8)

    def stored(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        """Write the files and return the dict; of caption, grouping and annotations it has those that were given."""
        return self._stored_picture(write_file, key, step) | self._annotated().stored(write_file, key, step)

    def stored_in_artifact(self, write_file: WriteFile, key: str) -> dict[str, Any]:
        """The same for an artifact, where W&B's client looks for boxes and classes elsewhere than in a run."""
        return self._stored_picture(write_file, key, 0) | self._annotated().stored_in_artifact(write_file, key)

    def _stored_picture(self, write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
        picture = self._read()
        if self._note is not None:
            left_out(self._note)
        stored: dict[str, Any] = {"_type": "image-file"}
        stored |= store_file(write_file, "images", key, step, picture.format, picture.content)
        stored |= {"width": picture.width, "height": picture.height, "format": picture.format}
        if self.caption is not None:
            stored["caption"] = self.caption
        if self.grouping is not None:
            stored["grouping"] = self.grouping
        return stored

    def __repr__(self) -> str:
        caption = f", {self.caption!r}" if self.caption is not None else ""
        return f"Image({self.width}×{self.height} {self.format}{caption})"

    def _repr_png_(self) -> bytes | None:
        return self.content if self.format == "png" else None

    def _repr_html_(self) -> str:
        source = f"data:{_MIME_TYPES.get(self.format, f'image/{self.format}')};base64,"
        source += base64.b64encode(self.content).decode()
        caption = html.escape(self.caption or "")
        picture = (
            f'<img src="{source}" width="{self.width}" height="{self.height}" '
            f'style="max-width:100%;height:auto" alt="{caption}">'
        )
        picture = over_picture(picture, self._annotated(), self.width, self.height)
        under = f'<figcaption style="font-size:smaller">{caption}</figcaption>' if caption else ""
        return f'<figure style="margin:0">{picture}{under}</figure>'

    def _annotated(self) -> Annotations:
        if self._annotations is None:
            assert self._load_annotations is not None  # from_stored sets it
            self._annotations = self._load_annotations()
        return self._annotations

    def _fact(self, name: str) -> Any:
        """Format or size, from the stored dict where it says so and from the file where not."""
        known = self._stored if self._picture is None and name in self._stored else None
        return getattr(self._read(), name) if known is None else known[name]

    def _read(self) -> Picture:
        if self._picture is None:
            assert self._load is not None  # from_stored sets it
            content, known = self._load(), self._stored
            if {"format", "width", "height"} <= known.keys():
                self._picture = Picture(content, known["format"], known["width"], known["height"])
            else:
                self._picture = picture_from_file(content, known["path"], mode=None, file_type=None)
            self._load = None
        return self._picture


def store_images(images: Sequence[Image], write_file: WriteFile, key: str, step: int) -> dict[str, Any]:
    """Several images under one key, as one dict: a file each, in order.

    `width`, `height` and `format` are those of the first image; `sha256`, `sizes` (bytes) and, where any has
    one, `captions` hold one entry an image.
    """
    each = [image.stored(write_file, key, step) for image in images]
    stored: dict[str, Any] = {
        "_type": "images/separated",
        "width": each[0]["width"],
        "height": each[0]["height"],
        "format": each[0]["format"],
        "count": len(each),
        "filenames": [one["path"] for one in each],
        "sha256": [one["sha256"] for one in each],
        "sizes": [one["size"] for one in each],
    }
    if any(image.caption is not None for image in images):
        stored["captions"] = [image.caption for image in images]
    if any(image.grouping is not None for image in images):
        stored["grouping"] = [image.grouping for image in images]
    for name in _ANNOTATIONS:
        if any(name in one for one in each):
            stored[f"all_{name}"] = [one.get(name) for one in each]
    return stored


def read_images(value: Mapping[str, Any], open_file: OpenFile) -> list[Image]:
    """The images of a dict made by `store_images`; their files are opened when asked for."""
    paths = value["filenames"]
    lists = {one: value[many] for one, many in _LISTS.items() if many in value}
    return [
        Image.from_stored({"path": path, **{name: each[place] for name, each in lists.items()}}, open_file)
        for place, path in enumerate(paths)
    ]


def _picture_as_asked(
    data: Any, mode: str | None, file_type: str | None, normalize: bool
) -> tuple[Picture, str | None]:
    """The picture as it is asked for; without Pillow as it can be kept, and what is to be said of that."""
    try:
        return _picture_of(data, mode, file_type, normalize), None
    except NotSupportedError as error:
        if mode is None and file_type is None:
            raise
        picture = _picture_of(data, None, None, normalize)
        return picture, f"Image: {error}. It was kept as {picture.format} in its own mode"


def _picture_of(data: Any, mode: str | None, file_type: str | None, normalize: bool) -> Picture:
    if isinstance(data, Image):
        return picture_from_file(data.content, repr(data), mode=mode, file_type=file_type)
    if isinstance(data, bytes | bytearray | memoryview):
        return picture_from_file(bytes(data), "the given bytes", mode=mode, file_type=file_type)
    if hasattr(data, "__fspath__") or isinstance(data, str):
        return picture_from_file(_read_path(data), f"the file {str(data)!r}", mode=mode, file_type=file_type)
    kind = kind_of(data)
    if kind == "pil":
        return picture_from_pil(data, mode=mode, file_type=file_type)
    if kind == "figure":
        return picture_from_figure(figure_of(data), mode=mode, file_type=file_type)
    if hasattr(data, "read"):
        content = data.read()
        if not isinstance(content, bytes):
            raise BadValueError(f"an image was to be read from {data!r}, which gives text; open it with mode 'rb'")
        return picture_from_file(content, f"the file {data!r}", mode=mode, file_type=file_type)
    if hasattr(data, "detach") or hasattr(data, "__array__") or isinstance(data, list | tuple):
        return picture_from_pixels(pixels_of(data, normalize=normalize), mode=mode, file_type=file_type)
    raise BadValueError(
        f"an image cannot be made of a {type(data).__module__}.{type(data).__qualname__}; "
        "give an array, a tensor, a PIL image, a matplotlib figure, a path or the bytes of an image file"
    )


def figure_of(value: Any) -> Any:
    """The whole figure that axes or a part of a figure belong to; the current one of `pyplot`."""
    if isinstance(value, ModuleType):
        return value.gcf()
    while not hasattr(value, "savefig"):
        value = value.figure
    return value


def _read_path(path: Any) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise BadValueError(
            f"an image was to be read from {str(path)!r}: {error.strerror}; "
            f"give the path of an image file, seen from {Path.cwd()}"
        ) from error
