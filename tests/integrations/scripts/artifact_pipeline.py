"""A pipeline of two runs without a library: one keeps a dataset and its source, the other one uses it for a model."""

import wave
from pathlib import Path

import numpy as np
import wandb
from wandb.data_types import JoinedTable

folder = Path("raw")
folder.mkdir()
for number in range(3):
    (folder / f"{number}.txt").write_text(f"sample {number}\n")
with wave.open("silence.wav", "wb") as sound:
    sound.setparams((1, 2, 8000, 0, "NONE", "not compressed"))
    sound.writeframes(bytes(160))
Path("train.py").write_text("print('training')\n")


def picture(shade):
    return wandb.Image(
        np.full((8, 8, 3), shade, dtype=np.uint8),
        caption=f"shade {shade}",
        masks={"truth": {"mask_data": np.eye(8, dtype=np.uint8), "class_labels": {0: "off", 1: "on"}}},
        boxes={
            "truth": {
                "box_data": [{"position": {"minX": 0.1, "maxX": 0.5, "minY": 0.1, "maxY": 0.5}, "class_id": 1}],
                "class_labels": {1: "on"},
            }
        },
    )


with wandb.init(project="pipeline", name="prepare", job_type="prepare") as run:
    left = wandb.Table(columns=["number", "picture"], data=[[number, picture(50 * number)] for number in range(3)])
    right = wandb.Table(columns=["number", "score"], data=[[number, number / 7] for number in range(3)])
    data = wandb.Artifact("samples", "dataset", description="three samples", metadata={"count": 3, "mean": 1.0})
    data.add_dir("raw", name="raw")
    data.add(left, "pictures")
    data.add(JoinedTable(left, right, "number"), "joined")
    data.add(picture(7), "cover")
    data.add(wandb.Audio("silence.wav", caption="nothing"), "silence")
    data.add(wandb.Html("<p>hello</p>", inject=False), "page")
    with data.new_file("notes/about.txt") as file:
        file.write("made here\n")
    data.add_reference(f"file://{(folder / '0.txt').absolute()}", name="elsewhere/0.txt")
    run.log_artifact(data, aliases=["raw", "latest"], tags=["small"]).wait()
    run.log({"left": left, "right": right})
    run.log_code(".", include_fn=lambda path: path.endswith("train.py"))

with wandb.init(project="pipeline", name="train", job_type="train") as run:
    used = run.use_artifact("samples:raw", type="dataset")
    fetched = Path(used.download())
    assert sorted(path.name for path in (fetched / "raw").iterdir()) == ["0.txt", "1.txt", "2.txt"]
    table = used.get("pictures")
    assert [row[0] for row in table.data] == [0, 1, 2], table.data
    for version in range(2):
        model = Path(f"model-{version}.bin")
        model.write_bytes(bytes([version]) * 100)
        kept = wandb.Artifact("model", "model", metadata={"version": version})
        kept.add_file(str(model), name="model.bin")
        run.log_artifact(kept, aliases=["best"] if version == 0 else [])
    kept.wait()
    run.link_artifact(kept, "models-in-use", aliases=["production"])
    run.log_model("model-0.bin", name="plain", aliases=["first"])
    more = wandb.Artifact("samples", "dataset", incremental=True)
    more.add_file("model-1.bin", name="raw/3.bin")
    run.log_artifact(more).wait()
    run.log({"loss": 0.5})
