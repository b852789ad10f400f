"""Small files are copied side by side, whichever runs they are of: over a network each is a wait of its own."""

import threading

from runlake.bulk.export import export_folder
from runlake.bulk.options import options_of
from runlake.service.local.service import LocalService
from waiting import DEADLINE_S

RUN_COUNT = 4


class Meeting(LocalService):
    """Who lists or opens files waits for others that do: a broken barrier says that there were none."""

    def __init__(self, root):
        super().__init__(root, default_entity="ann", user="ann")
        self._listed, self._opened = threading.Barrier(RUN_COUNT), threading.Barrier(2 * RUN_COUNT)

    def list_files(self, path, **options):
        self._listed.wait(DEADLINE_S)
        return super().list_files(path, **options)

    def open_file(self, path, name):
        self._opened.wait(DEADLINE_S)
        return super().open_file(path, name)


def test_files_of_several_runs_are_copied_at_once(root, make_run, export, tmp_path, content):
    for number in range(RUN_COUNT):
        files = {"a.txt": str(number).encode(), "deep/b.txt": b"b"}
        make_run(f"r{number}", rows=[{"loss": number}], files=files, at_s=number)
    service = Meeting(root)
    options = options_of(format="csv", has_files=True)
    done = export_folder(service, "ann", "digits", tmp_path / "met", options, worker_count=1)
    service.close()
    assert done.manifest.totals["files"] == 2 * RUN_COUNT
    export(tmp_path / "out", has_files=True)
    assert content(tmp_path / "met") == content(tmp_path / "out")
