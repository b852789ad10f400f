"""Event files as TensorBoard reads them."""

import json
import struct

import pytest
from full_run import PATH, ROW_COUNT, full_store
from peer_seats import run_script

from runlake.exporters.trackers import export_runs


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    return full_store(tmp_path_factory.mktemp("full"))


def short(number):
    """As 32 bits hold it."""
    return str(struct.unpack("<f", struct.pack("<f", number))[0])


@pytest.fixture(scope="module")
def found(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("events")
    list(export_runs(service, [service.read_run(PATH)], folder, "tensorboard"))
    document = json.loads(run_script("tensorboard", "read_event_files.py", folder, home=folder))
    assert list(document) == ["Run1"]
    return document["Run1"]


def test_scalars_have_their_steps_times_and_values(found):
    rows = range(ROW_COUNT)
    assert found["scalars"]["loss"] == [[1000.5 + n, 10 * n, short(1 / (n + 1))] for n in rows]
    assert found["scalars"]["n"] == [[1000.5 + n, 10 * n, str(float(n))] for n in rows]
    assert found["scalars"]["deep.half"] == [[1000.5 + n, 10 * n, str(n / 2)] for n in rows]
    assert found["scalars"]["nan"] == [[1100.0, 1000, "nan"]]
    assert found["scalars"]["inf"] == [[1100.0, 1000, "inf"]]
    assert found["scalars"]["system.cpu"] == [[1000.5 + n, n, str(float(n))] for n in range(0, ROW_COUNT, 8)]
    assert found["scalars"].keys() == {
        "loss", "n", "deep.half", "val/acc.top1", "ok", "nan", "inf", "system.cpu",
    }  # fmt: skip


def test_texts_histograms_and_images_are_what_they_are(found):
    assert found["texts"]["text"] == [[1000, "hé"]]
    assert '"lr":0.1' in found["texts"]["config/text_summary"][0][1]
    assert set(found["text_plugins"].values()) == {"text"}
    assert sum(found["histograms"]["hist"]) == 3
    ((width, height, size_bytes),) = found["images"]["picture"]
    assert (width, height, size_bytes > 50) == (4, 3, True)


def test_the_config_is_the_hyperparameters(found):
    assert found["hyperparameters"] == {
        "lr": 0.1, "model.layers": "[1,2]", "model.name": "é", "deep": True, "none": "null",
    }  # fmt: skip
    assert found["status"] == 1
