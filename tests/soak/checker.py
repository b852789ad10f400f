"""Compares a store after a soak, when all actors are gone, with what their ledgers say.

    checker.py FOLDER

Nothing is lost, doubled, out of order or back from the dead; of edits the last one counts. With and without a catalog,
before and after everything is sealed and repaired. What was deleted, or begun anew, is whole in the trash, or in an
older generation.
"""

import fcntl
import os
import shutil
import sys
import warnings
from pathlib import Path

from actors import ENTITY, PROJECT, rows_of_life
from ledger import ACKNOWLEDGED, BEGUN, read_acts, row_counter
from msgspec.structs import replace

from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.query.rows.scan import read_history
from runlake.service.local.service import LocalService
from runlake.store.folder_store import FolderStore
from runlake.store.incarnation import read_claim
from runlake.store.opening.trash import list_trash, restore_run


class Checker:
    def __init__(self, folder):
        self.root, self.ledgers = folder / "store", folder / "ledgers"
        self.layout = FolderStore(self.root)
        self.acts = read_acts(self.ledgers)
        self.row_count = 0
        self.knows_who_lives = has_locks(self.root / "store.toml")

    def check(self):
        before = self.look()
        shutil.rmtree(self.root / ".catalog", ignore_errors=True)
        self.check_same(before, "without a catalog something else is listed")
        self.check_files()
        service = LocalService(self.root, default_entity=ENTITY)
        assert list(service.seal(ENTITY, PROJECT))
        self.check_same(before, "sealing changed what is read")
        self.check_same(before, "looking twice changed what is read")
        self.check_files()
        for file in self.root.glob("**/*.part"):
            os.utime(file, (0, 0))  # silent for long
        self.knows_who_lives = True
        before = self.look()
        list(service.repair())
        self.check_same(before, "repairing changed what is read")
        assert [findings for _, findings in service.check() if findings] == []
        self.check_all_lives()

    def check_same(self, before, complaint):
        found = self.look()
        assert found == before, (
            f"{complaint}: {[(before[run], found[run]) for run in found if found[run] != before[run]]}"
        )

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
            seen[run] = self.without_guess(info), run in listed
        return seen

    def without_guess(self, info):
        """Without locks, who was killed lives until silent for long, or sealed as a whole; so does its run."""
        return info if info is None or self.knows_who_lives else replace(info, state="running", exit_code=None)

    def check_absence(self, run, acts):
        """Nothing is there: whatever was begun or taken back there was deleted since."""
        for begun in acts:
            if begun.what in ("open", "restore"):
                deaths = [act for act in acts if act.what == "delete" and act.end > begun.start]
                assert deaths or not begun.is_done, f"{run} is gone, and nobody deleted {begun}"

    def check_all_lives(self):
        """Every row that was acknowledged is somewhere: in its run, in an older generation, or in the trash."""
        for item in list_trash(self.layout):
            if not item.path:
                continue  # what a repair has put aside
            path = item.path._replace(run_id=f"{item.path.run_id}-{item.name.partition('-')[0]}")
            restore_run(self.layout, self.layout.trash_dir / item.name, "checker", path)
        service = LocalService(self.root, default_entity=ENTITY)
        places = {run.incarnation: run.path for run in service.list_runs(ENTITY, PROJECT).runs}
        for run in self.layout.run_ids(ENTITY, PROJECT):
            path = RunPath(ENTITY, PROJECT, run)
            places.setdefault(read_claim(self.layout, path), path)  # hidden, by a deleter that was killed
        histories = {}
        for act in opens_of(self.acts):
            if not act.is_done:
                continue
            incarnation, generation = act.fields["incarnation"], act.fields["generation"]
            if (incarnation, generation) not in histories:
                found = read_history(self.layout, places[incarnation], generation=generation)
                histories[incarnation, generation] = found
            self.check_life(act, histories[incarnation, generation])

    def check_life(self, act, history):
        kept = rows_of_life(history, act)
        counter = row_counter(self.ledgers, act.number, act.life)
        assert kept == list(range(len(kept))), f"{act}: {kept}"
        where = f"{len(kept)} rows of {act}: {counter[BEGUN]} begun, {counter[ACKNOWLEDGED]} acknowledged"
        assert counter[ACKNOWLEDGED] <= len(kept) <= counter[BEGUN], where
        return len(kept)

    def check_run(self, info, history, acts):
        lives = [act for act in opens_of(acts) if act.is_done]
        shown = [act for act in lives if act.fields["generation"] == info.generation]
        if not shown:
            assert any(not act.is_done for act in opens_of(acts)), f"nobody has begun {info}"
            assert info.row_count == 0
        row_count = 0
        for act in shown:
            assert act.fields["incarnation"] == info.incarnation
            row_count += self.check_life(act, history)
            for other in acts:
                is_later = other.is_done and other.start > act.end
                is_over = is_later and self.ends(other, info.incarnation, acts)
                assert not is_over, f"{other} is done, and {act} is back"
        assert (history.row_count, info.row_count) == (row_count, row_count)
        self.row_count += row_count
        self.check_edits(info, acts)

    def ends(self, other, incarnation, acts):
        """Whether what this act did to a run means that readers see nothing older of the incarnation."""
        if other.what == "open" and other.fields.get("incarnation") == incarnation:
            return not other.fields["resume"]
        if other.what not in ("open", "delete"):
            return False
        return not any(
            act.what == "restore" and act.end > other.start and act.fields["incarnation"] in (None, incarnation)
            for act in acts
        )

    def check_edits(self, info, acts):
        edits = [act for act in acts if act.what == "edit"]
        own = [act for act in edits if act.is_done and act.fields["incarnation"] == info.incarnation]
        resets = [act for act in opens_of(acts) if not act.fields["resume"]]
        resets = [act for act in resets if act.fields.get("incarnation") in (None, info.incarnation)]
        for key in {act.fields["key"] for act in edits}:
            mine = [act for act in own if act.fields["key"] == key]
            if key in info.config:
                (found,) = (act for act in edits if act.fields["value"] == info.config[key])
                assert found.fields.get("incarnation") in (None, info.incarnation), (
                    f"{info}: {found} is not of this life"
                )
                overwritten = [act for act in mine if act.start > found.end]
                overwritten += [
                    act
                    for act in acts
                    if act.is_done and act.start > found.end and self.ends(act, info.incarnation, acts)
                ]
                assert not overwritten, f"{info.run_id}: {found} stands, in spite of {overwritten}"
            else:
                last_reset = max((act.end for act in resets), default=-1)
                lost = [act for act in mine if act.start > last_reset]
                assert not lost, f"{info.run_id}: lost {lost}"
        assert set(info.config) <= {act.fields["key"] for act in edits}


def has_locks(file):
    with file.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH)
        except OSError:
            return False
    return True


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
