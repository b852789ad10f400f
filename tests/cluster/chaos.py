"""Harm of all kinds to a store in a cluster while it is written, read and sealed; and what must hold all the same.

Writers send the rows of a run through any replica, some twice at once, some again that came. Replicas are killed and
start again, stopped until their leases are over, cut off from the database; the database is killed and starts again, or
its standby takes its place; a part of what is asked of the bucket is lost, comes twice, is refused or
answered with a lie. Whoever reads
meanwhile sees each acknowledged row once, and no row that was not sent.
"""

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from lost_answers import LosingProxy
from parts_of_cluster import parts_in_two_segments
from replica_process import FailedError, ask
from s3_proxy import LIES, S3Proxy

from runlake.errors import RunlakeError
from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from runlake.store.cluster.bucket import Bucket
from runlake.store.cluster.comparison import Comparison
from runlake.store.cluster.database import Database
from runlake.store.cluster.garbage import collect
from runlake.store.cluster.object_cache import ObjectCache
from runlake.store.cluster.store import ClusterStore
from waiting import DEADLINE_S, wait_until

SCRIPT = Path(__file__).with_name("replica_process.py")
HARM = ("drop", "mute", "twice", "half", "busy", "slow", *LIES)
ROWS_A_BATCH = 20
_UNSEALED = "select run_id, writer, number, end_offset from parts join runs using (run_no) where sealed_in is null"


def batch_of(first, count, **more):
    rows = [LoggedRow(n, 1000.0 + n, float(n), {"n": n, "half": n / 2}) for n in range(first, first + count)]
    return WriterBatch(rows={"history": rows}, first_n={"history": first}, **more)


class Replica:
    """One process, which has the same address after it was killed, and ways of its own to the database's servers."""

    def __init__(self, folder, number, servers, words, variables):
        self.address = folder / f"r{number}"
        self._ways = [LosingProxy(server.folder / ".s.PGSQL.5432") for server in servers]
        database, bucket_url, mutant = words
        hosts, ports = ",".join("127.0.0.1" for _ in servers), ",".join(str(way.port) for way in self._ways)
        database_url = f"postgresql://tests@/{database}?host={hosts}&port={ports}&target_session_attrs=read-write"
        cache_dir = folder / f"cache{number}"
        self._command = [sys.executable, SCRIPT, self.address, database_url, bucket_url, cache_dir, mutant]
        self._variables, self._log = variables, folder / f"r{number}.log"
        self.process = None

    def start(self):
        self.address.unlink(missing_ok=True)
        with self._log.open("a") as log:
            self.process = subprocess.Popen(
                self._command, env=self._variables, stdout=subprocess.DEVNULL, stderr=log, start_new_session=True
            )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(DEADLINE_S)

    def close(self):
        self.kill()
        for way in self._ways:
            way.close()

    @contextlib.contextmanager
    def stopped(self):
        """It does nothing, and knows nothing of it."""
        self.process.send_signal(signal.SIGSTOP)
        yield
        self.process.send_signal(signal.SIGCONT)

    @contextlib.contextmanager
    def cut_off(self):
        """Nothing comes through between it and the database; afterwards what was sent meanwhile does."""
        for way in self._ways:
            way.is_open.clear()
        yield
        for way in self._ways:
            way.is_open.set()

    def said(self):
        return self._log.read_text()


class Writer(threading.Thread):
    """Sends one run as long as harm is to be done, and `batch_count` batches at least; remembers what was acknowledged.

    A batch that fails is sent again, through another replica.
    """

    def __init__(self, chaos, number, batch_count):
        super().__init__(daemon=True)
        self.path = RunPath("ann", "chaos", f"w{number}")
        self._chaos, self._batch_count, self._chance = chaos, batch_count, random.Random(number)
        self.acknowledged = 0
        self.writer = None
        self.error = None

    def run(self):
        try:
            handle = self._chaos.asked("begin_writer", self.path, WriterStart(client="chaos", is_shared=True))
            self.writer = handle.writer
            for number in itertools.count():
                if number >= self._batch_count and self._chaos.is_enough.is_set():
                    break
                first = number * ROWS_A_BATCH
                overlap = ROWS_A_BATCH // 2 if first and self._chance.random() < 0.1 else 0
                batch = batch_of(first - overlap, ROWS_A_BATCH + overlap)
                if self._chance.random() < 0.15:
                    threading.Thread(target=self._send_beside, args=(handle.writer, batch), daemon=True).start()
                answer = self._chaos.asked("write_batch", self.path, handle.writer, batch)
                self.acknowledged = max(self.acknowledged, answer.row_counts["history"])
            self._chaos.asked("write_batch", self.path, handle.writer, WriterBatch(exit_code=0))
        except Exception as error:  # told by who waits for it
            self.error = error

    def _send_beside(self, writer, batch):
        with contextlib.suppress(FailedError):
            self._chaos.one_answer("write_batch", self.path, writer, batch)


class Reader(threading.Thread):
    """Reads all the time, and proves what it reads."""

    def __init__(self, chaos, writers):
        super().__init__(daemon=True)
        self._chaos, self._writers, self._is_over, self._error = chaos, writers, threading.Event(), None

    def run(self):
        try:
            while not self._is_over.wait(0.02):
                self._chaos.prove(self._chaos.chance.choice(self._writers))
                self._chaos.prove_listing(self._writers)
                self._chaos.prove_segments(self._chaos.chance.choice(self._writers))
        except AssertionError as error:  # told by `end`
            self._error = error

    def end(self):
        self._is_over.set()
        self.join()
        if self._error is not None:
            raise self._error


class Chaos:
    """A database and perhaps its standby, a bucket behind a proxy that does harm, and replicas. Use it as a context."""

    def __init__(self, folder, postgres, s3, *, replica_count, standby=None, harms=HARM, share=0.2, seed=0, mutant=""):
        self.chance = random.Random(seed)
        self._postgres, self._standby = postgres, standby
        servers = [server for server in (postgres, standby) if server is not None]
        name = postgres.make_database()
        hosts = ",".join(str(server.folder) for server in servers)
        self.database_url = f"postgresql://tests@/{name}?host={hosts}&target_session_attrs=read-write"
        self.bucket_url = s3.new_url()
        database, bucket = Database(self.database_url), Bucket(self.bucket_url, s3.options())
        self.store = ClusterStore(database, bucket, ObjectCache(folder / "cache", 1 << 28))
        self._is_harmful, self.is_enough = threading.Event(), threading.Event()
        self._proxy = S3Proxy(s3.endpoint, self._words(harms, share))
        environment = {**s3.environment(), "AWS_ENDPOINT_URL": self._proxy.endpoint}
        variables = {**os.environ, **environment, "PYTHONPATH": f"{SCRIPT.parents[2] / 'src'}"}
        self.replicas = [
            Replica(folder, number, servers, (name, self.bucket_url, mutant), variables)
            for number in range(replica_count)
        ]
        self.deeds = dict.fromkeys(
            ("kill", "stopped", "cut_off", "restart", "fail_over", "read", "listing", "segments"), 0
        )

    def __enter__(self):
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            wait_until(lambda replica=replica: self._answers(replica), replica.said)
        return self

    def __exit__(self, *_):
        for replica in self.replicas:
            replica.close()
        self.store.close()
        self._proxy.stop()

    def _words(self, harms, share):
        chance = random.Random(1)
        while True:
            is_harm = self._is_harmful.is_set() and chance.random() < share
            yield chance.choice(harms) if is_harm else "pass"

    def _answers(self, replica):
        try:
            return ask(replica.address, "list_projects") is not None
        except FailedError:
            return False

    def one_answer(self, verb, *arguments, **options):
        """Asked once, of any replica."""
        return ask(self.chance.choice(self.replicas).address, verb, *arguments, **options)

    def asked(self, verb, *arguments, **options):
        """Asked of one replica after the other until one answers."""
        end = time.monotonic() + DEADLINE_S
        while True:
            try:
                return self.one_answer(verb, *arguments, **options)
            except FailedError as error:
                if time.monotonic() > end:
                    raise AssertionError(f"{verb} was not answered: {error}") from None
                time.sleep(0.02)

    def harm_while(self, writers, *, counts, every_s):
        """Let everything go wrong, each of `counts` so many times at least and each `every_s` seconds.

        It ends when the writers have, but for the bucket, which is harmed until all is sealed. Meanwhile it is read,
        and what is read is proven.
        """
        reader = Reader(self, writers)
        self._is_harmful.set()
        for thread in (*writers, reader):
            thread.start()
        due_s = {deed: time.monotonic() + pause_s for deed, pause_s in every_s.items()}
        with contextlib.ExitStack() as harmed:
            while any(writer.is_alive() for writer in writers) and reader.is_alive():
                self._start_again()
                for deed, at_s in due_s.items():
                    if time.monotonic() >= at_s:
                        harmed.close()
                        self._harm(deed, harmed)
                        self.deeds[deed] += 1
                        due_s[deed] = time.monotonic() + every_s[deed]
                if all(self.deeds[deed] >= count for deed, count in counts.items()):
                    self.is_enough.set()
                time.sleep(0.02)
        for replica in self.replicas:
            wait_until(lambda replica=replica: self._start_again() or self._answers(replica), replica.said)
        wait_until(
            lambda: not reader.is_alive() or not self._unsealed(writers),
            lambda: (
                f"{self._unsealed(writers)} are sealed; the replicas say: {[r.said()[-3000:] for r in self.replicas]}"
            ),
            deadline_s=2 * DEADLINE_S,
        )
        reader.end()
        self._is_harmful.clear()

    def _unsealed(self, writers):
        """The parts of these writers that are not sealed.

        One whose beginning was not answered is known to nobody. It has said nothing but who it is, and its part stays
        open, since it may only be asleep.
        """
        mine = {writer.writer for writer in writers}
        return [row for row in self.store.database.read(_UNSEALED) if row[1] in mine]

    def _harm(self, deed, harmed):
        """What lasts ends with `harmed`."""
        replica = self.chance.choice(self.replicas)
        if deed == "kill":
            replica.kill()
            replica.start()
        elif deed in ("stopped", "cut_off"):
            harmed.enter_context(getattr(replica, deed)())
        elif deed == "restart":
            self._postgres.stop(signal.SIGQUIT)
            self._postgres.start()
        elif self._standby is not self._postgres:
            self._fail_over()

    def _fail_over(self):
        """The standby hears nothing for a while, and then the primary is gone for ever."""
        self._standby.execute("alter system set primary_conninfo = ''", "select pg_reload_conf()")
        time.sleep(1.0)
        self._postgres.stop(signal.SIGKILL)
        self._standby.execute("select pg_promote()")
        self._postgres = self._standby

    def _start_again(self):
        """What ended by itself, because the database was away when it began, is started again as everywhere."""
        for replica in self.replicas:
            if replica.process.poll() is not None:
                replica.start()

    def prove(self, writer, *, is_whole=False):
        """What a run has at this moment is 0 to k, each once, and k is not below what was acknowledged before."""
        before = writer.acknowledged
        try:
            steps, series = self.one_answer("read_history", writer.path)
        except FailedError as error:
            is_lost = is_whole or (before and error.args[0] in ("NotFoundError", "CorruptError"))
            if is_lost:
                raise AssertionError(f"{writer.path} is gone: {error}") from None
            return
        self.deeds["read"] += 1
        count = len(steps)
        assert steps == list(range(count)), f"{writer.path} has the steps {steps}"
        assert count >= before, f"{writer.path} has {count} rows, and {before} were acknowledged"
        assert series.get("n", []) == list(range(count))
        assert series.get("half", []) == [n / 2 for n in range(count)]
        if is_whole:
            assert count == before, f"{writer.path} has {count} rows, and {before} were acknowledged"

    def prove_listing(self, writers):
        """Each run that was begun is listed once, with all that was acknowledged before."""
        before = {writer.path.run_id: writer.acknowledged for writer in writers if writer.acknowledged}
        try:
            runs = self.one_answer("list_runs", "ann", "chaos", limit=1000).runs
        except FailedError:
            return
        self.deeds["listing"] += 1
        listed = [run.run_id for run in runs]
        assert len(set(listed)) == len(listed), f"the runs {listed} are listed"
        counts = {run.run_id: run.row_count for run in runs}
        for run_id, count in before.items():
            listed_count = counts.get(run_id, "no")
            is_there = run_id in counts and listed_count >= count
            assert is_there, f"{run_id} is listed with {listed_count} rows, and {count} were acknowledged"
        for run in runs:
            told = run.row_count, run.last_step, run.summary.get("n", -1), run.summary.get("half", -0.5)
            assert told == (run.row_count, run.row_count - 1, run.row_count - 1, (run.row_count - 1) / 2), told

    def prove_segments(self, writer):
        """No part is in two segments."""
        try:
            twice = parts_in_two_segments(self.store, writer.path)
        except (RunlakeError, OSError):
            return
        self.deeds["segments"] += 1
        assert not twice, f"{writer.path} has {twice} in two segments"

    def prove_bucket(self):
        """It holds what the tables say, and else only what was said to be removed, and was not."""
        differences = Comparison(self.store.database, self.store.bucket).differences(is_reading=True)
        folder = self.bucket_url.removeprefix("s3://").partition("/")[2]
        kept = {("unknown", key.removeprefix(f"{folder}/")) for key in self._proxy.kept}
        wrong = [found for found in differences if (found.kind, found.key) not in kept]
        assert not wrong, f"the bucket is not as the tables say: {wrong}"


def survive(folder, postgres, s3, *, writer_count, batch_count, counts, every_s, **made):
    """Let writers write while all goes wrong; then each acknowledged row is there once, and nothing else."""
    with Chaos(folder, postgres, s3, **made) as chaos:
        writers = [Writer(chaos, number, batch_count) for number in range(writer_count)]
        chaos.harm_while(writers, counts=counts, every_s=every_s)

        assert [writer.error for writer in writers] == [None] * writer_count
        assert all(writer.acknowledged >= batch_count * ROWS_A_BATCH for writer in writers)
        database, bucket = chaos.store.database, chaos.store.bucket
        for writer in writers:
            chaos.prove(writer, is_whole=True)
        assert min(chaos.deeds[deed] for deed in (*counts, "read", "listing", "segments")) > 0
        collect(database, bucket, staged_s=0.0, dead_s=0.0)
        chaos.prove_bucket()
