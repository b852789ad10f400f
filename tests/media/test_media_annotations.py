import io
import json

import numpy as np
import PIL.Image
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from runlake.errors import BadValueError, CorruptError, NotSupportedError, RunlakeWarning
from runlake.media.annotations import BoundingBoxes2D, ImageMask
from runlake.media.classes import Classes
from runlake.media.convert import convert_value
from runlake.media.image import Image
from runlake.media.left_out import strictly
from runlake.media.read import read_media

PICTURE = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
MASK = np.array([[0, 0, 1, 1, 2, 2]] * 4)
LABELS = {0: "background", 1: "cat", 2: "Füchsin"}
BOXES = [
    {
        "position": {"minX": 0.1, "maxX": 0.5, "minY": 0.25, "maxY": 0.75},
        "class_id": 1,
        "box_caption": "a <cat>",
        "scores": {"sure": 0.5},
    },
    {"position": {"middle": [3, 2], "width": 2, "height": 2}, "domain": "pixel", "class_id": 2},
]


def annotated():
    return Image(
        PICTURE,
        caption="c",
        masks={"pred": {"mask_data": MASK, "class_labels": LABELS}, "truth": {"mask_data": MASK}},
        boxes={"pred": {"box_data": BOXES, "class_labels": LABELS}},
        classes=Classes([{"id": 0, "name": "nothing"}, {"id": 7, "name": "all"}]),
    )


def told(image):
    """All that an image says of its places."""
    return (
        {name: (mask.mask_data.tolist(), mask.class_labels) for name, mask in image.masks.items()},
        {name: (boxes.box_data, boxes.class_labels) for name, boxes in image.boxes.items()},
        None if image.classes is None else image.classes.class_set,
    )


EXPECTED = (
    {"pred": (MASK.tolist(), LABELS), "truth": (MASK.tolist(), {0: "nothing", 7: "all"})},
    {"pred": (BOXES, LABELS)},
    [{"id": 0, "name": "nothing"}, {"id": 7, "name": "all"}],
)


def test_the_stored_form_of_masks_boxes_and_classes(files):
    value = annotated().stored(files.write, "val/x", 3)
    masks, boxes, classes = value["masks"], value["boxes"], value["classes"]
    assert {name: one["_type"] for name, one in [*masks.items(), *boxes.items()]} == {
        "pred": "boxes2D",
        "truth": "mask",
    }
    assert masks["pred"]["path"] == f"media/images/mask/val/x_3_{masks['pred']['sha256'][:20]}.mask.png"
    assert boxes["pred"]["path"] == f"media/metadata/boxes2D/val/x_3_{boxes['pred']['sha256'][:20]}.boxes2D.json"
    assert classes["path"] == f"media/metadata/classes/val/x_3_{classes['sha256'][:20]}.classes.json"
    assert json.loads(files[boxes["pred"]["path"]]) == {
        "box_data": BOXES,
        "class_labels": {str(number): name for number, name in LABELS.items()},
    }
    assert len(files) == 5


def test_masks_boxes_and_classes_come_back(files):
    image = annotated()
    value = image.stored(files.write, "x", 0)
    again = read_media(value, files.open)
    assert (told(image), told(again)) == (EXPECTED, EXPECTED)
    assert again.stored(files.write, "x", 0) == value
    assert told(Image(again)) == EXPECTED
    assert told(Image(again, masks={"new": {"mask_data": MASK}}))[0] == {"new": EXPECTED[0]["truth"]}


def test_each_of_several_pictures_has_its_own(files):
    value = convert_value([Image(PICTURE), annotated(), Image(PICTURE, masks={})], files.write, "x", 0)
    assert [one is None for one in value["all_masks"]] == [True, False, True]
    assert [told(image) for image in read_media(value, files.open)] == [({}, {}, None), EXPECTED, ({}, {}, None)]
    plain = convert_value([Image(PICTURE), Image(PICTURE, boxes=None, classes=[])], files.write, "x", 0)
    assert not {"all_masks", "all_boxes", "all_classes"} & set(plain)


def test_a_mask_is_a_picture_that_tells_its_classes_to_any_reader(files):
    value = annotated().stored(files.write, "x", 0)
    with PIL.Image.open(io.BytesIO(files[value["masks"]["pred"]["path"]])) as mask:
        assert (mask.mode, np.array(mask).tolist()) == ("L", MASK.tolist())
        assert json.loads(mask.info["class_labels"]) == {str(number): name for number, name in LABELS.items()}


@given(
    arrays.arrays(
        st.sampled_from([np.uint8, np.uint16, np.int64, np.float32, np.bool_]),
        st.tuples(st.integers(2, 5), st.integers(2, 5)),
        elements={"min_value": 0, "max_value": 1},
    )
    | arrays.arrays(np.int32, (3, 4), elements=st.integers(0, 65535)),
    st.sampled_from([lambda mask: mask, lambda mask: mask[None], lambda mask: mask[:, :, None], np.ndarray.tolist]),
)
def test_classes_come_back_as_they_went_in(new_files, mask, hold):
    whole = np.floor(mask) if mask.dtype.kind == "f" else mask
    files = new_files()
    image = Image(PICTURE, masks={"m": {"mask_data": hold(whole)}})
    again = read_media(image.stored(files.write, "x", 0), files.open)
    assert again.masks["m"].mask_data.tolist() == whole.astype(int).tolist()


def test_a_mask_may_be_a_file(tmp_path, files):
    grey = PIL.Image.fromarray(MASK.astype(np.uint8))
    palette = grey.copy()
    palette.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0])
    for name, picture in (("grey.png", grey), ("palette.png", palette), ("grey.bmp", grey)):
        picture.save(tmp_path / name)
        image = Image(PICTURE, masks={"m": {"path": tmp_path / name, "class_labels": LABELS}})
        mask = read_media(image.stored(files.write, name, 0), files.open).masks["m"]
        assert (mask.mask_data.tolist(), mask.class_labels) == (MASK.tolist(), LABELS)


def test_objects_of_masks_and_boxes_are_taken_too():
    image = Image(
        PICTURE,
        masks={"pred": ImageMask({"mask_data": MASK, "class_labels": LABELS}, "pred")},
        boxes={"pred": BoundingBoxes2D({"box_data": BOXES, "class_labels": LABELS}, "pred")},
    )
    assert told(image) == ({"pred": EXPECTED[0]["pred"]}, EXPECTED[1], None)


def test_boxes_may_hold_arrays_and_numbers_of_numpy():
    box = {
        "position": {"minX": np.float32(0.5), "maxX": np.array(1), "minY": 0, "maxY": 1},
        "class_id": np.int64(2),
        "scores": {"sure": np.float64(0.25)},
        "track": 5,
    }
    assert BoundingBoxes2D({"box_data": (box,)}).box_data == [
        {
            "position": {"minX": 0.5, "maxX": 1, "minY": 0, "maxY": 1},
            "class_id": 2,
            "scores": {"sure": 0.25},
            "track": 5,
        }
    ]


@pytest.mark.parametrize("given", [{0: "a", 1: "b"}, {"0": "a", "1": "b"}, {np.int64(0): "a", 1.0: "b"}, ["a", "b"]])
def test_class_labels_may_be_given_as(files, given):
    assert ImageMask({"mask_data": MASK, "class_labels": given}).class_labels == {0: "a", 1: "b"}
    classes = Classes(given)
    value = classes.stored(files.write, "k", 0)
    again = read_media(value, files.open)
    assert (classes.class_set, again, again.labels) == (
        [{"id": 0, "name": "a"}, {"id": 1, "name": "b"}],
        classes,
        {0: "a", 1: "b"},
    )


@pytest.mark.parametrize(
    ("data", "kept", "message"),
    [
        (MASK - 1, (MASK - 1) % 256, "classes below 0; -1 was kept as 255"),
        (MASK + 0.5, MASK, "not whole; they were rounded down"),
    ],
)
def test_numbers_that_are_no_classes_are_kept_as_wandb_keeps_them_and_said_once(files, data, kept, message):
    image = Image(PICTURE, masks={"m": {"mask_data": data}})
    with pytest.raises(NotSupportedError, match=message), strictly(True):
        image.stored(files.write, "x", 0)
    with pytest.warns(RunlakeWarning, match=message):
        value = image.stored(files.write, "x", 0)
    assert read_media(value, files.open).masks["m"].mask_data.tolist() == kept.tolist()
    image.stored(files.write, "x", 1)


def test_what_the_official_client_stores_is_read(files):
    files["media/images/x.png"] = Image(PICTURE).content
    files["media/images/mask/x.mask.png"] = ImageMask({"mask_data": MASK}).content
    files["media/metadata/boxes2D/x.boxes2D.json"] = json.dumps(
        {"box_data": BOXES, "class_labels": {"0": "a"}}
    ).encode()
    value = {
        "_type": "image-file",
        "path": "media/images/x.png",
        "masks": {"m": {"_type": "mask", "path": "media/images/mask/x.mask.png"}},
        "boxes": {"b": {"_type": "boxes2D", "path": "media/metadata/boxes2D/x.boxes2D.json"}},
        "classes": {"type": "classes-file", "path": "media/cls.classes.json", "digest": "x"},
    }
    assert told(read_media(value, files.open)) == ({"m": (MASK.tolist(), {})}, {"b": (BOXES, {0: "a"})}, None)


def test_a_mask_that_was_changed_is_named(files):
    value = annotated().stored(files.write, "x", 0)
    files[value["masks"]["pred"]["path"]] = b"other"
    image = read_media(value, files.open)
    assert image.to_numpy().shape == (4, 6, 3)
    with pytest.raises(CorruptError, match=r"mask\.png"):
        _ = image.masks


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"masks": {"m": MASK}}, "the mask 'm' was given as"),
        ({"masks": [MASK]}, "give them by name"),
        ({"masks": {"m": {"mask_data": PICTURE}}}, r"array of shape \(4, 6, 3\)"),
        ({"masks": {"m": {"mask_data": MASK + 65536}}}, "numbered from 0 to 65535"),
        ({"masks": {"m": {"mask_data": MASK * np.nan}}}, "numbered from 0 to 65535"),
        ({"masks": {"m": {"mask_data": MASK, "class_labels": {"a": "b"}}}}, "class labels were given as {'a': 'b'}"),
        ({"masks": {"m": {"path": "missing.png"}}}, "No such file"),
        ({"boxes": {"b": {"boxes": []}}}, "'box_data'"),
        ({"boxes": {"b": {"box_data": [{"class_id": 1}]}}}, "box 0 of 'b' is {'class_id': 1}"),
        ({"boxes": {"b": {"box_data": [{"position": {"minX": 0}}]}}}, "give minX, maxX, minY, maxY or middle"),
        ({"classes": [{"name": "a"}]}, r"class labels were given as \[{'name': 'a'}\]"),
    ],
)
def test_what_is_no_annotation_is_refused(arguments, message):
    with pytest.raises(BadValueError, match=message):
        Image(PICTURE, **arguments)


def test_the_notebook_draws_them_over_the_picture():
    html = annotated()._repr_html_()
    assert html.count("<image ") == 2
    assert html.count("<rect ") == 2
    assert "a &lt;cat&gt;</text>" in html
    assert "Füchsin</text>" in html
    assert 'x="0.6" y="1" width="2.4" height="2"' in html
    assert 'x="2" y="1" width="2" height="2"' in html
    assert "position:relative" not in Image(PICTURE)._repr_html_()
