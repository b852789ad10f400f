import io
import wave

import numpy as np
import pytest

from runlake.errors import BadValueError, CorruptError, NotSupportedError
from runlake.media.audio import Audio
from runlake.media.convert import convert_value
from runlake.media.read import read_media

TONE = np.sin(np.linspace(0, 40, 800))


class Tensor:
    """What a torch tensor offers of what is used of it."""

    dtype = "torch.float32"

    def __init__(self, array):
        self._array = array

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self._array


def frames_of(audio):
    with wave.open(io.BytesIO(audio.content)) as file:
        return file.getparams()[:4], file.readframes(file.getnframes())


def test_the_stored_form_of_a_sound(files):
    value = Audio(TONE, sample_rate=8000, caption="a tone").stored(files.write, "val/tone", 3)
    ((path, content),) = files.items()
    assert path == f"media/audio/val/tone_3_{value['sha256'][:20]}.wav"
    assert value == {
        "_type": "audio-file",
        "path": path,
        "sha256": value["sha256"],
        "size": len(content),
        "format": "wav",
        "sample_rate": 8000,
        "duration_s": 0.1,
        "caption": "a tone",
    }


def test_a_sound_comes_back_as_it_went_in(files):
    value = Audio(TONE, sample_rate=8000, caption="a tone").stored(files.write, "k", 0)
    audio = read_media(value, files.open)
    assert (audio.caption, audio.sample_rate, audio.duration_s, audio.format) == ("a tone", 8000, 0.1, "wav")
    assert np.abs(audio.to_numpy()[:, 0] - TONE).max() < 1e-4
    assert audio.stored(files.write, "k", 0) == value


@pytest.mark.parametrize("kind", ["uint8", "int16", "int32"])
def test_whole_samples_are_stored_as_they_are(kind):
    limits = np.iinfo(kind)
    samples = np.array([[limits.min, 0], [limits.max, 1]], kind)
    audio = Audio(samples, sample_rate=44100)
    width = samples.dtype.itemsize
    assert frames_of(audio) == ((2, width, 44100, 2), samples.tobytes())
    assert audio.to_numpy().shape == (2, 2)
    assert (audio.to_numpy() >= -1).all()
    assert (audio.to_numpy() <= 1).all()


def test_floats_are_clipped_and_nan_is_silence():
    samples = np.array([0.5, 2.0, -2.0, np.nan, np.inf, -np.inf])
    stored = np.frombuffer(frames_of(Audio(samples, sample_rate=1))[1], "<i2")
    assert stored.tolist() == [16384, 32767, -32767, 0, 32767, -32767]


def test_lists_and_tensors_are_sounds_too():
    assert frames_of(Audio([0, 100, -100], sample_rate=10.0)) == ((1, 2, 10, 3), b"\0\0d\0\x9c\xff")
    assert frames_of(Audio(Tensor(np.zeros((2, 5), np.float32)), sample_rate=10))[0] == (2, 2, 10, 5)


def test_a_sound_of_no_frames_is_a_sound():
    assert (Audio(np.zeros(0), sample_rate=10).duration_s, Audio([], sample_rate=10).to_numpy().shape) == (0.0, (0, 1))


def test_a_file_keeps_its_bytes(tmp_path, files):
    path = tmp_path / "sound.MP3"
    path.write_bytes(b"ID3 whatever")
    for audio in (
        Audio(path),
        Audio(str(path)),
        Audio(b"ID3 whatever", format="mp3"),
        Audio(io.BytesIO(path.read_bytes()), format=".mp3"),
    ):
        value = audio.stored(files.write, "k", 0)
        assert (value["format"], files[value["path"]], "sample_rate" in value) == ("mp3", b"ID3 whatever", False)
    with pytest.raises(NotSupportedError, match="mp3"):
        audio.to_numpy()


def test_a_wav_file_tells_its_rate_and_its_samples(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 3, 22050, 2, "NONE", ""))
        file.writeframes(b"\0\0\x40" + b"\0\0\x80")
    audio = Audio(path)
    assert (audio.sample_rate, audio.to_numpy().tolist()) == (22050, [[0.5], [-1.0]])
    broken = Audio(b"RIFF", format="wav")
    assert (broken.sample_rate, broken.duration_s) == (None, None)
    with pytest.raises(NotSupportedError, match="not plain PCM"):
        broken.to_numpy()


def test_several_sounds_are_stored_as_one_value(files):
    sounds = [Audio([0], sample_rate=1), Audio([1], sample_rate=1, caption="b")]
    value = convert_value(sounds, files.write, "k", 0)
    assert (value["_type"], value["count"], value["captions"]) == ("audio", 2, [None, "b"])
    assert [one["path"] for one in value["audio"]] == list(files)
    assert [one.caption for one in read_media(value, files.open)] == [None, "b"]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (TONE, {}, "needs sample_rate="),
        (TONE, {"sample_rate": 0}, "it was 0"),
        (TONE, {"sample_rate": True}, "it was True"),
        (np.zeros((2, 1000)), {"sample_rate": 1}, r"shape \(2, 1000\).*use array.T"),
        (np.zeros((2, 2, 2)), {"sample_rate": 1}, "give frames, or frames × channels"),
        (np.zeros(2, complex), {"sample_rate": 1}, "type complex128"),
        ([0, 10**6], {"sample_rate": 1}, "type int64"),
        ([[0], [1, 2]], {"sample_rate": 1}, "made of a list"),
        ("sound.txt", {}, "ends in none of wav, mp3"),
        ("missing.wav", {}, "No such file"),
        (b"", {}, "without saying its kind"),
        (b"", {"format": "midi"}, "kind 'midi'"),
    ],
)
def test_what_is_no_sound_is_refused(data, options, message):
    with pytest.raises(BadValueError, match=message):
        Audio(data, **options)


def test_a_sound_that_changed_is_found(files):
    value = Audio([0], sample_rate=1).stored(files.write, "k", 0)
    files[value["path"]] += b"!"
    audio = read_media(value, files.open)
    with pytest.raises(CorruptError):
        _ = audio.content


def test_the_notebook_plays_the_sound():
    shown = Audio([0], sample_rate=1, caption="<b>")._repr_html_()
    assert '<audio controls src="data:audio/wav;base64,' in shown
    assert "&lt;b&gt;" in shown
    assert repr(Audio([0], sample_rate=1)) == "Audio(wav, sample_rate 1, duration_s 1.0)"
