"""Video: moving pictures, from an array or a file."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.arrays import as_array
from runlake.media.file_media import FileMedia, check_format, content_of, is_path, read_path
from runlake.media.pixels import CHANNEL_COUNTS, pixels_of
from runlake.media.png import encode_apng
from runlake.media.video_codecs import decode, encode

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

DEFAULT_FPS = 4.0

_OF_PILLOW = ("gif", "apng")
"""Formats that Pillow reads."""


class Video(FileMedia):
    """Moving pictures with a caption.

    `data_or_path` is an array or tensor (time × channels × height × width, or with a batch before, whose clips
    are shown beside each other), the path of a video file, its bytes or an open one with `format`. An array becomes
    a video of `fps` pictures a second (4 when not said) when it is logged: a GIF, which needs Pillow and keeps at
    most 256 colours a picture, or another `format`, which needs imageio, moviepy, PyAV or an ffmpeg. What cannot be
    made is kept as a GIF, or without Pillow as an animated PNG, and said. How numbers become colours is told by
    `pixels.pixels_of`, over all pictures at once. Files keep their bytes. Raises `BadValueError`.
    """

    __slots__ = ("_frames",)

    TYPE, LIST_TYPE, LIST_NAME, FOLDER = "video-file", "videos", "videos", "videos"
    FORMATS: ClassVar[Mapping[str, str]] = {
        "gif": "image/gif",
        "mp4": "video/mp4",
        "webm": "video/webm",
        "ogg": "video/ogg",
        "ogv": "video/ogg",
        "mov": "video/quicktime",
        "apng": "image/apng",
    }
    EXTS = ("gif", "mp4", "webm", "ogg")

    def __init__(
        self, data_or_path: Any, caption: str | None = None, fps: float | None = None, format: str | None = None
    ) -> None:
        if is_path(data_or_path):
            content, ending = read_path(data_or_path, "a video", self.FORMATS)
            self._set(content, ending, caption, {})
            return
        if (given := content_of(data_or_path)) is not None:
            self._set(given, check_format(format, "a video as bytes", self.FORMATS, data_or_path), caption, {})
            return
        rate = DEFAULT_FPS if fps is None else float(fps)
        _delay_ms(rate)
        self._frames = _frames_of(data_or_path)
        count, height, width, _ = self._frames.shape
        facts = {"width": width, "height": height, "frame_count": count, "fps": rate}
        self._set(None, check_format(format or "gif", "a video", self.FORMATS), caption, facts)
        self._load = self._encode

    @property
    def fps(self) -> float | None:
        """Pictures a second; None for a file."""
        return self._facts.get("fps")

    def to_numpy(self) -> npt.NDArray[np.uint8]:
        """The pictures as uint8[time, 3, height, width]; a GIF needs Pillow, other formats imageio or PyAV."""
        import numpy as np

        if self.format not in _OF_PILLOW:
            return np.ascontiguousarray(decode(self.content, self.format).transpose(0, 3, 1, 2))
        pil = _import_pillow(f"reading a {self.format}")
        frames = []
        with pil.open(io.BytesIO(self.content)) as file:
            for place in range(getattr(file, "n_frames", 1)):
                file.seek(place)
                frame = np.array(file.convert("RGB"), np.uint8).transpose(2, 0, 1)
                # Equal pictures in a row are stored as one that stays longer.
                shown = round(file.info.get("duration", 0) / _delay_ms(self.fps)) if self.fps else 1
                frames += [frame] * max(1, shown)
        wanted = self._facts.get("frame_count", len(frames))
        return np.stack((frames + [frames[-1]] * wanted)[:wanted])

    def _encode(self) -> bytes:
        """The file of the frames, which are not needed any more, in the format asked for or one that can be made."""
        frames, rate = self._frames, self._facts["fps"]
        if self.format not in _OF_PILLOW:
            try:
                even = _even(_rgb(frames))
                content = encode(even, rate, self.format)
            except NotSupportedError as error:
                self._note, self.format = f"Video: {error}. It was kept as a GIF", "gif"
            else:
                _, self._facts["height"], self._facts["width"], _ = even.shape
                del self._frames
                return content
        if self.format == "gif":
            try:
                content = _encode_gif(frames, _delay_ms(rate))
            except NotSupportedError as error:
                self._note, self.format = f"Video: {error}. It was kept as an animated PNG", "apng"
        if self.format == "apng":
            _, height, width, channel_count = frames.shape
            content = encode_apng([frame.tobytes() for frame in frames], width, height, channel_count, _delay_ms(rate))
        del self._frames
        return content

    def _repr_html_(self) -> str:
        source = self._data_url()  # which makes the file, and with it its format
        if self.format in _OF_PILLOW:
            return self._figure(f'<img src="{source}" style="max-width:100%">')
        return self._figure(f'<video controls loop style="max-width:100%" src="{source}"></video>')


def _delay_ms(fps: float) -> int:
    """How long a picture stays; GIF counts in hundredths of a second and viewers slow down below two."""
    if not math.isfinite(fps) or fps <= 0:
        raise BadValueError(f"a video of fps={fps!r} was asked for; give the pictures a second, more than 0")
    return min(max(round(100 / fps), 2), 65535) * 10


def _rgb(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pictures of any number of channels as RGB; what is transparent is shown as if it were not."""
    import numpy as np

    return np.repeat(frames[..., :1], 3, axis=3) if frames.shape[3] < 3 else frames[..., :3]


def _even(frames: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Pictures of even height and width, which codecs need: a last row or column that is missing is doubled."""
    import numpy as np

    _, height, width, _ = frames.shape
    return np.pad(frames, ((0, 0), (0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _frames_of(data: Any) -> npt.NDArray[np.uint8]:
    """uint8[time, height, width, channels], as they are now."""
    clip = as_array(data, "a video")
    if clip.ndim == 5:
        clip = _beside_each_other(clip)
    if clip.ndim != 4 or clip.shape[1] not in CHANNEL_COUNTS or 0 in clip.shape:
        hint = (
            "; channels come second: use array.transpose(0, 3, 1, 2)"
            if clip.ndim == 4 and clip.shape[3] in CHANNEL_COUNTS
            else ""
        )
        raise BadValueError(
            f"a video cannot be made of an array of shape {clip.shape}; "
            f"give time × channels × height × width with 1, 3 or 4 channels{hint}"
        )
    count, channel_count, height, width = clip.shape
    # As one tall picture, so that all pictures are made visible by the same rule.
    tall = clip.transpose(0, 2, 3, 1).reshape(count * height, width, channel_count)
    return pixels_of(tall).reshape(count, height, width, channel_count).copy()


def _beside_each_other(batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """batch × time × channels × height × width as one clip, with the clips in a grid about as wide as high."""
    import numpy as np

    count, time, channel_count, height, width = batch.shape
    columns = max(1, math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    grid = np.zeros((time, channel_count, rows * height, columns * width), batch.dtype)
    for index in range(count):
        top, left = index // columns * height, index % columns * width
        grid[:, :, top : top + height, left : left + width] = batch[index]
    return grid


def _encode_gif(frames: npt.NDArray[np.uint8], delay_ms: int) -> bytes:
    import numpy as np

    pil = _import_pillow("a video from an array")
    pictures: list[PIL.Image.Image] = []
    for frame in frames:
        flat = np.ascontiguousarray(frame[:, :, 0] if frame.shape[2] == 1 else frame)
        pictures.append(pil.fromarray(flat).convert("RGB" if frame.shape[2] in (3, 4) else "L"))
    buffer = io.BytesIO()
    pictures[0].save(buffer, "GIF", save_all=True, append_images=pictures[1:], duration=delay_ms, loop=0)
    return buffer.getvalue()


def _import_pillow(what: str) -> Any:
    try:
        import PIL.Image
    except ImportError:
        raise NotSupportedError(
            f"{what} needs Pillow, which is not installed; run: pip install 'runlake[media]'"
        ) from None
    return PIL.Image
