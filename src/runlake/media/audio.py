"""Audio: a sound, from an array or a file."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.arrays import as_array, is_torch
from runlake.media.file_media import FileMedia, check_format, content_of, is_path, read_path

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_CHANNEL_COUNT = 64
"""More channels than this are nearly always an array with its axes the wrong way round."""

_SAMPLE_BYTES = {"uint8": 1, "int16": 2, "int32": 4}
_I16_MAX = 32767


class Audio(FileMedia):
    """A sound with a caption.

    `data_or_path` is an array (frames, or frames × channels; a torch tensor: channels first) with its
    `sample_rate` in Hz, the path of a sound file, its bytes or an open one with `format`. An array becomes a
    WAV file: floats are taken as -1…1 and stored with 16 bits, what lies beyond is clipped and NaN is silence;
    uint8, int16 and int32 are stored as they are. Files keep their bytes. Raises `BadValueError`.
    """

    __slots__ = ()

    TYPE, LIST_TYPE, LIST_NAME, FOLDER = "audio-file", "audio", "audio", "audio"
    FORMATS: ClassVar[Mapping[str, str]] = {
        "wav": "audio/wav",
        "mp3": "audio/mpeg",
        "ogg": "audio/ogg",
        "oga": "audio/ogg",
        "opus": "audio/ogg",
        "flac": "audio/flac",
        "m4a": "audio/mp4",
        "aac": "audio/aac",
        "aiff": "audio/aiff",
        "aif": "audio/aiff",
        "weba": "audio/webm",
    }

    def __init__(
        self, data_or_path: Any, sample_rate: int | None = None, caption: str | None = None, format: str | None = None
    ) -> None:
        if is_path(data_or_path):
            content, ending = read_path(data_or_path, "a sound", self.FORMATS)
        elif (given := content_of(data_or_path)) is not None:
            content, ending = given, check_format(format, "a sound as bytes", self.FORMATS, data_or_path)
        else:
            content, ending = _encode_wav(_samples_of(data_or_path), _check_rate(sample_rate)), "wav"
        self._set(content, ending, caption, _describe_wav(content) if ending == "wav" else {})

    @property
    def sample_rate(self) -> int | None:
        """Frames a second; None for a file that is no plain WAV."""
        return self._facts.get("sample_rate")

    @property
    def duration_s(self) -> float | None:
        """Its length; None for a file that is no plain WAV."""
        return self._facts.get("duration_s")

    def to_numpy(self) -> npt.NDArray[np.float64]:
        """The samples of a WAV file as float64[frames, channels] from -1 to 1; other formats need a decoder."""
        import wave

        import numpy as np

        if self.format != "wav":
            raise NotSupportedError(
                f"the samples of a {self.format} file cannot be read here; decode its `.content`, as soundfile does"
            )
        try:
            with wave.open(io.BytesIO(self.content)) as file:
                width, channel_count = file.getsampwidth(), file.getnchannels()
                raw = file.readframes(file.getnframes())
        except (wave.Error, EOFError) as error:
            raise NotSupportedError(
                f"this WAV file is not plain PCM ({error}); decode its `.content`, with soundfile for one"
            ) from error
        if width == 3:
            wide = np.zeros((len(raw) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(raw, np.uint8).reshape(-1, 3)
            samples = wide.view("<i4").ravel() / 2**31
        elif width == 1:
            samples = (np.frombuffer(raw, np.uint8).astype(np.float64) - 128) / 128
        else:
            samples = np.frombuffer(raw, f"<i{width}") / 2 ** (8 * width - 1)
        return samples.reshape(-1, channel_count)

    def _repr_html_(self) -> str:
        return self._figure(f'<audio controls src="{self._data_url()}"></audio>')


def _check_rate(sample_rate: Any) -> int:
    if isinstance(sample_rate, float) and sample_rate.is_integer():
        sample_rate = int(sample_rate)
    if isinstance(sample_rate, bool) or not hasattr(sample_rate, "__index__") or not 0 < int(sample_rate) < 2**31:
        raise BadValueError(
            f"a sound from an array needs sample_rate=, its frames a second as a whole number; it was {sample_rate!r}"
        )
    return int(sample_rate)


def _samples_of(data: Any) -> npt.NDArray[Any]:
    """frames × channels of uint8, int16 or int32."""
    import numpy as np

    samples = as_array(data, "a sound")
    shape = samples.shape
    if samples.ndim == 1:
        samples = samples[:, np.newaxis]
    elif is_torch(data) and samples.ndim == 2:
        samples = samples.T
    if samples.ndim != 2 or not 1 <= samples.shape[1] <= MAX_CHANNEL_COUNT:
        hint = "; frames come first: use array.T" if len(shape) == 2 and shape[0] <= MAX_CHANNEL_COUNT else ""
        raise BadValueError(
            f"a sound cannot be made of an array of shape {shape}; give frames, or frames × channels{hint}"
        )
    if samples.dtype.name in _SAMPLE_BYTES:
        return samples
    if samples.dtype.kind == "f":
        wide = np.nan_to_num(samples.astype(np.float64), nan=0.0, posinf=1.0, neginf=-1.0)
        return (wide.clip(-1, 1) * _I16_MAX).round().astype(np.int16)
    if samples.dtype.kind in "iu" and (not samples.size or (samples.min() >= -32768 and samples.max() <= _I16_MAX)):
        return samples.astype(np.int16)
    raise BadValueError(
        f"a sound cannot be made of values of type {samples.dtype}; give floats from -1 to 1, uint8, int16 or int32"
    )


def _encode_wav(samples: npt.NDArray[Any], sample_rate: int) -> bytes:
    import wave

    import numpy as np

    buffer = io.BytesIO()
    width = _SAMPLE_BYTES[samples.dtype.name]
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(sample_rate)
        file.writeframes(np.ascontiguousarray(samples, samples.dtype.newbyteorder("<")).tobytes())
    return buffer.getvalue()


def _describe_wav(content: bytes) -> dict[str, Any]:
    """Rate and length of a plain WAV file; nothing for one of a kind that the standard library does not read."""
    import wave

    try:
        with wave.open(io.BytesIO(content)) as file:
            rate = file.getframerate()
            return {"sample_rate": rate, "duration_s": file.getnframes() / rate} if rate else {}
    except (wave.Error, EOFError):
        return {}
