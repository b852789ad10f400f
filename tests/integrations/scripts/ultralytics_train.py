"""A detector of ultralytics, from its own description without weights, on pictures that are made here."""

from pathlib import Path

import cv2
import numpy as np
import torchvision_on_cpu  # noqa: F401
from ultralytics import YOLO, settings

settings.update({"wandb": True, "runs_dir": str(Path("runs").absolute())})
rng = np.random.default_rng(0)
for split in ("train", "val"):
    for kind in ("images", "labels"):
        Path("data", kind, split).mkdir(parents=True)
    for number in range(4):
        picture = np.zeros((64, 64, 3), dtype=np.uint8)
        x, y = rng.integers(8, 40, size=2)
        picture[y : y + 16, x : x + 16] = 255
        cv2.imwrite(f"data/images/{split}/{number}.png", picture)
        Path(f"data/labels/{split}/{number}.txt").write_text(f"0 {(x + 8) / 64} {(y + 8) / 64} 0.25 0.25\n")
Path("data.yaml").write_text(f"path: {Path('data').absolute()}\ntrain: images/train\nval: images/val\nnames: [box]\n")
YOLO("yolov8n.yaml").train(
    data="data.yaml",
    epochs=2,
    imgsz=64,
    batch=4,
    device="cpu",
    workers=0,
    project="ultralytics",
    name="boxes",
    seed=0,
    amp=False,
    val=True,
)
