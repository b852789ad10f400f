"""A store with a run that has one of everything, made through the verbs of an import."""

import io
import math

import numpy as np

from runlake.importers.bring import bring
from runlake.importers.foreign import ForeignFile, ForeignRow, ForeignRun
from runlake.media.histogram import Histogram
from runlake.media.image import Image
from runlake.model import Alert, LoggedRow, MetricRule, RunPath, WriterBatch, WriterStart
from runlake.service.local.service import LocalService

PATH = RunPath("ann", "digits", "Run1")
ROW_COUNT = 40
CONFIG = {"lr": 0.1, "model": {"layers": [1, 2], "name": "é"}, "deep": True, "none": None}


def said():
    for n in range(ROW_COUNT):
        values = {"loss": 1 / (n + 1), "n": n, "deep": {"half": n / 2}, "val/acc.top1": float(n), "ok": n % 2 == 0}
        yield ForeignRow("history", LoggedRow(10 * n, 1000.5 + n, n / 2, values))
        if n % 8 == 0:
            yield ForeignRow("events", LoggedRow(n, 1000.5 + n, n / 2, {"system.cpu": float(n)}))
    odd = {
        "nan": math.nan, "inf": math.inf, "text": "hé", "list": [1, {"a": None}], "none": None,
        "hist": Histogram([1, 2, 3]), "picture": [Image(np.zeros((3, 4), dtype=np.uint8), caption="black")],
    }  # fmt: skip
    yield ForeignRow("history", LoggedRow(1000, 1100.0, 60.0, odd))
    for number, (text, level) in enumerate([("hello", None), ("oops", "error")]):
        row = {"line": number, "text": text, **({"level": level} if level else {})}
        yield ForeignRow("console", LoggedRow(0, 1001.0 + number, 1.0, row))
    rules = (MetricRule("loss", "n", ("min", "max"), "minimize", False, True), MetricRule("val/*", None, (), None))
    alert = Alert(title="careful", text="it is hot", level="WARN", timestamp=1100.0)
    yield WriterBatch(summary={"best": 1}, rules=rules, alerts=(alert,), exit_code=0, runtime_s=120.0)


def full_store(folder):
    """A service over a new store with the run `PATH`."""
    service = LocalService(folder / "store", default_entity="ann")
    start = WriterStart(
        name="calm", notes="a note", tags=("good", "old"), group="g", job_type="train", host="h", program="p.py",
        config=CONFIG, resume="never", created_at=1000.0,
    )  # fmt: skip
    files = [ForeignFile("notes/a.txt", lambda: io.BytesIO(b"content"))]
    bring(service, PATH, ForeignRun(run_id="Run1", mark="m", place="here", start=start, said=said(), files=files))
    return service


def values_of(service, path, stream="history"):
    """(key, lane) → the rows and values of a stream."""
    history = service.read_history(path, stream=stream)
    return {
        (series.key, series.lane): (series.positions(history.row_count).tolist(), series.values.to_pylist())
        for series in history.series
    }
