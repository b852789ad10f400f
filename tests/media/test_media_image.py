import base64
import io
import sys
import zlib

import numpy as np
import PIL.features
import PIL.Image
import pytest

from runlake.errors import BadValueError, CorruptError, NotSupportedError, RunlakeWarning
from runlake.media.image import Image, store_images
from runlake.media.left_out import strictly
from runlake.media.png import encode_png
from runlake.media.read import read_media

GREY = np.array([[0, 100], [200, 255]], np.uint8)
COLOR = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)


class Tensor:
    """What torch tensors offer of what is used of them."""

    def __init__(self, array, dtype="torch.float32"):
        self.array, self.dtype = np.asarray(array), dtype

    def detach(self):
        return self

    def cpu(self):
        return self

    def numpy(self):
        if self.dtype == "torch.bfloat16":
            raise TypeError("unsupported ScalarType BFloat16")
        return self.array

    def float(self):
        return Tensor(self.array)


@pytest.fixture
def without_pillow(monkeypatch):
    """An interpreter in which Pillow cannot be imported."""
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)


def file_of(image, format="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, format=format, **options)
    return buffer.getvalue()


def pixels(image):
    return image.to_numpy().tolist()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (GREY, GREY),
        (GREY[:, :, None], GREY),
        (COLOR, COLOR),
        (np.dstack([COLOR, GREY[:, [0, 1, 1]]]), np.dstack([COLOR, GREY[:, [0, 1, 1]]])),
        (COLOR[:, :, :2], COLOR[:, :, :2]),
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[0.0, 0.5, 1.0]]), [[0, 128, 255]]),
        (np.array([[0.0, 0.5, 1.0]], np.float16), [[0, 128, 255]]),
        (np.array([[0.0, 127.6, 255.0]]), [[0, 128, 255]]),
        (np.array([[-1.0, 0.0, 3.0]]), [[0, 64, 255]]),
        (np.array([[0, 1]]), [[0, 1]]),
        (np.array([[np.nan, 0.5, np.inf, -np.inf, 1.0]]), [[0, 128, 255, 128, 255]]),
        (np.array([[np.nan, np.inf]]), [[0, 255]]),
        (np.array([[-3.0, -3.0]]), [[0, 0]]),
        ([[0, 128], [255, 3]], [[0, 128], [255, 3]]),
        (GREY.T[::-1], GREY.T[::-1]),
    ],
    ids=lambda array: None,
)
def test_arrays_become_pixels(array, expected):
    assert pixels(Image(array)) == np.asarray(expected).tolist()


@pytest.mark.parametrize(
    ("array", "expected"),
    [
        (np.array([[0, 4000, 4095]], np.uint16), [[0, 249, 255]]),
        (np.array([[100, 300]]), [[0, 255]]),
        (np.array([[0.0, 127.5, 510.0]]), [[0, 64, 255]]),
        (np.array([[-2, 0, 2]]), [[0, 128, 255]]),
        (np.array([[0, 2**40]]), [[0, 255]]),
        (np.array([[-1.7e308, 1.7e308]]), [[0, 255]]),
        (np.array([[np.nan, 100.0, 300.0, np.inf]]), [[0, 0, 255, 255]]),
    ],
    ids=lambda array: None,
)
def test_numbers_beyond_bytes_are_stretched_and_that_is_said_once(array, expected):
    with pytest.warns(RunlakeWarning, match="the lowest is black, the highest white"):
        assert pixels(Image(array)) == expected
    assert pixels(Image(array)) == expected
    assert pixels(Image(array, normalize=False)) == np.nan_to_num(array, posinf=255).clip(0, 255).round().tolist()


class Eager:
    """A tensor of another library, which numpy can ask for its array."""

    def __array__(self, dtype=None, copy=None):
        return np.asarray(COLOR, dtype)


def test_tensors_of_other_libraries_and_columns_of_objects_are_arrays():
    assert pixels(Image(Eager())) == COLOR.tolist()
    assert pixels(Image(np.array([[0.0, 1.0]], object))) == [[0, 255]]


def test_numbers_are_taken_as_they_are_when_not_normalized():
    assert pixels(Image(np.array([[-5.0, 0.6, 300.0]]), normalize=False)) == [[0, 1, 255]]


@pytest.mark.parametrize(
    ("tensor", "expected"),
    [
        (Tensor(COLOR.transpose(2, 0, 1)), COLOR),
        (Tensor(GREY[None]), GREY),
        (Tensor(GREY), GREY),
        (Tensor(COLOR), COLOR.transpose(1, 2, 0)),
        (Tensor(np.full((1, 1, 2), 0.5), "torch.bfloat16"), [[128, 128]]),
    ],
    ids=["channels first", "one channel", "flat", "ambiguous is channels first", "bfloat16"],
)
def test_tensors_have_their_channels_first(tensor, expected):
    assert pixels(Image(tensor)) == np.asarray(expected).tolist()


def test_a_batch_of_tensors_becomes_a_grid():
    image = Image(Tensor(np.full((9, 1, 3, 4), 255, np.uint8)))
    assert (image.width, image.height) == (8 * (4 + 2) + 2, 2 * (3 + 2) + 2)
    array = image.to_numpy()
    assert (array[2:5, 2:6] == 255).all()
    assert (array[7:10, 2:6] == 255).all()
    assert (array[7:, 8:] == 0).all()
    assert array.sum() == 9 * 12 * 255


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((3, 8, 8)), r"shape \(3, 8, 8\).*transpose\(1, 2, 0\)"),
        (np.zeros(4), r"shape \(4,\)"),
        (np.zeros((2, 2, 5)), r"shape \(2, 2, 5\)"),
        (np.zeros((0, 4)), "no pixels"),
        (np.zeros((2, 2), complex), "complex128"),
        (np.array([["a"]]), "numbers or booleans"),
        (np.array([[object()]]), "no numbers"),
        (Tensor(np.zeros((0, 3, 2, 2))), "batch of 0 tensors"),
        (b"not an image", "the given bytes .12 bytes. is not an image"),
        (b"\x89PNG\r\n\x1a\n", "is not an image"),
        ("missing.png", "'missing.png': No such file"),
        (object(), "cannot be made of a builtins.object"),
        (io.StringIO("x"), "open it with mode 'rb'"),
    ],
    ids=lambda value: None,
)
def test_what_is_no_image_is_refused(data, message):
    with pytest.raises(BadValueError, match=message):
        Image(data)


def test_the_size_limits_of_shapes_and_types_are_named():
    with pytest.raises(BadValueError, match="'tiff' was asked for; known are png"):
        Image(GREY, file_type="tiff")


def test_a_file_keeps_its_bytes(tmp_path):
    path = tmp_path / "x.jpg"
    path.write_bytes(file_of(PIL.Image.fromarray(COLOR), "JPEG"))
    for image in (Image(path), Image(str(path)), Image(path.read_bytes()), Image(io.BytesIO(path.read_bytes()))):
        assert image.content == path.read_bytes()
        assert (image.format, image.width, image.height) == ("jpg", 3, 2)


@pytest.mark.parametrize(
    ("format", "options", "kind"),
    [
        ("PNG", {}, "png"),
        ("GIF", {}, "gif"),
        ("BMP", {}, "bmp"),
        ("JPEG", {}, "jpg"),
        ("JPEG", {"progressive": True, "comment": b"long " * 100}, "jpg"),
        ("WEBP", {}, "webp"),
        ("WEBP", {"lossless": True}, "webp"),
        ("WEBP", {"exif": b"Exif\0\0"}, "webp"),
    ],
)
def test_the_size_of_a_file_is_known_without_pillow(format, options, kind, monkeypatch):
    if format == "WEBP" and not PIL.features.check("webp"):
        pytest.skip("this Pillow writes no WebP")
    content = file_of(PIL.Image.new("RGB", (300, 17)), format, **options)
    monkeypatch.setitem(sys.modules, "PIL", None)
    image = Image(content)
    assert (image.content, image.format, image.width, image.height) == (content, kind, 300, 17)


def test_other_kinds_of_files_are_read_with_pillow():
    content = file_of(PIL.Image.fromarray(GREY), "TIFF")
    image = Image(content)
    assert (image.content, image.format, image.width, image.height) == (content, "tiff", 2, 2)


def test_a_file_is_written_anew_when_another_type_or_mode_is_asked_for():
    content = file_of(PIL.Image.fromarray(COLOR))
    image = Image(content, file_type="BMP")
    assert (image.format, pixels(image)) == ("bmp", COLOR.tolist())
    grey = Image(content, mode="L")
    assert (grey.format, grey.to_numpy().shape) == ("png", (2, 3))


def test_pil_images_keep_their_mode():
    for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16"):
        assert Image(PIL.Image.new(mode, (2, 2))).to_pil().mode == mode
    with pytest.raises(BadValueError, match="mode='RGB'"):
        Image(PIL.Image.new("CMYK", (2, 2)))
    assert Image(PIL.Image.new("CMYK", (2, 2)), mode="RGB").to_pil().mode == "RGB"


def test_arrays_of_any_pil_mode_can_be_read():
    assert pixels(Image(PIL.Image.new("1", (2, 1), 1))) == [[255, 255]]
    assert pixels(Image(PIL.Image.new("P", (1, 1)))) == [[[0, 0, 0]]]


def test_transparency_is_dropped_where_the_file_type_has_none():
    image = Image(np.full((4, 4, 4), 200, np.uint8), file_type="jpeg")
    assert (image.format, image.to_pil().mode) == ("jpg", "RGB")


def test_an_image_of_an_image_is_the_same_picture():
    first = Image(COLOR, caption="one")
    second = Image(first, caption="two")
    assert (second.content, second.caption) == (first.content, "two")


def test_an_image_is_as_the_array_was_when_it_was_made():
    array = GREY.copy()
    image = Image(array)
    array[:] = 0
    assert pixels(image) == GREY.tolist()


def test_figures_are_drawn():
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2, 1), dpi=50)
    left, right = figure.subfigures(1, 2)
    axes = right.subplots()
    axes.plot([1, 2])
    for source in (figure, left, axes):
        image = Image(source, caption="curve")
        assert (image.format, image.width, image.height) == ("png", 100, 50)


def test_pyplot_stands_for_its_current_figure():
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot

    pyplot.figure(figsize=(1, 1), dpi=30)
    try:
        assert Image(pyplot).width == 30
    finally:
        pyplot.close("all")


@pytest.mark.usefixtures("without_pillow")
def test_arrays_are_logged_without_pillow(files):
    for channel_count in (1, 2, 3, 4):
        array = np.random.default_rng(channel_count).integers(0, 256, (5, 7, channel_count), np.uint8)
        image = Image(array)
        assert (image.format, image.width, image.height) == ("png", 7, 5)
        assert image.content == encode_png(array.tobytes(), 7, 5, channel_count)
    asked = Image(COLOR, file_type="jpg")
    with pytest.warns(
        RunlakeWarning, match=r"as jpg in mode RGB needs Pillow.*pip install 'runlake\[media\]'.* as png"
    ):
        assert asked.stored(files.write, "k", 0) == Image(COLOR).stored(files.write, "k", 0)
    with pytest.raises(NotSupportedError, match="needs Pillow"), strictly(True):
        asked.stored(files.write, "k", 0)
    with pytest.raises(NotSupportedError, match="needs Pillow"):
        Image(COLOR).to_pil()


@pytest.mark.parametrize("channel_count", [1, 2, 3, 4])
def test_our_own_png_says_the_same_as_the_pixels(channel_count):
    array = np.random.default_rng(0).integers(0, 256, (5, 7, channel_count), np.uint8)
    content = encode_png(array.tobytes(), 7, 5, channel_count)
    assert np.array(PIL.Image.open(io.BytesIO(content))).tolist() == array.squeeze().tolist()


def test_the_stored_form_of_an_image(files):
    stored = Image(GREY, caption="a", grouping=3).stored(files.write, "val/pred", 7)
    ((path, content),) = files.items()
    assert path.startswith("media/images/val/pred_7_")
    assert path.endswith(".png")
    assert stored == {
        "_type": "image-file",
        "path": path,
        "sha256": stored["sha256"],
        "size": len(content),
        "width": 2,
        "height": 2,
        "format": "png",
        "caption": "a",
        "grouping": 3,
    }
    assert stored["sha256"].startswith(path[-24:-4])


def test_an_image_comes_back_as_it_went_in(files):
    value = Image(COLOR, caption=5).stored(files.write, "k", 0)
    image = read_media(value, files.open)
    assert (pixels(image), image.caption, image.grouping) == (COLOR.tolist(), "5", None)
    assert image.stored(files.write, "k", 0) == value
    assert image.image.size == (3, 2)


def test_a_stored_image_opens_its_file_only_when_it_is_asked_for(files):
    value = Image(COLOR).stored(files.write, "k", 0)
    image = read_media(value, files.open)
    files[value["path"]] = b"damaged"
    assert (image.width, image.height, image.format) == (3, 2, "png")
    with pytest.raises(CorruptError):
        image.to_numpy()


def test_several_images_are_stored_as_one_value(files):
    images = [Image(GREY, caption="one"), Image(COLOR, file_type="bmp")]
    value = store_images(images, files.write, "k", 2)
    assert value == {
        "_type": "images/separated",
        "width": 2,
        "height": 2,
        "format": "png",
        "count": 2,
        "filenames": list(files),
        "sha256": value["sha256"],
        "sizes": [len(content) for content in files.values()],
        "captions": ["one", None],
    }
    first, second = read_media(value, files.open)
    assert (pixels(first), first.caption, pixels(second), second.caption) == (
        GREY.tolist(),
        "one",
        COLOR.tolist(),
        None,
    )
    assert (second.width, second.height, second.format) == (3, 2, "bmp")


def test_the_notebook_shows_the_picture_and_its_caption():
    image = Image(GREY, caption="<b>")
    assert image._repr_png_() == image.content
    assert Image(GREY, file_type="jpg")._repr_png_() is None
    html = image._repr_html_()
    assert base64.b64encode(image.content).decode() in html
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "image/jpeg" in Image(GREY, file_type="jpg")._repr_html_()
    assert repr(image) == "Image(2×2 png, '<b>')"


def test_a_png_is_checked_by_its_own_checksums():
    content = encode_png(b"\0" * 4, 2, 2, 1)
    body = content[content.index(b"IHDR") :][:17]
    assert zlib.crc32(body).to_bytes(4, "big") == content[content.index(b"IHDR") + 17 :][:4]
