"""tensorboardX; read back with TensorBoard's own accumulator. It keeps 32 bits of each number."""

from tensorboardX import SummaryWriter


def start(folder):
    writer = SummaryWriter(str(folder))

    def log(row, step):
        for key, value in row.items():
            writer.add_scalar(key, value, step)

    return log, writer.close


def load():
    from tensorboard.backend.event_processing import event_accumulator  # noqa: F401


def read(folder):
    return frame(folder, None)


def read_key(folder, key):
    return frame(folder, [key])


def frame(folder, keys):
    import pandas as pd
    from tensorboard.backend.event_processing.event_accumulator import SCALARS, EventAccumulator

    events = EventAccumulator(str(folder), size_guidance={SCALARS: 0})
    events.Reload()
    return pd.DataFrame(
        {key: [event.value for event in events.Scalars(key)] for key in keys or events.Tags()["scalars"]}
    )


def fill_curve(folder, number, key, curve):
    """One run of one key, in a folder of its own below `runs`."""
    writer = SummaryWriter(str(folder / "runs" / f"r{number:02}"))
    for step, value in enumerate(curve):
        writer.add_scalar(key, value, step)
    writer.close()
