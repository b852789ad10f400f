"""What became of imported runs, told in plain values: by tests that compare all of them."""

import tarfile
from collections import Counter
from pathlib import Path

from artifact_contents import contents_of
from runlake.artifact_model import CollectionPath
from runlake.importers.bring import bring
from runlake.importers.find import read_runs
from runlake.importers.foreign import LeftOut
from runlake.model import RunPath
from runlake.service.local.service import LocalService

GOLDEN = Path(__file__).with_name("golden")


def unpacked(name, folder):
    """What a peer of that version made, in a folder."""
    with tarfile.open(GOLDEN / f"{name}.tar.gz") as packed:
        packed.extractall(folder, filter="data")
    return folder


class Imports:
    """Imports into one store, and what is there then."""

    def __init__(self, home):
        self.service = LocalService(home, default_entity="ann")
        self.done, self.left_out = [], []

    def take(self, place, kind=None):
        """Import all runs of a place; answers their outcomes."""
        self.done, self.left_out = [], []
        for foreign in read_runs(place, kind):
            if isinstance(foreign, LeftOut):
                self.left_out.append(foreign)
            else:
                path = RunPath("ann", foreign.project or "p", foreign.run_id)
                self.done.append(bring(self.service, path, foreign))
        return [one.outcome for one in self.done]

    def paths(self):
        """The path of each run that was imported last, by its name."""
        return {self.service.read_run(one.path).name: one.path for one in self.done}

    def info(self, name):
        """What is known of a run, of those that one may ask for."""
        return self.service.read_run(self.paths()[name])

    def rows(self, name, stream="history"):
        """(step, values) of each row; what was not logged in it is not there, and NaN is told as a text."""
        history = self.service.read_history(self.paths()[name], stream=stream)
        found = [(step, {}) for step in history.step.tolist()]
        for series in history.series:
            for row, value in zip(series.positions(len(found)).tolist(), series.values.to_pylist(), strict=True):
                found[row][1][series.key] = "nan" if value != value else value
        return found

    def times(self, name, stream="history"):
        """When each row was logged."""
        return self.service.read_history(self.paths()[name], stream=stream).timestamp.tolist()

    def lines(self, name):
        """The printed lines of a run."""
        return [line.text for line in self.service.read_console(self.paths()[name])]

    def versions(self, project, name):
        """(type, aliases, metadata, content of each file) of the versions of an artifact."""
        return [
            (version.type, sorted(version.aliases), version.metadata, contents_of(self.service, version.path))
            for version in self.service.list_artifacts(CollectionPath("ann", project, name))
        ]

    def files(self, name):
        """The content of each file of a run."""
        path = self.paths()[name]
        found = {}
        for file in self.service.list_files(path):
            with self.service.open_file(path, file.name) as content:
                found[file.name] = content.read()
        return found

    def lost(self):
        """What of the runs has no home here, and what could not be read."""
        return sum((Counter(one.lost) for one in self.done), Counter()), [p for one in self.done for p in one.problems]
