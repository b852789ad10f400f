"""Starts the actors of a soak over one store, stops and kills them by chance, and asks the checker at the end.

    conductor.py FOLDER SECONDS SEED [STALE_S]

The store is FOLDER/store, the ledgers are FOLDER/ledgers; both stay. Exit code 1, and what went wrong on stderr, when
an actor saw what must not be, or the checker did.
"""

import math
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import traceback
import warnings
from pathlib import Path

from actors import ACTORS, CAST, STOPPABLE, Stage
from ledger import read_acts

MEAN_LIFE_S = 0.5
"""Of computing, so that an actor gets as far on a busy machine."""
ENOUGH_OPENED = 20


class Conductor:
    """One process, without threads: actors are its forked children, so none of their ids is another's."""

    def __init__(self, folder, seed, stale_s):
        self.folder, self.seed, self.stale_s = folder, seed, stale_s
        self.chance = random.Random(seed)
        self.pids, self.lives, self.sleepers, self.failures = {}, {}, {}, []
        self.life_s, self.started_at_s = {}, {}
        self.kill_count = 0
        (folder / "ledgers").mkdir()

    def conduct(self, seconds):
        start = time.monotonic()
        end = start + seconds
        while time.monotonic() < end and not self.failures:
            if time.monotonic() > end - 1 and end < start + 5 * seconds and self.opened_count() < ENOUGH_OPENED:
                end += 1  # on a busy machine
            self.fill_the_stage()
            time.sleep(self.chance.random() * 0.1)
            self.interfere()
            self.reap()
        for pid in self.pids.values():
            os.kill(pid, signal.SIGKILL)
        for slot, pid in self.pids.items():
            self.note_end(slot, os.waitpid(pid, 0)[1])

    def opened_count(self):
        return sum(act.what == "open" and act.is_done for act in read_acts(self.folder / "ledgers"))

    def fill_the_stage(self):
        for actor, count in CAST.items():
            for slot in ((actor, number) for number in range(count)):
                if slot not in self.pids:
                    self.lives[slot] = self.lives.get(slot, -1) + 1
                    self.life_s[slot] = self.chance.expovariate(1 / MEAN_LIFE_S)
                    self.started_at_s[slot] = time.monotonic()
                    self.pids[slot] = self.start(*slot, self.lives[slot])

    def start(self, actor, number, life):
        pid = os.fork()
        if pid:
            return pid
        try:
            chance = random.Random(f"{self.seed} {actor} {number} {life}")
            ACTORS[actor](
                Stage(self.folder / "store", self.folder / "ledgers", actor, number, life, chance, self.stale_s)
            )
        except BaseException:
            (self.folder / f"failed-{actor}-{number}-{life}").write_text(traceback.format_exc())
            os._exit(1)
        os._exit(0)

    def interfere(self):
        for slot, (pid, until_s) in list(self.sleepers.items()):
            if time.monotonic() > until_s:
                del self.sleepers[slot]
                os.kill(pid, signal.SIGCONT)
        for slot, pid in self.pids.items():
            if computing_s(pid) > self.life_s[slot] or time.monotonic() > self.started_at_s[slot] + 30 * MEAN_LIFE_S:
                os.kill(pid, signal.SIGKILL)
                self.life_s[slot] = self.started_at_s[slot] = math.inf
                self.kill_count += 1
        slot = self.chance.choice(sorted(self.pids))
        kind = self.chance.random()
        if kind < 0.2 and slot[0] in STOPPABLE and slot not in self.sleepers:
            os.kill(self.pids[slot], signal.SIGSTOP)
            self.sleepers[slot] = self.pids[slot], time.monotonic() + self.chance.random()
        elif kind > 0.9:
            shutil.rmtree(self.folder / "store" / ".catalog", ignore_errors=True)

    def reap(self):
        for slot, pid in list(self.pids.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                del self.pids[slot]
                self.sleepers.pop(slot, None)
                self.note_end(slot, status)

    def note_end(self, slot, status):
        if status and status != signal.SIGKILL:
            report = self.folder / f"failed-{slot[0]}-{slot[1]}-{self.lives[slot]}"
            self.failures.append(report.read_text() if report.exists() else f"{slot} ended with status {status}")


def computing_s(pid):
    """What a child has computed so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(folder, seconds, seed, stale_s="0"):
    warnings.simplefilter("ignore")  # faults of the disk are warned of, and wanted here
    folder = Path(folder)
    conductor = Conductor(folder, int(seed), float(stale_s))
    conductor.conduct(float(seconds))
    if conductor.failures:
        print(*conductor.failures, sep="\n", file=sys.stderr)
        return 1
    print(f"{conductor.kill_count} kills, {sum(conductor.lives.values()) + len(conductor.lives)} lives", flush=True)
    checker = [sys.executable, Path(__file__).with_name("checker.py"), folder]
    return subprocess.run(list(map(str, checker)), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
