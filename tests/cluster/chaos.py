"""Harm of all kinds to a store in a cluster while it is written, read and sealed; and what must hold all the same.

Writers send the rows of a run through any replica, some twice at once, some again that came. Replicas are killed and
start again, the database is killed and starts again, and a part of what is asked of the bucket is lost, comes twice or
is refused. Whoever reads meanwhile sees each acknowledged row once, and no row that was not sent.
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

from replica_process import FailedError, ask
from s3_proxy import S3Proxy

from runlake.model import LoggedRow, RunPath, WriterBatch, WriterStart
from waiting import DEADLINE_S, wait_until

SCRIPT = Path(__file__).with_name("replica_process.py")
HARM = ("drop", "mute", "twice", "half", "busy", "slow")
ROWS_A_BATCH = 20


def batch_of(first, count, **more):
    rows = [LoggedRow(n, 1000.0 + n, float(n), {"n": n, "half": n / 2}) for n in range(first, first + count)]
    return WriterBatch(rows={"history": rows}, first_n={"history": first}, **more)


class Replica:
    """One process, which has the same address after it was killed."""

    def __init__(self, folder, number, words, variables):
        self.address = folder / f"r{number}"
        database_url, bucket_url, mutant = words
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
        self.error = None

    def run(self):
        try:
            handle = self._chaos.asked("begin_writer", self.path, WriterStart(client="chaos", is_shared=True))
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


class Chaos:
    """A database, a bucket behind a proxy that does harm, and replicas. Use it as a context."""

    def __init__(self, folder, postgres, s3, *, replica_count, harm=0.2, seed=0, mutant=""):
        self.chance = random.Random(seed)
        self._postgres = postgres
        self.database_url = postgres.url_of(postgres.make_database())
        self.bucket_url = s3.new_url()
        self._is_harmful, self.is_enough = threading.Event(), threading.Event()
        self._proxy = S3Proxy(s3.endpoint, self._words(harm))
        environment = {**s3.environment(), "AWS_ENDPOINT_URL": self._proxy.endpoint}
        variables = {**os.environ, **environment, "PYTHONPATH": f"{SCRIPT.parents[2] / 'src'}"}
        self.replicas = [
            Replica(folder, number, (self.database_url, self.bucket_url, mutant), variables)
            for number in range(replica_count)
        ]
        self.kill_count = self.restart_count = self.read_count = 0

    def __enter__(self):
        for replica in self.replicas:
            replica.start()
        for replica in self.replicas:
            wait_until(lambda replica=replica: self._answers(replica), replica.said)
        return self

    def __exit__(self, *_):
        for replica in self.replicas:
            replica.kill()
        self._proxy.stop()

    def _words(self, harm):
        chance = random.Random(1)
        while True:
            is_harm = self._is_harmful.is_set() and chance.random() < harm
            yield chance.choice(HARM) if is_harm else "pass"

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

    def harm_while(self, writers, *, kill_count, kill_every_s, restart_count, restart_every_s):
        """Let everything go wrong, so many times at least, until the writers have ended.

        Meanwhile it is read, and what is read is proven.
        """
        self._is_harmful.set()
        for writer in writers:
            writer.start()
        next_kill, next_restart = time.monotonic() + kill_every_s, time.monotonic() + restart_every_s
        while any(writer.is_alive() for writer in writers):
            now = time.monotonic()
            self._start_again()
            if now >= next_kill:
                replica = self.chance.choice(self.replicas)
                replica.kill()
                replica.start()
                self.kill_count, next_kill = self.kill_count + 1, now + kill_every_s
            if now >= next_restart:
                self._postgres.stop(signal.SIGQUIT)
                self._postgres.start()
                self.restart_count, next_restart = self.restart_count + 1, now + restart_every_s
            if self.kill_count >= kill_count and self.restart_count >= restart_count:
                self.is_enough.set()
            self.prove(self.chance.choice(writers))
            time.sleep(0.05)
        self._is_harmful.clear()
        for replica in self.replicas:
            wait_until(lambda replica=replica: self._start_again() or self._answers(replica), replica.said)

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
        self.read_count += 1
        count = len(steps)
        assert steps == list(range(count)), f"{writer.path} has the steps {steps}"
        assert count >= before, f"{writer.path} has {count} rows, and {before} were acknowledged"
        assert series.get("n", []) == list(range(count))
        assert series.get("half", []) == [n / 2 for n in range(count)]
        if is_whole:
            assert count == before, f"{writer.path} has {count} rows, and {before} were acknowledged"
