import io
import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import BadValueError, NotSupportedError
from runlake.media.convert import convert_value
from runlake.media.object3d import Object3D
from runlake.media.read import read_media
from runlake.media.scene import box3d

CUBE = [[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)]
SCENE = {
    "type": "lidar/beta",
    "points": [[0.0, 1.0, 2.0]],
    "boxes": [{"corners": CUBE, "label": "car", "color": [255, 0, 0]}],
    "vectors": [{"start": [0, 0, 0], "end": [1, 1, 1]}],
}


def test_the_stored_form_of_points(files):
    value = Object3D(np.array([[0.5, 1, 2]]), caption="one point").stored(files.write, "val/scan", 3)
    assert value == {
        "_type": "object3D-file",
        "path": f"media/object3D/val/scan_3_{value['sha256'][:20]}.pts.json",
        "sha256": value["sha256"],
        "size": 15,
        "format": "pts.json",
        "point_count": 1,
        "caption": "one point",
    }
    assert files == {value["path"]: b"[[0.5,1.0,2.0]]"}


@pytest.mark.parametrize("width", [3, 4, 6])
def test_points_come_back_as_they_went_in(files, width):
    points = np.random.default_rng(0).normal(size=(50, width))
    value = Object3D.from_numpy(points).stored(files.write, "k", 0)
    found = read_media(value, files.open)
    assert np.array_equal(found.to_numpy(), points)
    assert found.stored(files.write, "k", 0) == value


def test_points_that_are_nan_are_kept(files):
    value = Object3D([[math.nan, math.inf, 0.0]]).stored(files.write, "k", 0)
    json.loads(files[value["path"]], parse_constant=pytest.fail)
    assert np.array_equal(read_media(value, files.open).to_numpy(), [[math.nan, math.inf, 0.0]], equal_nan=True)


def test_a_scene_comes_back_as_it_went_in(files):
    for made in (Object3D(SCENE), Object3D.from_point_cloud(SCENE["points"], SCENE["boxes"], SCENE["vectors"])):
        value = made.stored(files.write, "k", 0)
        found = read_media(value, files.open)
        assert (found.data, found.to_numpy().tolist(), value["point_count"]) == (SCENE, SCENE["points"], 1)
    assert Object3D({"type": "lidar/beta"}).data == {"type": "lidar/beta", "points": [], "boxes": [], "vectors": []}


HOLDERS = st.sampled_from([list, tuple, np.array, lambda items: np.array(items, object) if len(items) else []])


@given(st.data(), st.lists(st.sampled_from([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]), max_size=3))
def test_a_scene_may_hold_arrays_tuples_and_nothing(data, points):
    boxes = [{"corners": CUBE, "label": "car", "color": [255, 0, 0], "score": 0.5}] * data.draw(st.integers(0, 2))
    vectors = [{"start": [0, 0, 0], "end": [1, 1, 1]}] * data.draw(st.integers(0, 2))
    held = {
        "type": "lidar/beta",
        "points": data.draw(HOLDERS)(points),
        "boxes": data.draw(HOLDERS)([box | {"corners": data.draw(HOLDERS)(CUBE)} for box in boxes]),
        "vectors": data.draw(HOLDERS)([{"start": (0, 0, 0), "end": np.array([1, 1, 1])} for _ in vectors]),
    }
    assert Object3D(held).data == {"type": "lidar/beta", "points": points, "boxes": boxes, "vectors": vectors}
    none = {name: part if len(part) else data.draw(st.sampled_from([None, part])) for name, part in held.items()}
    assert Object3D(none).data == Object3D(held).data


def test_boxes_and_vectors_may_be_bare_corners_and_ends():
    scene = {"type": "lidar/beta", "boxes": np.array([CUBE]), "vectors": np.array([[[0, 0, 0], [1, 1, 1]]])}
    assert Object3D(scene).data == {
        "type": "lidar/beta",
        "points": [],
        "boxes": [{"corners": CUBE}],
        "vectors": [{"start": [0, 0, 0], "end": [1, 1, 1]}],
    }


def test_what_else_a_scene_says_is_kept():
    assert Object3D({"type": "lidar/beta", "frame": np.int64(3)}).data["frame"] == 3


def test_a_box_is_made_of_its_middle_its_size_and_how_it_is_turned():
    box = box3d(center=(1, 0, 0), size=(2, 4, 6), orientation=(1, 0, 0, 0), color=(1, 2, 3), label="car", score=0.5)
    corners = [(x, y, z) for x in (0, 2) for y in (-2, 2) for z in (-3, 3)]
    assert box == {"corners": corners, "color": (1, 2, 3), "label": "car", "score": 0.5}
    half = math.sqrt(0.5)
    turned = box3d(center=(0, 0, 0), size=(2, 4, 6), orientation=np.array([half, 0, 0, half]), color=[0, 0, 0])
    # A quarter turn about z: x becomes y, y becomes -x.
    expected = [(-y, x, z) for x in (-1, 1) for y in (-2, 2) for z in (-3, 3)]
    assert np.allclose(turned["corners"], expected)
    assert Object3D.from_point_cloud([], [box, turned]).data["boxes"][0]["corners"] == [list(c) for c in corners]
    with pytest.raises(BadValueError, match="a quaternion of four"):
        box3d(center=(0, 0), size=(2, 4, 6), orientation=(1, 0, 0, 0), color=(0, 0, 0))


def test_an_open_file_tells_its_kind_by_its_name(tmp_path):
    path = tmp_path / "a.obj"
    path.write_text("v 0 0 0")
    with path.open() as file:
        made = Object3D(file)
    assert (made.format, made.content) == ("obj", b"v 0 0 0")


@pytest.mark.parametrize("name", ["a.obj", "a.gltf", "a.GLB", "a.stl", "a.babylon", "a.pts.json"])
def test_a_file_keeps_its_bytes(tmp_path, files, name):
    path = tmp_path / name
    path.write_bytes(b"[[1,2,3]]")
    ending = name.partition(".")[2].lower()
    for made in (Object3D(path), Object3D(str(path)), Object3D.from_file(io.BytesIO(path.read_bytes()), ending)):
        value = made.stored(files.write, "k", 0)
        assert (value["format"], files[value["path"]]) == (ending, b"[[1,2,3]]")
    assert read_media(value, files.open).format == ending
    if ending == "pts.json":
        assert made.to_numpy().tolist() == [[1, 2, 3]]
    else:
        with pytest.raises(NotSupportedError, match=ending):
            made.to_numpy()


def test_several_objects_are_stored_as_one_value(files):
    value = convert_value([Object3D([[1, 2, 3]]), Object3D([[4, 5, 6]])], files.write, "k", 0)
    assert (value["_type"], value["count"], "captions" in value) == ("object3D", 2, False)
    assert [found.data for found in read_media(value, files.open)] == [[[1, 2, 3]], [[4, 5, 6]]]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (np.zeros((5, 2)), r"shape \(5, 2\)"),
        (np.zeros(3), "n × 3"),
        ([["a", "b", "c"]], "give numbers"),
        ([[1], [1, 2]], "made of a list"),
        ({"points": []}, 'write {"type": "lidar/beta"'),
        ({"type": "lidar/beta", "boxes": [{"label": "car"}]}, "box 0 of a scene has 0 corners"),
        ({"type": "lidar/beta", "boxes": [{"corners": CUBE[:7]}]}, "box 0 of a scene has 7 corners"),
        ("solid.step", "ends in none of obj"),
        ("missing.obj", "No such file"),
        (b"", "without saying its kind"),
    ],
)
def test_what_is_no_object_is_refused(data, message):
    with pytest.raises(BadValueError, match=message):
        Object3D(data)


def test_a_cloud_file_that_is_no_json_is_named():
    with pytest.raises(BadValueError, match="is not JSON"):
        _ = Object3D(b"x y z", file_type="pts.json").data


def test_the_notebook_says_what_it_is():
    assert "pts.json, 1 points" in Object3D([[1, 2, 3]])._repr_html_()
    assert "stl, 4 bytes" in Object3D(b"x" * 4, file_type="stl")._repr_html_()
