import io
import sys

import numpy as np
import pytest

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.convert import convert_value
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
    with pytest.raises(NotSupportedError, match="mp4"):
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


def test_an_array_is_not_made_an_mp4():
    with pytest.raises(NotSupportedError, match="pass its path"):
        Video(GREY, format="mp4")


def test_without_pillow_it_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(NotSupportedError, match=r"a video from an array needs Pillow.*runlake\[media\]"):
        Video(GREY)


def test_the_notebook_shows_the_video():
    assert '<img src="data:image/gif;base64,' in Video(GREY)._repr_html_()
    assert "<video controls" in Video(b"x", format="webm", caption="c")._repr_html_()
    assert repr(Video(GREY)) == "Video(gif, width 8, height 6, frame_count 5, fps 4.0)"
