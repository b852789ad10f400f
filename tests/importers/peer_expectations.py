"""What must have come of what the scripts in ``golden/`` track, whichever version of the peer made it."""

import json

from runlake.model import METADATA_FILE

MLFLOW_T0 = 1_700_000_000.0
INF = float("inf")


def check_mlflow(imports):
    """All that `make_mlflow.py` tracks in its first experiment."""
    assert sorted(imports.paths()) == ["child", "failed", "open", "parent"]
    assert {one.path.project for one in imports.done} == {"mnist-é"}
    parent, child = imports.info("parent"), imports.info("child")
    assert (parent.state, parent.notes, parent.tags, parent.user, parent.program, parent.group, parent.created_at) == (
        "finished", "about it", ("team=vision",), "ann", "train.py", parent.run_id, MLFLOW_T0,
    )  # fmt: skip
    assert (child.state, child.group) == ("killed", parent.run_id)
    assert [imports.info(name).state for name in ("failed", "open")] == ["failed", "running"]
    assert parent.config == {
        "lr": 0.1, "layers": 3, "opt.name": "adam", "flag": True, "odd": "007", "LR": 1e-05,
    }  # fmt: skip
    assert imports.rows("parent") == [
        *[(step, {"loss": 1 / (step + 1), "val/acc": step / 10}) for step in range(4)],
        (4, {"loss": "nan", "Loss": 3.0, "up": INF, "down": -INF}),
        (4, {"loss": 0.5}),
    ]
    assert imports.times("parent") == [MLFLOW_T0 + second for second in (0, 1, 2, 3, 4, 9)]
    assert imports.rows("parent", "events") == [(0, {r"system\.cpu_utilization_percentage": 12.5})]
    assert imports.rows("child") == [(0, {"loss": 2.0})]
    files = imports.files("parent")
    assert sorted(files) == ["texts/note.txt", METADATA_FILE]
    assert files["texts/note.txt"] == b"hello"
    document = json.loads(files[METADATA_FILE])
    assert (document["username"], document["program"]) == ("ann", "train.py")
    assert document["mlflow"]["experiment"] == "mnist/é"
    assert document["mlflow"]["tags"]["long"] == "x" * 200
    assert [(left.what, left.why.rpartition(": ")[2], left.is_damage) for left in imports.left_out] == [
        ("run", "deleted in MLflow", False)
    ]
    assert imports.lost() == ({}, [])


def check_mlflow_model(imports, *, is_logged):
    """The model that `make_mlflow.py` logs and registers: an artifact, and one more where a model stands by itself."""
    ((kind, aliases, metadata, contents),) = imports.versions("models", "echo")
    assert (kind, aliases, metadata["version"]) == ("model", ["champion"], 1)
    assert {"MLmodel", "python_model.pkl"} <= set(contents)
    if is_logged:
        ((kind, _, metadata, others),) = imports.versions("models", "net")
        assert (kind, metadata["params"], others) == ("model", {"depth": "3"}, contents)


def check_trackio(imports, *, has_artifacts):
    """All that `make_trackio.py` tracks."""
    assert sorted(imports.paths()) == ["calm", "second"]
    assert {one.path.project for one in imports.done} == {"mnist"}
    calm = imports.info("calm")
    assert (calm.config, calm.group) == ({"lr": 0.1, "opt": {"name": "adam"}}, "g")
    rows = imports.rows("calm")
    assert rows[:4] == [
        *[(step, {"loss": 1 / (step + 1), "val/acc": step / 10, "n": step}) for step in range(3)],
        (3, {"loss": "nan", "Loss": INF, "down": -INF, "text": "é", "deep.x": 1}),
    ]
    (step, media) = rows[4]
    documents = {key: json.loads(value) for key, value in media.items() if key != "words"}
    assert (step, media["words"]) == (4, "# hi")
    assert {key: document["_type"] for key, document in documents.items()} == {
        "img": "image-file", "sound": "audio-file", "table": "table-file", "histogram": "histogram",
    }  # fmt: skip
    assert (documents["img"]["caption"], documents["table"]["nrows"]) == ("black", 2)
    assert documents["histogram"]["values"] == [1, 2]
    assert imports.rows("calm", "events") == [(0, {r"system\.gpu\.util": 0.5, r"system\.cpu": 3.0})]
    assert imports.rows("second") == [(0, {"loss": 7.0})]
    if has_artifacts:
        assert imports.versions("mnist", "net") == [
            ("model", ["best", "latest"], {"depth": 3}, {"weights.bin": b"123"})
        ]
    assert imports.lost()[1] == []


def check_swanlab(imports, *, down=-INF):
    """All that `make_swanlab.py` tracks. Version 0.7 writes the same word for both infinities."""
    calm = imports.info("calm")
    assert (calm.state, calm.notes, calm.tags) == ("finished", "about it", ("a", "b"))
    assert calm.config == {"lr": 0.1, "opt": {"name": "adam"}}
    assert {one.path.project for one in imports.done} == {"mnist"}
    *numbers, (step, media) = imports.rows("calm")
    assert numbers == [
        *[(step, {"loss": 1 / (step + 1), "val/acc": step / 10}) for step in range(3)],
        (3, {"loss": "nan", "Loss": INF, "down": down}),
    ]
    assert (step, media["text"]) == (4, "é")
    picture = json.loads(media["img"])
    assert (picture["_type"], picture["caption"]) == ("image-file", "black")
    assert "hello from the console" in imports.lines("calm")
    files = imports.files("calm")
    assert {"config.yaml", "requirements.txt", "swanlab-metadata.json", METADATA_FILE} <= set(files)
    assert json.loads(files[METADATA_FILE])["swanlab"] == json.loads(files["swanlab-metadata.json"])
    assert all(0 <= at - calm.created_at < 300 for at in imports.times("calm"))
    assert imports.lost() == ({}, [])
