"""A picture as the bytes of an image file, with its format and size: made from files, PIL, figures and pixels.

The size of a file is read from its header here, so that an image file can be logged without Pillow; everything
that has to decode one needs it.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.png import SIGNATURE, encode_png

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

FORMATS = {"png": "PNG", "jpg": "JPEG", "jpeg": "JPEG", "bmp": "BMP", "gif": "GIF", "webp": "WEBP"}
"""What `file_type` may be, and what Pillow calls it."""

_NO_ALPHA = ("JPEG", "BMP")
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset({0x01, *range(0xD0, 0xD9)})


@dataclass(frozen=True, slots=True)
class Picture:
    """An encoded image; `width` and `height` in pixels, `format` as a file name ends: png, jpg, bmp, gif, webp."""

    content: bytes
    format: str
    width: int
    height: int


def check_file_type(file_type: str | None) -> str | None:
    """The file type in small letters, `jpeg` as `jpg`; `BadValueError` for one that cannot be written."""
    if file_type is None:
        return None
    name = file_type.lower().lstrip(".")
    if name not in FORMATS:
        raise BadValueError(f"an image of type {file_type!r} was asked for; known are {', '.join(FORMATS)}")
    return "jpg" if name == "jpeg" else name


def picture_from_file(content: bytes, name: str, *, mode: str | None, file_type: str | None) -> Picture:
    """The picture in the bytes of an image file, unchanged unless another mode or type is asked for.

    `name` is for messages. Raises `BadValueError` when the bytes are no image.
    """
    found = _sniff(content)
    if found is not None and mode is None and file_type in (None, found.format):
        return found
    pil = open_pil(content, name)
    if mode is None and file_type is None:
        kind = (pil.format or "").lower()
        return Picture(content, "jpg" if kind == "jpeg" else kind, *pil.size)
    return picture_from_pil(pil, mode=mode, file_type=file_type or (found.format if found else None))


def picture_from_pil(pil: PIL.Image.Image, *, mode: str | None, file_type: str | None) -> Picture:
    """A PIL image as a picture, PNG unless `file_type` says otherwise."""
    file_type = file_type or "png"
    if mode is not None and mode != pil.mode:
        pil = pil.convert(mode)
    if FORMATS[file_type] in _NO_ALPHA and pil.mode in ("RGBA", "LA", "PA", "P"):
        pil = pil.convert("RGB")
    buffer = io.BytesIO()
    try:
        pil.save(buffer, format=FORMATS[file_type])
    except OSError as error:
        raise BadValueError(
            f"an image of mode {pil.mode!r} cannot be written as {file_type}: {error}; pass mode='RGB'"
        ) from error
    return Picture(buffer.getvalue(), file_type, *pil.size)


def picture_from_figure(figure: Any, *, mode: str | None, file_type: str | None) -> Picture:
    """A matplotlib figure as it looks now."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return picture_from_file(buffer.getvalue(), "figure", mode=mode, file_type=file_type)


def picture_from_pixels(pixels: npt.NDArray[np.uint8], *, mode: str | None, file_type: str | None) -> Picture:
    """uint8[height, width, channels] as a picture; a PNG needs no Pillow, other types and modes do."""
    import numpy as np

    height, width, channel_count = pixels.shape
    own_mode = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}[channel_count]
    needs_pillow = file_type not in (None, "png") or mode not in (None, own_mode)
    try:
        import PIL.Image
    except ImportError:
        if needs_pillow:
            raise _pillow_is_missing(f"writing an image as {file_type or 'png'} in mode {mode or own_mode}") from None
        content = encode_png(np.ascontiguousarray(pixels).tobytes(), width, height, channel_count)
        return Picture(content, "png", width, height)
    flat = np.ascontiguousarray(pixels[:, :, 0] if channel_count == 1 else pixels)
    return picture_from_pil(PIL.Image.fromarray(flat), mode=mode, file_type=file_type)


def open_pil(content: bytes, name: str) -> PIL.Image.Image:
    """The bytes of an image file as a PIL image."""
    try:
        import PIL.Image
    except ImportError:
        raise _pillow_is_missing(f"opening {name}") from None
    try:
        pil = PIL.Image.open(io.BytesIO(content))
        pil.load()
    except (PIL.UnidentifiedImageError, OSError, SyntaxError) as error:
        raise BadValueError(f"{name} ({len(content)} bytes) is not an image that can be read: {error}") from error
    return pil


def _pillow_is_missing(what: str) -> NotSupportedError:
    return NotSupportedError(f"{what} needs Pillow, which is not installed; run: pip install 'runlake[media]'")


# Headers --------------------------------------------------------------------------------------------------


def _sniff(content: bytes) -> Picture | None:
    """The picture whose header these bytes begin with; None when it is of no kind known here."""
    try:
        for kind, sizes in (("png", _png), ("gif", _gif), ("bmp", _bmp), ("webp", _webp), ("jpg", _jpeg)):
            size = sizes(content)
            if size is not None:
                return Picture(content, kind, *size)
    except (struct.error, IndexError):  # the header is cut off
        return None
    return None


def _png(content: bytes) -> tuple[int, int] | None:
    return struct.unpack(">II", content[16:24]) if content.startswith(SIGNATURE) else None


def _gif(content: bytes) -> tuple[int, int] | None:
    return struct.unpack("<HH", content[6:10]) if content[:6] in (b"GIF87a", b"GIF89a") else None


def _bmp(content: bytes) -> tuple[int, int] | None:
    # 40 is the length of the header that nearly all writers use; others are left to Pillow.
    if content[:2] != b"BM" or content[14:18] != b"\x28\0\0\0":
        return None
    width, height = struct.unpack("<ii", content[18:26])
    return width, abs(height)


def _webp(content: bytes) -> tuple[int, int] | None:
    if content[:4] != b"RIFF" or content[8:12] != b"WEBP":
        return None
    kind, body = content[12:16], content[20:30]
    if kind == b"VP8X":
        return 1 + int.from_bytes(body[4:7], "little"), 1 + int.from_bytes(body[7:10], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(body[1:5], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    width, height = struct.unpack("<HH", body[6:10])
    return width & 0x3FFF, height & 0x3FFF


def _jpeg(content: bytes) -> tuple[int, int] | None:
    if content[:3] != b"\xff\xd8\xff":
        return None
    place = 2
    while True:
        if content[place] != 0xFF:
            return None
        marker = content[place + 1]
        if marker in _JPEG_FRAMES:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        if marker == 0xFF:  # padding between segments
            place += 1
        elif marker in _JPEG_BARE:
            place += 2
        else:
            place += 2 + int(struct.unpack(">H", content[place + 2 : place + 4])[0])
