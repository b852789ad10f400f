"""Objects of data types in artifacts come back as they were added, and in W&B's form."""

import json

import numpy as np
import pytest

from runlake import Image, JoinedTable, Table
from runlake.artifacts.artifact import Artifact
from runlake.errors import BadValueError, LogTypeError, NotFoundError
from runlake.media.classes import Classes
from runlake.media.tables import PartitionedTable


def table_of(*rows):
    return Table(columns=["x", "y"], data=[list(row) for row in rows])


@pytest.fixture
def data():
    return Artifact("data", "dataset")


def test_a_table_comes_back(service, keep, data):
    entry = data.add(table_of((1, "a"), (2, None)), "points")
    assert (entry.path, [one.path for one in data.files()]) == ("points.table.json", ["points.table.json"])
    found = keep(service, data).get("points")
    assert (found.columns, found.data) == (["x", "y"], [[1, "a"], [2, None]])
    assert data.get("points.table.json").data == found.data
    assert data.get("point") is None
    assert json.loads(data.get_entry("points.table.json").read()) == {
        "_type": "table", "ncols": 2, "nrows": 2, "columns": ["x", "y"], "data": [[1, "a"], [2, None]],
    }  # fmt: skip


def test_pictures_in_a_table_lie_beside_it(service, keep, data):
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    data.add(table_of((1, Image(pixels, caption="one"))), "shown/pictures")
    picture = keep(service, data).get("shown/pictures").data[0][1]
    assert (picture.caption, np.asarray(picture.to_pil()).tolist()) == ("one", pixels.tolist())
    assert [path.rpartition("_")[0] for path in data.manifest.entries if path.startswith("media/")] == [
        "media/images/shown/pictures_0"
    ]


def test_a_picture_by_itself_comes_back(service, keep, data):
    pixels = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    assert data.add(Image(pixels), "one").path == "one.image-file.json"
    assert np.asarray(keep(service, data).get("one").to_pil()).tolist() == pixels.tolist()


def test_a_joined_table_comes_back(service, keep, data):
    data.add(JoinedTable(table_of((1, "a")), table_of((1, "b")), "x"), "both")
    found = keep(service, data).get("both")
    assert (found.table1.data, found.table2.data, found.join_key) == ([[1, "a"]], [[1, "b"]], "x")
    assert sorted(data.manifest.entries) == [
        "both.joined-table.json",
        "both.table1.table.json",
        "both.table2.table.json",
    ]


def test_a_table_that_was_added_is_not_kept_twice_for_a_joined_one(service, keep, data):
    left = table_of((1, Image(np.zeros((2, 2), dtype=np.uint8))))
    data.add(left, "left")
    data.add(JoinedTable(left, table_of((1, "b")), "x"), "both")
    assert [path for path in data.manifest.entries if not path.startswith("media/")] == [
        "left.table.json",
        "both.table2.table.json",
        "both.joined-table.json",
    ]
    assert keep(service, data).get("both").table1.data[0][1].width == 2


def test_boxes_masks_and_classes_are_where_wandbs_client_looks_for_them(service, keep, data):
    box = {"position": {"minX": 0.0, "maxX": 0.5, "minY": 0.0, "maxY": 0.5}, "class_id": 1}
    picture = Image(
        np.zeros((2, 2), dtype=np.uint8),
        masks={"truth": {"mask_data": np.eye(2, dtype=np.uint8), "class_labels": {0: "off"}}},
        boxes={"found": {"box_data": [box], "class_labels": {1: "on"}}},
    )
    data.add(picture, "shown")
    kept = keep(service, data)
    stored = json.loads(kept.get_entry("shown.image-file.json").read())
    classes = kept.get_entry(stored["classes"].pop("path"))
    assert (stored["boxes"], stored["classes"]) == ({"found": [box]}, {"type": "classes-file"})
    assert classes.path.endswith(".classes.json")
    named = [{"id": 1, "name": "on"}, {"id": 0, "name": "off"}]
    assert json.loads(classes.read()) == {"_type": "classes", "class_set": named}
    found = kept.get("shown")
    assert (found.boxes["found"].box_data, found.boxes["found"].class_labels) == ([box], {1: "on", 0: "off"})
    assert (found.masks["truth"].mask_data.tolist(), found.masks["truth"].class_labels) == (
        [[1, 0], [0, 1]],
        {0: "off"},
    )
    assert found.classes.class_set == named


def test_classes_come_back(service, keep, data):
    data.add(Classes({1: "on"}), "names")
    found = keep(service, data).get("names")
    assert (list(data.manifest.entries), found.labels) == (["names.classes.json"], {1: "on"})


def test_a_table_in_parts_comes_back(service, keep, data):
    for number in range(3):
        data.add(table_of((number, "part")), f"parts/{number}")
    data.add(PartitionedTable(parts_path="parts"), "all")
    found = keep(service, data).get("all")
    assert list(found.iterrows()) == [(number, [number, "part"]) for number in range(3)]
    assert found.get_dataframe()["x"].tolist() == [0, 1, 2]
    assert (found.parts_path, found.columns) == ("parts", ["x", "y"])
    with pytest.raises(LogTypeError, match="added to an artifact"):
        found.stored(None, "key", 0)


def test_arrays_that_wandbs_client_keeps_apart_are_read(service, keep, data):
    with data.new_file("media/serialized_data/a.npz", "xb") as file:
        np.savez_compressed(file, vectors=np.arange(6.0).reshape(2, 3))
    apart = {
        "wb_type": "ndarray",
        "params": {"serialization_path": {"path": "media/serialized_data/a.npz", "key": "vectors"}},
    }
    types = {"vectors": {"wb_type": "union", "params": {"allowed_types": [{"wb_type": "none"}, apart]}}}
    body = {"_type": "table", "columns": ["vectors"], "data": [[None], [None]], "ncols": 1, "nrows": 2}
    body["column_types"] = {"wb_type": "typedDict", "params": {"type_map": types}}
    with data.new_file("embedded.table.json") as file:
        json.dump(body, file)
    found = keep(service, data).get("embedded")
    assert [row[0].tolist() for row in found.data] == [[0, 1, 2], [3, 4, 5]]


def test_what_is_no_object_is_refused_and_what_is_missing_named(service, keep, data):
    with pytest.raises(BadValueError, match="no Table, Image"):
        data.add(3, "three")
    with data.new_file("broken.joined-table.json") as file:
        json.dump({"_type": "joined-table", "table1": "a.table.json", "table2": "b.table.json", "join_key": "x"}, file)
    with pytest.raises(NotFoundError, match=r"no table 'a\.table\.json'"):
        keep(service, data).get("broken")
    assert data.get("nothing") is None


def test_a_frame_is_a_table_and_another_of_the_same_name_needs_to_say_so(data):
    import pandas as pd

    data.add(pd.DataFrame({"x": [1, 2]}), "frame")
    with pytest.raises(BadValueError, match="overwrite=True"):
        data.add(table_of((1, 2)), "frame")
    data.add(table_of((1, 2)), "frame", overwrite=True)
    assert data.get("frame").data == [[1, 2]]
