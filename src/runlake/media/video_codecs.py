"""Pictures as a video file, and back: through an ffmpeg, which imageio and moviepy bring along, or through PyAV.

Both are looked for when they are needed. Nothing of this is needed for GIF.
"""

from __future__ import annotations

import importlib
import importlib.util
import io
import re
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlake.errors import NotSupportedError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_H264 = ("libx264", {"crf": "18"})
_THEORA = ("libtheora", {"q": "8"})
CODECS = {
    "mp4": _H264,
    "mov": _H264,
    "webm": ("libvpx-vp9", {"crf": "30", "b": "0"}),
    "ogg": _THEORA,
    "ogv": _THEORA,
}
"""Format → encoder of ffmpeg and its options, at a quality at which people see no difference."""

_CONTAINERS = {"ogv": "ogg"}
"""Formats whose container ffmpeg knows by another name."""

_PPM_HEAD = re.compile(rb"P6\s(\d+)\s(\d+)\s255\s")
"""What stands before each picture, whose size only the file knows."""

_TIMEOUT_S = 3600
_HINT = "run: pip install 'imageio[ffmpeg]'"


def encode(frames: npt.NDArray[np.uint8], fps: float, format: str) -> bytes:
    """uint8[time, height, width, 3] with even width and height as a video file of one of the `CODECS`.

    Raises `NotSupportedError` where nothing is installed that makes one, or what is there cannot.
    """
    problems = []
    ffmpeg = _find_ffmpeg()
    if ffmpeg is not None:
        try:
            return _encode_by_ffmpeg(ffmpeg, frames, fps, format)
        except (OSError, subprocess.SubprocessError) as error:
            problems.append(f"ffmpeg: {_reason(error)}")
    if importlib.util.find_spec("av") is not None:
        try:
            return _encode_by_av(frames, fps, format)
        except Exception as error:
            # Errors of codecs have no common root; whatever it was, it is told, and the pictures are kept otherwise.
            problems.append(f"PyAV: {error}")
    why = "; ".join(problems) or f"neither imageio, moviepy, PyAV nor ffmpeg is installed; {_HINT}"
    raise NotSupportedError(f"a {format} file could not be made of an array: {why}")


def decode(content: bytes, format: str) -> npt.NDArray[np.uint8]:
    """The pictures of a video file as uint8[time, height, width, 3]; `NotSupportedError` as for `encode`."""
    ffmpeg = _find_ffmpeg()
    if importlib.util.find_spec("av") is None and ffmpeg is None:
        raise NotSupportedError(
            f"the pictures of a {format} file need imageio, PyAV or ffmpeg, which are not installed; {_HINT}"
        )
    try:
        return _decode_by_av(content) if ffmpeg is None else _decode_by_ffmpeg(ffmpeg, content)
    except Exception as error:  # as above
        raise NotSupportedError(
            f"the pictures of a {format} file of {len(content)} bytes cannot be read: {_reason(error)}"
        ) from error


def _find_ffmpeg() -> str | None:
    try:
        return str(_load("imageio_ffmpeg").get_ffmpeg_exe())
    except ImportError:
        return shutil.which("ffmpeg")
    except RuntimeError:  # it came without a program, and none was found
        return None


def _encode_by_ffmpeg(ffmpeg: str, frames: npt.NDArray[np.uint8], fps: float, format: str) -> bytes:
    _, height, width, _ = frames.shape
    codec, options = CODECS[format]
    source = [
        "-f",
        "rawvideo",
        "-pix_fmt",
        "rgb24",
        "-s",
        f"{width}x{height}",
        "-r",
        str(Fraction(fps).limit_denominator(10_000)),
        "-i",
        "-",
    ]
    made = ["-an", "-c:v", codec, "-pix_fmt", "yuv420p"]
    made += [text for name, value in options.items() for text in (f"-{name}:v", value)]
    # Its index in front, so that a browser plays it before it has all of it.
    made += ["-movflags", "+faststart"] if format in ("mp4", "mov") else []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"video.{format}"
        subprocess.run(
            [ffmpeg, "-v", "error", "-y", *source, *made, str(path)],
            input=frames.tobytes(),
            capture_output=True,
            check=True,
            timeout=_TIMEOUT_S,
        )
        return path.read_bytes()


def _encode_by_av(frames: npt.NDArray[np.uint8], fps: float, format: str) -> bytes:
    av = _load("av")
    _, height, width, _ = frames.shape
    codec, options = CODECS[format]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=_CONTAINERS.get(format, format)) as file:
        stream = file.add_stream(codec, rate=Fraction(fps).limit_denominator(10_000), options=options)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in frames:
            file.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(stream.encode())
    return buffer.getvalue()


def _decode_by_av(content: bytes) -> npt.NDArray[np.uint8]:
    import numpy as np

    av = _load("av")
    with av.open(io.BytesIO(content)) as file:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)])


def _decode_by_ffmpeg(ffmpeg: str, content: bytes) -> npt.NDArray[np.uint8]:
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "video"
        path.write_bytes(content)
        command = [ffmpeg, "-v", "error", "-i", str(path), "-f", "image2pipe", "-c:v", "ppm", "-"]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, check=True, timeout=_TIMEOUT_S)
    frames, place = [], 0
    while head := _PPM_HEAD.match(done.stdout, place):
        width, height = int(head[1]), int(head[2])
        pixels = np.frombuffer(done.stdout, np.uint8, width * height * 3, head.end())
        frames.append(pixels.reshape(height, width, 3))
        place = head.end() + width * height * 3
    return np.stack(frames)


def _load(name: str) -> Any:
    """A package that need not be there."""
    return importlib.import_module(name)


def _reason(error: Exception) -> str:
    told = (getattr(error, "stderr", None) or b"").decode(errors="replace").strip()
    return told.splitlines()[-1] if told else str(error)
