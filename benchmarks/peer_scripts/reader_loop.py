"""A tracker's files, and the loop in which it reads them: ``reader_loop.py write|read KIND FOLDER ROW_COUNT``.

Reading answers seconds of the processor. W&B's client has no reader in Python any more, so its loop is that of the
frames, with its own messages and the JSON in them.
"""

import json
import sqlite3
import struct
import sys
import time
import zlib
from pathlib import Path

from rows import row_chunks


def write_tensorboard(folder, row_count):
    from tensorboardX import SummaryWriter

    writer = SummaryWriter(folder)
    for step, row in enumerate(row for chunk in row_chunks(row_count) for row in chunk):
        for key, value in row.items():
            writer.add_scalar(key, value, step)
    writer.close()


def write_wandb(folder, row_count):
    import wandb

    settings = wandb.Settings(console="off", x_disable_stats=True)
    with wandb.init(project="benchmark", mode="offline", dir=folder, settings=settings) as run:
        for chunk in row_chunks(row_count):
            for row in chunk:
                run.log(row)


def write_mlflow(folder, row_count):
    """MLflow makes the database; the points are put into it directly: by its own way that takes minutes."""
    client, database = mlflow_client(folder), Path(folder, "mlflow.db")
    run_id = client.create_run("0", start_time=1_700_000_000_000).info.run_id
    client.set_terminated(run_id, "FINISHED", 1_700_000_000_000 + 1000 * row_count)
    numbered = enumerate(row for chunk in row_chunks(row_count) for row in chunk)
    points = (
        (key, float(value), 1_700_000_000_000 + 1000 * step, run_id, step, 0)
        for step, row in numbered
        for key, value in row.items()
    )
    connection = sqlite3.connect(database)
    with connection:
        connection.executemany(
            "insert into metrics (key, value, timestamp, run_uuid, step, is_nan) values (?, ?, ?, ?, ?, ?)", points
        )
    connection.close()


def mlflow_client(folder):
    from mlflow import MlflowClient

    return MlflowClient(f"sqlite:///{Path(folder, 'mlflow.db')}")


def read_mlflow(folder):
    client = mlflow_client(folder)
    (run,) = client.search_runs(["0"])
    ((row,),) = row_chunks(1)
    begin = time.process_time()
    counts = [len(client.get_metric_history(run.info.run_id, key)) for key in row]
    return time.process_time() - begin, max(counts)


def read_tensorboard(folder):
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    begin = time.process_time()
    events = EventAccumulator(folder, size_guidance={SCALARS: 0})
    events.Reload()
    counts = [len(events.Scalars(tag)) for tag in events.Tags()["scalars"]]
    return time.process_time() - begin, max(counts)


def read_wandb(folder):
    from wandb.proto import wandb_internal_pb2

    (file,) = (file for file in Path(folder).rglob("*.wandb") if not file.parent.is_symlink())
    begin, row_count = time.process_time(), 0
    for record in frames(file):
        found = wandb_internal_pb2.Record.FromString(record)
        if found.WhichOneof("record_type") == "history":
            row = {tuple(item.nested_key) or item.key: json.loads(item.value_json) for item in found.history.item}
            row_count += bool(row)
    return time.process_time() - begin, row_count


def frames(file):
    """The records of a log of LevelDB, each proved."""
    with file.open("rb") as log:
        block, start, pieces = log.read(32768), 7, []
        while len(block) > start:
            at = start
            while at + 7 <= len(block):
                crc, length, kind = struct.unpack_from("<IHB", block, at)
                content = block[at + 7 : at + 7 + length]
                if kind == 0:
                    break
                assert zlib.crc32(content, zlib.crc32(bytes([kind]))) == crc
                pieces.append(content)
                if kind in (1, 4):
                    yield b"".join(pieces)
                    pieces = []
                at += 7 + length
            block, start = log.read(32768), 0


def main():
    what, kind, folder, row_count = sys.argv[1:]
    if what == "write":
        {"tensorboard": write_tensorboard, "wandb": write_wandb, "mlflow": write_mlflow}[kind](folder, int(row_count))
        print("{}")
        return
    seconds, found = {"tensorboard": read_tensorboard, "wandb": read_wandb, "mlflow": read_mlflow}[kind](folder)
    assert found == int(row_count), f"{found} rows of {row_count} were read"
    print(json.dumps({"seconds": seconds}))


if __name__ == "__main__":
    main()
