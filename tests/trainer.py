"""A process that trains, as far as the store sees it."""

from pathlib import Path

from runlake.model import RunPath
from runlake.store.folder_store import FolderStore
from runlake.store.journal.shipped import Shipped, read_shipped, write_shipped
from runlake.store.noting import append_change
from runlake.store.opening.inspect_here import IN_PROCESS
from runlake.store.opening.open import open_run
from runlake.values import flatten

RUN = RunPath("ann", "mnist", "a")


def send_to(layout, path, url):
    """From now on the run is one that is sent to a server, by whoever ships it."""
    run_dir = layout.run_dir(path)
    if read_shipped(run_dir) is None:
        write_shipped(run_dir, Shipped(base_url=url, entity=None, project=path.project, run_id=path.run_id))


class Trainer:
    """A process that trains, as far as the store sees it."""

    def __init__(self, place, run_id, project="mnist", **start):
        """`place` is a store, or the folder of one."""
        config = flatten(start.pop("config", {}))
        self.layout = FolderStore(place) if isinstance(place, Path) else place
        path = RunPath("ann", project, run_id)
        self.opened = open_run(self.layout, path, {**start, "set": config}, inspector=IN_PROCESS)
        self.step = 0

    def log(self, **values):
        self.opened.writer.log(values, step=self.step, timestamp=100.0 + self.step, runtime=float(self.step))
        self.step += 1
        return self

    def print(self, line, text, level=None):
        row = {"line": line, "text": text, "level": level}
        self.opened.writer.log(row, stream="console", step=line, timestamp=100.0 + line, runtime=0.0)
        return self

    def finish(self, exit_code=0):
        self.opened.writer.end({"exit_code": exit_code})
        self.opened.writer.close()
        append_change(self.layout, self.opened.path, self.opened.writer.writer, "finish", self.opened.incarnation)


def ids(page):
    return [run.run_id for run in page.runs]
