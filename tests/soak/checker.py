"""Compares a store after a soak, when all actors are gone, with what their ledgers say.

    checker.py FOLDER

Nothing is lost, doubled, out of order or back from the dead; of edits the last one counts. With and without a catalog,
before and after everything is sealed.
"""

import shutil
import sys
import warnings
from pathlib import Path

from actors import ENTITY, PROJECT, rows_of_life
from ledger import ACKNOWLEDGED, BEGUN, read_acts, row_counter

from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.query.scan import read_history
from runlake.service.local import LocalService
from runlake.store.layout import Layout


class Checker:
    def __init__(self, folder):
        self.root, self.ledgers = folder / "store", folder / "ledgers"
        self.layout = Layout(self.root)
        self.acts = read_acts(self.ledgers)
        self.row_count = 0

    def check(self):
        before = self.look()
        shutil.rmtree(self.root / ".catalog", ignore_errors=True)
        assert self.look() == before, "without a catalog something else is listed"
        self.check_files()
        service = LocalService(self.root, default_entity=ENTITY)
        assert list(service.seal(ENTITY, PROJECT))
        assert self.look() == before, "sealing changed what is read"
        assert self.look() == before
        self.check_files()

    def check_files(self):
        for path, findings in LocalService(self.root, default_entity=ENTITY).check():
            assert {finding.kind for finding in findings} <= {"torn"}, f"{path}: {findings}"

    def look(self):
        """All runs, as a process sees them that has seen nothing yet; each is compared with the ledgers."""
        self.row_count = 0
        page = LocalService(self.root, default_entity=ENTITY).list_runs(ENTITY, PROJECT)
        listed = {run.run_id: run for run in page.runs}
        seen = {}
        for run in sorted({act.fields["run"] for act in self.acts}):
            acts = [act for act in self.acts if act.fields["run"] == run]
            path = RunPath(ENTITY, PROJECT, run)
            try:
                info = LocalService(self.root, default_entity=ENTITY).read_run(path)
            except NotFoundError:
                info = None
            if info is None:
                assert run not in listed
                self.check_absence(run, acts)
            else:
                if run in listed:
                    assert listed[run] == info
                else:
                    # Its tombstone is there: a deleter was killed before it moved the run.
                    self.check_absence(run, acts)
                    assert any(act.what == "delete" and not act.is_done for act in acts), f"{run} is hidden"
                self.check_run(info, read_history(self.layout, path), acts)
            seen[run] = info, run in listed
        return seen

    def check_absence(self, run, acts):
        """Nothing is there: whatever was begun there was deleted since."""
        for begun in opens_of(acts):
            deaths = [act for act in acts if act.what == "delete" and act.end > begun.start]
            assert deaths or not begun.is_done, f"{run} is gone, and nobody deleted {begun}"

    def check_run(self, info, history, acts):
        lives = [act for act in opens_of(acts) if act.is_done]
        shown = [act for act in lives if act.fields["generation"] == info.generation]
        if not shown:
            assert any(not act.is_done for act in opens_of(acts)), f"nobody has begun {info}"
            assert info.row_count == 0
        row_count = 0
        for act in shown:
            assert act.fields["incarnation"] == info.incarnation
            kept = rows_of_life(history, act)
            counter = row_counter(self.ledgers, act.number, act.life)
            assert kept == list(range(len(kept))), f"{act}: {kept}"
            where = f"{len(kept)} rows of {act}: {counter[BEGUN]} begun, {counter[ACKNOWLEDGED]} acknowledged"
            assert counter[ACKNOWLEDGED] <= len(kept) <= counter[BEGUN], where
            row_count += len(kept)
            for other in acts:
                is_reset = other.what == "delete" or (other.what == "open" and not other.fields["resume"])
                is_later = other.is_done and other.start > act.end
                assert not (is_reset and is_later), f"{other} is done, and {act} is back"
        assert (history.row_count, info.row_count) == (row_count, row_count)
        self.row_count += row_count
        self.check_edits(info, acts)

    def check_edits(self, info, acts):
        edits = [act for act in acts if act.what == "edit"]
        resets = [act for act in acts if act.what == "delete"]
        resets += [act for act in opens_of(acts) if not act.fields["resume"]]
        for key in {act.fields["key"] for act in edits}:
            mine = [act for act in edits if act.fields["key"] == key]
            if key in info.config:
                (found,) = (act for act in mine if act.fields["value"] == info.config[key])
                overwritten = [act for act in mine + resets if act.is_done and act.start > found.end]
                assert not overwritten, f"{info.run_id}: {found} stands, in spite of {overwritten}"
            else:
                last_reset = max((act.end for act in resets), default=-1)
                lost = [act for act in mine if act.is_done and act.start > last_reset]
                assert not lost, f"{info.run_id}: lost {lost}"
        assert set(info.config) <= {act.fields["key"] for act in edits}


def opens_of(acts):
    return [act for act in acts if act.what == "open"]


def main(folder):
    warnings.simplefilter("error")
    checker = Checker(Path(folder))
    checker.check()
    acts = checker.acts
    logged = sum(row_counter(checker.ledgers, act.number, act.life)[ACKNOWLEDGED] for act in opens_of(acts))
    print(f"{len(acts)} acts, {sum(act.is_done for act in acts)} of them done; {logged} rows acknowledged")
    print(f"{checker.row_count} rows are shown")


if __name__ == "__main__":
    main(sys.argv[1])
