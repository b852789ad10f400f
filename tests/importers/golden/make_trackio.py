"""Makes what Trackio leaves: ``python make_trackio.py FOLDER``, with the version of Trackio that is installed.

Beside this file lies what one version made of it, packed as ``trackio-<version>.tar.gz``: ``database`` and ``parquet``,
of which the second has the files that Trackio makes of the first.
"""

import math
import os
import shutil
import sys
from pathlib import Path


def track(trackio, np):
    """Two runs of one project, one after the other."""
    trackio.init(project="mnist", name="calm", config={"lr": 0.1, "opt": {"name": "adam"}}, group="g", embed=False)
    for step in range(3):
        trackio.log({"loss": 1 / (step + 1), "val/acc": step / 10, "n": step}, step=step)
    trackio.log({"loss": math.nan, "Loss": math.inf, "down": -math.inf, "text": "é", "deep": {"x": 1}}, step=3)
    pixels = np.zeros((4, 4, 3), dtype=np.uint8)
    table = trackio.Table(columns=["word", "picture"], data=[["a", trackio.Image(pixels)], ["b", None]])
    trackio.log(
        {
            "img": trackio.Image(pixels, caption="black"),
            "sound": trackio.Audio(np.zeros(80, np.int16), sample_rate=8000),
            "table": table, "histogram": trackio.Histogram([1, 2, 3], num_bins=2), "words": trackio.Markdown("# hi"),
        },
        step=4,
    )  # fmt: skip
    trackio.log_system({"gpu": {"util": 0.5}, "cpu": 3.0})
    trackio.alert(title="high", text="loss", level=trackio.AlertLevel.WARN)
    Path("weights.bin").write_bytes(b"123")
    artifact = trackio.Artifact("net", "model", metadata={"depth": 3})
    artifact.add_file("weights.bin")
    trackio.log_artifact(artifact, aliases=["best"])
    Path("weights.bin").unlink()
    trackio.finish()
    trackio.init(project="mnist", name="second", config={}, embed=False)
    trackio.log({"loss": 7.0})
    trackio.finish()


def main(folder):
    """The database of a project; and the Parquet files that are made of it."""
    database = Path(folder, "database").resolve()
    os.environ["TRACKIO_DIR"] = str(database)
    Path(folder).mkdir(parents=True, exist_ok=True)
    os.chdir(folder)
    import numpy as np
    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    track(trackio, np)
    SQLiteStorage.export_to_parquet()
    parquet = Path(folder, "parquet").resolve()
    shutil.copytree(database / "media", parquet / "media")
    for file in database.glob("*.parquet"):
        shutil.move(file, parquet)


if __name__ == "__main__":
    main(sys.argv[1])
