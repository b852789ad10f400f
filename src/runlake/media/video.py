"""Video: moving pictures, from an array or a file."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.file_media import FileMedia, check_format, content_of, is_path, read_path
from runlake.media.pixels import CHANNEL_COUNTS, pixels_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import PIL.Image

DEFAULT_FPS = 4.0


class Video(FileMedia):
    """Moving pictures with a caption.

    `data_or_path` is an array or tensor (time × channels × height × width, or with a batch before, whose clips
    are shown beside each other), the path of a video file, its bytes or an open one with `format`. An array
    becomes a GIF of `fps` pictures a second (4 when not said), which needs Pillow and keeps at most 256 colours a
    picture; how numbers become colours is told by `pixels.pixels_of`, over all pictures at once. Files keep
    their bytes. Raises `BadValueError`, and `NotSupportedError` for an array in another format than GIF.
    """

    __slots__ = ()

    TYPE, LIST_TYPE, LIST_NAME, FOLDER = "video-file", "videos", "videos", "videos"
    FORMATS: ClassVar[Mapping[str, str]] = {
        "gif": "image/gif",
        "mp4": "video/mp4",
        "webm": "video/webm",
        "ogg": "video/ogg",
        "ogv": "video/ogg",
        "mov": "video/quicktime",
    }

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
        if check_format(format or "gif", "a video", self.FORMATS) != "gif":
            raise NotSupportedError(
                f"a video in the format {format!r} cannot be made of an array here; leave format out for a GIF, "
                "or write the file with imageio or ffmpeg and pass its path"
            )
        frames = _frames_of(data_or_path)
        rate = DEFAULT_FPS if fps is None else float(fps)
        content = _encode_gif(frames, _delay_ms(rate))
        count, height, width, _ = frames.shape
        self._set(content, "gif", caption, {"width": width, "height": height, "frame_count": count, "fps": rate})

    @property
    def fps(self) -> float | None:
        """Pictures a second; None for a file."""
        return self._facts.get("fps")

    def to_numpy(self) -> npt.NDArray[np.uint8]:
        """A GIF as uint8[time, 3, height, width]; needs Pillow. Other formats need a decoder."""
        import numpy as np

        if self.format != "gif":
            raise NotSupportedError(
                f"the pictures of a {self.format} file cannot be read here; decode its `.content`, with imageio for one"
            )
        pil = _import_pillow("reading a GIF")
        frames = []
        with pil.open(io.BytesIO(self.content)) as gif:
            for place in range(getattr(gif, "n_frames", 1)):
                gif.seek(place)
                frame = np.array(gif.convert("RGB"), np.uint8).transpose(2, 0, 1)
                # Equal pictures in a row are stored as one that stays longer.
                shown = round(gif.info.get("duration", 0) / _delay_ms(self.fps)) if self.fps else 1
                frames += [frame] * max(1, shown)
        wanted = self._facts.get("frame_count", len(frames))
        return np.stack((frames + [frames[-1]] * wanted)[:wanted])

    def _repr_html_(self) -> str:
        source = self._data_url()
        if self.format == "gif":
            return self._figure(f'<img src="{source}" style="max-width:100%">')
        return self._figure(f'<video controls loop style="max-width:100%" src="{source}"></video>')


def _delay_ms(fps: float) -> int:
    """How long a picture stays; GIF counts in hundredths of a second and viewers slow down below two."""
    if not math.isfinite(fps) or fps <= 0:
        raise BadValueError(f"a video of fps={fps!r} was asked for; give the pictures a second, more than 0")
    return min(max(round(100 / fps), 2), 65535) * 10


def _frames_of(data: Any) -> npt.NDArray[np.uint8]:
    """uint8[time, height, width, channels]."""
    import numpy as np

    if hasattr(data, "detach"):
        data = data.detach().cpu()
        if str(data.dtype) == "torch.bfloat16":
            data = data.float()
        data = data.numpy()
    try:
        clip = np.asarray(data)
    except ValueError as error:
        raise BadValueError(f"a video cannot be made of a {type(data).__name__}: {error}") from error
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
    return pixels_of(tall).reshape(count, height, width, channel_count)


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
