import io
import sys

import numpy as np
import pytest

from runlake.errors import BadValueError, NotSupportedError, RunlakeWarning
from runlake.media import video_codecs
from runlake.media.convert import convert_value
from runlake.media.left_out import strictly
from runlake.media.read import read_media
from runlake.media.video import Video

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (5, 1, 6, 8), np.uint8)


def test_the_stored_form_of_a_video(files):
    value = Video(GREY, caption="noise", fps=10).stored(files.write, "val/clip", 3)
    ((path, content),) = files.items()
    assert path == f"media/videos/val/clip_3_{value['sha256'][:20]}.gif"
    assert content.startswith(b"GIF8")
    assert value == {
        "_type": "video-file",
        "path": path,
        "sha256": value["sha256"],
        "size": len(content),
        "format": "gif",
        "width": 8,
        "height": 6,
        "frame_count": 5,
        "fps": 10.0,
        "caption": "noise",
    }


def test_grey_pictures_come_back_as_they_went_in(files):
    value = Video(GREY).stored(files.write, "k", 0)
    video = read_media(value, files.open)
    assert (video.fps, video.format) == (4.0, "gif")
    assert np.array_equal(video.to_numpy(), np.repeat(GREY, 3, axis=1))
    assert video.stored(files.write, "k", 0) == value


def test_few_colours_come_back_as_they_went_in():
    clip = np.zeros((3, 3, 4, 4), np.uint8)
    clip[0, 0], clip[1, 1], clip[2, 2] = 255, 255, 255
    assert np.array_equal(Video(clip).to_numpy(), clip)
    with_alpha = np.concatenate([clip, np.full((3, 1, 4, 4), 255, np.uint8)], axis=1)
    assert np.array_equal(Video(with_alpha).to_numpy(), clip)


@pytest.mark.parametrize("pattern", [[0, 0, 0], [0, 1, 1, 0], [0], [0, 0, 1, 1, 1]])
@pytest.mark.parametrize("fps", [4, 30, 7.5])
def test_pictures_that_repeat_are_all_there_again(pattern, fps):
    clip = np.array(pattern, np.uint8)[:, None, None, None] * np.full((1, 1, 4, 4), 255, np.uint8)
    assert Video(clip, fps=fps).to_numpy()[:, 0, 0, 0].tolist() == [255 * value for value in pattern]


def test_floats_become_visible_by_one_rule_for_all_pictures():
    clip = np.zeros((2, 1, 2, 2))
    clip[1] = 1.0
    assert Video(clip).to_numpy()[:, 0, 0, 0].tolist() == [0, 255]
    assert Video(clip * 200).to_numpy()[:, 0, 0, 0].tolist() == [0, 200]


def test_a_batch_is_shown_as_a_grid():
    batch = np.zeros((3, 2, 1, 4, 5), np.uint8)
    batch[2] = 255
    shown = Video(batch).to_numpy()[:, 0]
    assert shown.shape == (2, 8, 10)
    assert (shown[:, 4:, :5] == 255).all()
    assert (shown[:, :4] == 0).all()


def test_a_file_keeps_its_bytes(tmp_path, files):
    path = tmp_path / "clip.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42")
    for video in (
        Video(path),
        Video(str(path)),
        Video(path.read_bytes(), format="mp4"),
        Video(io.BytesIO(path.read_bytes()), format="MP4"),
    ):
        value = video.stored(files.write, "k", 0)
        assert (value["format"], files[value["path"]], video.fps) == ("mp4", path.read_bytes(), None)
    with pytest.raises(NotSupportedError, match="the pictures of a mp4 file"):
        video.to_numpy()


def test_a_gif_file_gives_its_pictures(tmp_path):
    path = tmp_path / "clip.gif"
    path.write_bytes(Video(GREY).content)
    assert Video(path).to_numpy().shape == (5, 3, 6, 8)


def test_several_videos_are_stored_as_one_value(files):
    value = convert_value([Video(GREY), Video(GREY[:1], caption="b")], files.write, "k", 0)
    assert (value["_type"], value["count"], value["captions"]) == ("videos", 2, [None, "b"])
    assert [len(video.to_numpy()) for video in read_media(value, files.open)] == [5, 1]


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((5, 6, 8, 3)), {}, r"shape \(5, 6, 8, 3\).*transpose\(0, 3, 1, 2\)"),
        (np.zeros((5, 6)), {}, "give time × channels × height × width"),
        (np.zeros((0, 1, 6, 8)), {}, r"shape \(0, 1, 6, 8\)"),
        ([[0], [1, 2]], {}, "made of a list"),
        (GREY, {"fps": 0}, "fps=0"),
        (GREY, {"fps": float("nan")}, "fps=nan"),
        (GREY, {"format": "avi"}, "kind 'avi'"),
        ("clip.txt", {}, "ends in none of gif, mp4"),
        ("missing.mp4", {}, "No such file"),
        (b"", {}, "without saying its kind"),
    ],
)
def test_what_is_no_video_is_refused(data, options, message):
    with pytest.raises(BadValueError, match=message):
        Video(data, **options)


@pytest.fixture
def without_codecs(monkeypatch):
    """An interpreter that finds neither PyAV nor an ffmpeg."""
    for name in ("av", "imageio_ffmpeg"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setenv("PATH", "")


@pytest.mark.usefixtures("without_codecs")
def test_without_codecs_an_array_is_kept_as_a_gif_which_is_said_once(files):
    video = Video(GREY, format="mp4", fps=10)
    with pytest.warns(RunlakeWarning, match=r"Video: a mp4 file could .*pip install .*It was kept as a GIF"):
        value = video.stored(files.write, "k", 0)
    assert value == Video(GREY, format="gif", fps=10).stored(files.write, "k", 0)
    assert Video(GREY, format="mp4").stored(files.write, "k", 1)["format"] == "gif"
    with pytest.raises(NotSupportedError, match="a mp4 file could not be made"), strictly(True):
        Video(GREY, format="mp4").stored(files.write, "k", 0)


@pytest.mark.usefixtures("without_codecs")
def test_without_pillow_an_array_is_kept_as_an_animated_png(files, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "PIL.Image", None)
        video = Video(GREY, fps=5)
        with pytest.warns(RunlakeWarning, match=r"needs Pillow.*runlake\[media\].*animated PNG"):
            value = video.stored(files.write, "k", 0)
    assert (value["format"], value["path"][-5:]) == ("apng", ".apng")
    again = read_media(value, files.open)
    assert np.array_equal(again.to_numpy(), np.repeat(GREY, 3, axis=1))
    assert '<img src="data:image/apng;base64,' in again._repr_html_()


def test_an_animated_png_keeps_every_colour():
    clip = RNG.integers(0, 256, (4, 3, 20, 20), np.uint8)
    video = Video(clip, format="apng", fps=0.01)
    assert np.array_equal(video.to_numpy(), clip)
    one = Video(clip[:1], format="apng")
    assert np.array_equal(one.to_numpy(), clip[:1])


def test_a_video_is_made_of_the_array_as_it_was():
    clip = GREY.copy()
    video = Video(clip)
    clip[:] = 0
    assert np.array_equal(video.to_numpy()[:, :1], GREY)


SLOPE = np.linspace(0, 200, 5 * 16 * 24).reshape(5, 1, 16, 24).astype(np.uint8)


@pytest.mark.integration
@pytest.mark.parametrize("through", ["imageio_ffmpeg", "av"])
@pytest.mark.parametrize("format", ["mp4", "webm", "mov", "ogg"])
def test_real_codecs_make_videos_that_play(files, monkeypatch, through, format):
    pytest.importorskip(through)
    for other in {"imageio_ffmpeg", "av"} - {through}:
        monkeypatch.setitem(sys.modules, other, None)
    monkeypatch.setenv("PATH", "")
    if (through, format) == ("av", "ogg") and "libtheora" not in pytest.importorskip("av").codecs_available:
        pytest.skip("this PyAV has no encoder for ogg")
    clip = np.concatenate([SLOPE, SLOPE, np.full_like(SLOPE, 20)], axis=1)[:, :, :15, :23]
    value = Video(clip, fps=10, format=format).stored(files.write, "k", 0)
    assert (value["format"], value["width"], value["height"], value["frame_count"]) == (format, 24, 16, 5)
    shown = read_media(value, files.open).to_numpy()
    assert shown.shape == (5, 3, 16, 24)
    assert np.abs(shown[:, :, :15, :23].astype(int) - clip).mean() < 8
    assert "<video controls" in read_media(value, files.open)._repr_html_()


@pytest.mark.integration
@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("fps", [4, 29.97, 0.5, 60])
def test_real_codecs_take_any_channels_and_rates(channels, fps):
    av = pytest.importorskip("av")
    pytest.importorskip("imageio_ffmpeg")
    video = Video(np.repeat(SLOPE, channels, axis=1), fps=fps, format="mp4")
    with av.open(io.BytesIO(video.content)) as file:
        stream = file.streams.video[0]
        assert (stream.codec.name, stream.frames) == ("h264", 5)
        assert float(stream.average_rate) == pytest.approx(fps, rel=1e-3)


@pytest.mark.integration
def test_real_codecs_that_cannot_are_told(files, monkeypatch):
    pytest.importorskip("imageio_ffmpeg")
    monkeypatch.setitem(sys.modules, "av", None)
    monkeypatch.setitem(video_codecs.CODECS, "mp4", ("no_such_codec", {}))
    with pytest.warns(RunlakeWarning, match=r"ffmpeg: .*kept as a GIF"):
        assert Video(GREY, format="mp4").stored(files.write, "k", 0)["format"] == "gif"


def test_the_notebook_shows_the_video():
    assert '<img src="data:image/gif;base64,' in Video(GREY)._repr_html_()
    assert "<video controls" in Video(b"x", format="webm", caption="c")._repr_html_()
    assert repr(Video(GREY)) == "Video(gif, width 8, height 6, frame_count 5, fps 4.0)"
