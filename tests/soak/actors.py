"""Who takes part in a soak. An actor is a function of a `Stage`, in a process of its own, and may be killed anywhere.

A new one is a function in `ACTORS`; what it acknowledges belongs into its ledger, and what must hold of that into
`checker`. It raises when it sees what must not be: the conductor stops then.
"""

import errno
import random
import resource
import signal
import time
from dataclasses import dataclass
from pathlib import Path

import network_disk
from ledger import ACKNOWLEDGED, BEGUN, Ledger, read_acts, row_counter

from runlake.errors import ConflictError, NotFoundError
from runlake.model import RunEdit, RunPath, TailCursor
from runlake.query.rows.scan import read_history
from runlake.sdk.process.session import Session
from runlake.service.local.service import LocalService
from runlake.store.changes import changes_of
from runlake.store.compact.pack import AT_ONCE, pack_runs
from runlake.store.compact.pack_folder import FolderPacking
from runlake.store.compact.seal import seal_run
from runlake.store.folder_store import FolderStore
from runlake.store.journal.folder import journal_of
from runlake.store.journal.limits import WriterLimits
from runlake.store.opening.open import open_run
from runlake.store.run.state import read_run

ENTITY, PROJECT = "ann", "p"
SHARED_RUNS = 2
"""So many are begun by every writer, and deleted; all others are a writer's own."""
KEYS = 4
CLOCKS_S = (0.0, 0.0, 3 * 3600.0, -3 * 3600.0, -2 * 86400.0)
LIVES = 100_000


@dataclass(slots=True)
class Stage:
    """One life of one actor: where it acts, who it is, and its own chance."""

    root: Path
    ledgers: Path
    actor: str
    number: int
    life: int
    chance: random.Random
    stale_s: float

    @property
    def layout(self):
        return FolderStore(self.root)

    @property
    def service(self):
        return LocalService(self.root, default_entity=ENTITY)

    @property
    def ledger(self):
        return Ledger(self.ledgers, self.actor, self.number, self.life)

    def any_run(self):
        runs = sorted(self.layout.run_ids(ENTITY, PROJECT)) or ["own0"]
        return RunPath(ENTITY, PROJECT, self.chance.choice(runs))

    def run_with_many_parts(self):
        some = [self.any_run() for _ in range(3)]
        return max(some, key=lambda run: len(journal_of(self.layout, run).list_parts()))


# Writing


def write(stage):
    """Open a run: a new one, or one's own to go on with it or to begin it anew, or a shared one; log, and end."""
    chance = stage.chance
    run_id = chance.choice(
        [f"new{stage.number}-{stage.life}", f"own{stage.number}", f"shared{chance.randrange(SHARED_RUNS)}"]
    )
    resume = chance.choice(["allow", None] if "shared" in run_id else ["allow", "allow", None])
    ledger = stage.ledger
    ledger.write("open", run=run_id, resume=resume)
    limits = WriterLimits(rows_per_part=chance.randrange(20, 200), frames_per_block=chance.choice([16, 1024]))
    try:
        log, end, opened, writer = (_sdk if chance.random() < 0.2 else _bare)(stage, run_id, resume, limits)
    except FileNotFoundError:
        return  # strict, and the run was deleted before the files that every run has were in it
    ledger.write("done", writer=writer.writer, incarnation=opened.incarnation, generation=opened.generation)
    counter = row_counter(stage.ledgers, stage.number, stage.life)
    disk = Quota(chance)
    for i in range(chance.randrange(30, 3000)):
        disk.change(i)
        counter[BEGUN] = i + 1
        row = {"i": i, "who": stage.number * LIVES + stage.life}
        row |= {"s": "text" * (i % 9)} if i % 11 == 0 else {}
        pieces = [(row, False), ({"x": i / 3}, True)] if i % 7 == 0 else [(row | {"x": i / 3}, True)]
        for piece, commit in pieces:
            while not disk.takes(log, piece, commit):
                pass
            if disk.is_gone:
                return
        counter[ACKNOWLEDGED] = i + 1
        if i % 8 == 0:
            time.sleep(chance.random() * 0.004)
    disk.lift()
    ledger.write("end")
    try:
        end()
    except FileNotFoundError:
        return  # the run was deleted, and there is no part to end
    ledger.write("ended")


def _bare(stage, run_id, resume, limits):
    offset_s = stage.chance.choice(CLOCKS_S)
    path, clock = RunPath(ENTITY, PROJECT, run_id), lambda: time.time() + offset_s
    opened = open_run(stage.layout, path, {}, resume=resume, clock=clock, limits=limits)
    step = [0]

    def log(data, commit):
        opened.writer.log(data, step=step[0], timestamp=time.time() + offset_s, runtime=0.0, commit=commit)
        step[0] += commit

    return log, lambda: opened.writer.end({"exit_code": 0}), opened, opened.writer


def _sdk(stage, run_id, resume, limits):
    settings = {"silent": True, "seal": "off", "console": "off", "disable_git": True, "disable_code": True}
    settings |= {"disable_system": True, "strict": True}
    run = Session(limits=limits).init(ENTITY, PROJECT, id=run_id, store=stage.root, resume=resume, settings=settings)
    return lambda data, commit: run.log(data, commit=commit), run.finish, run, run._writer


class Quota:
    """A disk that refuses to let files grow, now and then."""

    def __init__(self, chance):
        self._chance = chance
        self._is_lifted = True
        self._refused_count = 0
        self.is_gone = False
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def change(self, row):
        if row % 100 == 0:
            self.lift()
            if self._chance.random() < 0.15:
                self._set(self._chance.randrange(100, 6000))

    def lift(self):
        if not self._is_lifted:
            self._set(resource.RLIM_INFINITY)
            self._is_lifted, self._refused_count = True, 0

    def _set(self, size_bytes):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, resource.RLIM_INFINITY))
        self._is_lifted = False

    def takes(self, log, piece, commit):
        """Whether the disk took the piece; also True when its folder is gone, for then it never will."""
        try:
            log(piece, commit)
        except OSError as error:
            if error.errno == errno.ENOENT:
                self.is_gone = True
                return True
            if error.errno != errno.EFBIG:
                raise
            self._refused_count += 1
            if self._refused_count > 5:
                self.lift()
            return False
        return True


# Moving and changing


def seal(stage):
    for _ in range(50):
        try:
            seal_run(stage.layout, stage.run_with_many_parts())
        except NotFoundError:
            pass  # not begun yet, or deleted
        time.sleep(stage.chance.random() * 0.02)


def merge(stage):
    """Lets small runs share files, at once and however few; those that are begun anew are left behind."""
    for _ in range(20):
        for _ in pack_runs(FolderPacking(stage.layout, ENTITY, PROJECT), AT_ONCE):
            pass
        time.sleep(stage.chance.random() * 0.2)


def edit(stage):
    service, ledger = stage.service, stage.ledger
    for number in range(60):
        run, key = stage.any_run(), f"k{stage.chance.randrange(KEYS)}"
        value = f"{stage.number}-{stage.life}-{number}"
        if not stage.layout.run_dir(run).is_dir():
            continue
        ledger.write("edit", run=run.run_id, key=key, value=value)
        try:
            info = service.edit_run(run, RunEdit(config_set={key: value}))
        except NotFoundError:
            ledger.write("not found")  # also when it was deleted right after
        else:
            is_in = info.config.get(key) == value  # else it was edited once more meanwhile, or made anew
            ledger.write("done", incarnation=info.incarnation if is_in else None)
        time.sleep(stage.chance.random() * 0.05)


def delete(stage):
    service, ledger = stage.service, stage.ledger
    for _ in range(30):
        time.sleep(stage.chance.random() * 0.5)
        run = RunPath(ENTITY, PROJECT, f"shared{stage.chance.randrange(SHARED_RUNS)}")
        ledger.write("delete", run=run.run_id)
        try:
            service.delete_run(run)
        except NotFoundError:
            ledger.write("not found")
        else:
            ledger.write("done")


def restore(stage):
    """Takes runs back, by the path or by the name in the trash; into the way of whoever begins them anew."""
    service, ledger = stage.service, stage.ledger
    for _ in range(40):
        time.sleep(stage.chance.random() * 0.3)
        items = [item for item in service.list_trash() if item.path]
        if not items:
            continue
        item = stage.chance.choice(items)
        is_by_name = stage.chance.random() < 0.5
        incarnation = item.name.partition("-")[0] if is_by_name else None  # by the path it is the last one deleted
        ledger.write("restore", run=item.path.run_id, incarnation=incarnation)
        try:
            restored = service.restore_run(item.name if is_by_name else item.path)
        except (ConflictError, NotFoundError):
            ledger.write("refused")
        else:
            assert restored == item.path
            ledger.write("done")


def repair(stage):
    """Mends runs beside those who write into them; of what is acknowledged there is nothing to be mended."""
    for _ in range(40):
        run = stage.chance.choice([stage.any_run, stage.run_with_many_parts])()
        try:
            for path, repairs in stage.service.repair(ENTITY, PROJECT, run.run_id):
                assert {repair.kind for repair in repairs} <= {"torn", "open", "leftover"}, f"{path}: {repairs}"
        except (ConflictError, NotFoundError):
            pass  # somebody is writing into it; or it is deleted
        time.sleep(stage.chance.random() * 0.05)


def pack(stage):
    for _ in range(50):
        changes = changes_of(stage.layout, ENTITY, PROJECT)
        if changes.folder.is_dir():
            changes.pack()
        time.sleep(stage.chance.random() * 0.2)


# Reading


def read(stage):
    """Reads a ledger first, and then demands of the store what was acknowledged by then."""
    service = stage.service
    if stage.stale_s:
        network_disk.be_stale(stage.root, stage.stale_s)
    for _ in range(60):
        opens = [act for act in read_acts(stage.ledgers) if act.what == "open" and act.is_done]
        if not opens:
            time.sleep(0.02)
            continue
        act = stage.chance.choice(opens[-12:])
        acknowledged = row_counter(stage.ledgers, act.number, act.life)[ACKNOWLEDGED]
        time.sleep(stage.stale_s or stage.chance.random() * 0.1)
        path = RunPath(ENTITY, PROJECT, act.fields["run"])
        try:
            history = read_history(stage.layout, path)
            info = read_run(stage.layout, path)
            page = service.list_runs(ENTITY, PROJECT)
        except NotFoundError:
            history, info, page = None, None, None
        begun = row_counter(stage.ledgers, act.number, act.life)[BEGUN]
        kept = rows_of_life(history, act) if history else []
        assert kept == list(range(len(kept))), f"rows of {act} are not what was logged: {kept}"
        assert len(kept) <= begun, f"{len(kept)} rows of {act}, of which {begun} were logged"
        if may_be_gone(act, read_acts(stage.ledgers)):
            continue
        assert info is not None, f"the run of {act} is not there"
        assert len(kept) >= acknowledged, f"{len(kept)} rows of {act}, of which {acknowledged} were acknowledged"
        assert info.row_count >= acknowledged
        listed = {run.run_id: run.row_count for run in page.runs}
        assert listed.get(path.run_id, -1) >= acknowledged, f"{listed}: {act} with {acknowledged} rows"


def tail(stage):
    """Follows a run through whatever is done to it: the rows of each life come from the first on, each once."""
    if stage.stale_s:
        network_disk.be_stale(stage.root, stage.stale_s)
    for _ in range(10):
        run, cursor, service, seen = stage.any_run(), None, stage.service, {}
        for _ in range(12):
            try:
                found = service.read_tail(run, cursor)
            except NotFoundError:
                break  # not begun yet, or deleted
            cursor, seen = found.cursor, {} if found.is_restarted else seen
            columns = {one.key: one.values.to_pylist() for one in found.history.series if one.key in ("who", "i")}
            for who, i in zip(columns.get("who", ()), columns.get("i", ()), strict=True):
                seen.setdefault(who, []).append(i)
            assert all(kept == list(range(len(kept))) for kept in seen.values()), f"{run}: the tail gave {seen}"
            if stage.chance.random() < 0.3:
                cursor = TailCursor.parse(str(cursor))
                service = LocalService(stage.root, default_entity=ENTITY)
            time.sleep(stage.stale_s or stage.chance.random() * 0.1)


def rows_of_life(history, act):
    """The numbers of the rows that one life of a writer logged, in the order they are read; each has all its values."""
    values = {}
    for series in history.series:
        rows = range(history.row_count) if series.rows is None else series.rows.tolist()
        values[series.key] = dict(zip(rows, series.values.to_pylist(), strict=True))
    who = act.number * LIVES + act.life
    rows = [row for row in range(history.row_count) if values["who"].get(row) == who]
    kept = [values["i"][row] for row in rows]
    for row, i in list(zip(rows, kept, strict=True))[:-1]:  # the last may lack its second piece
        assert values["x"][row] == i / 3
        assert values.get("s", {}).get(row) == ("text" * (i % 9) if i % 11 == 0 else None)
    return kept


def may_be_gone(act, acts):
    """Whether readers need not see this life any more: the run was begun anew, or deleted, since or meanwhile."""
    return any(
        other.fields["run"] == act.fields["run"]
        and other.end > act.start
        and (other.what == "delete" or (other.what == "open" and not other.fields["resume"]))
        for other in acts
        if other is not act and (other.actor, other.number, other.life) != (act.actor, act.number, act.life)
    )


ACTORS = {
    "write": write,
    "seal": seal,
    "merge": merge,
    "read": read,
    "tail": tail,
    "edit": edit,
    "delete": delete,
    "restore": restore,
    "repair": repair,
    "pack": pack,
}
CAST = {"write": 3, "seal": 2, "merge": 1, "read": 2, "tail": 1, "edit": 1, "delete": 1}
CAST |= {"restore": 1, "repair": 1, "pack": 1}
STOPPABLE = ("write", "seal", "merge", "delete", "restore", "repair")
