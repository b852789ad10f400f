"""Ceph's S3 server on free ports: a monitor, a store of objects in memory and the gateway, gone afterwards.

`apt-get install radosgw ceph-mon ceph-osd` brings the programs. No manager runs: nothing that is asked here needs one.
"""

import contextlib
import itertools
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from datetime import timedelta
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from seaweed import BUCKET, S3Server, free_ports

from waiting import DEADLINE_S

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mon", "ceph-osd", "monmaptool", "radosgw", "radosgw-admin")
_KEY = "all"

_SETTINGS = """
[global]
fsid = {fsid}
mon host = v2:127.0.0.1:{mon_port}
run dir = {folder}
admin socket =
log file = {folder}/$name.log
keyring = {folder}/keyring
mon data = {folder}/mon
osd data = {folder}/osd
rgw data = {folder}/rgw
auth allow insecure global id reclaim = false
ms bind msgr1 = false
ms bind port min = 13000
ms bind port max = 22000
osd objectstore = memstore
memstore device bytes = 4294967296
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 2
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon max pg per osd = 1000
"""
"""One copy of all, since there is one place for it; and few groups for each of the gateway's seven pools."""


def why_not():
    """Why there is no Ceph for tests here; None where there is one."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return f"{', '.join(missing)} of Ceph not installed: apt-get install radosgw ceph-mon ceph-osd" if missing else None


@contextlib.contextmanager
def s3_server():
    """A server with an empty bucket, as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="runlake-ceph-") as folder, contextlib.ExitStack() as running:
        ceph = _Ceph(Path(folder), running)
        ceph.start_cluster()
        user = ["--uid", _KEY, "--display-name", _KEY, "--access-key", _KEY, "--secret-key", f"{_KEY}-secret"]
        ceph.tell("radosgw-admin", "user", "create", *user)
        (port,) = free_ports(1)
        front = f"--rgw-frontends=beast endpoint=127.0.0.1:{port}"
        gateway = ceph.start("radosgw", "-f", "-n", "client.admin", front)
        server = S3Server(f"http://127.0.0.1:{port}", gateway, itertools.count(1))
        _make_bucket(server, Path(folder, "radosgw.out"))
        yield server


class _Ceph:
    def __init__(self, folder, running):
        self._folder, self._running = folder, running
        self._environment = {**os.environ, "CEPH_ARGS": f"-c {folder / 'ceph.conf'}"}

    def start_cluster(self):
        """A monitor, and the one place for objects."""
        folder, fsid, (mon_port,) = self._folder, str(uuid.uuid4()), free_ports(1)
        for name in ("mon", "osd", "rgw"):
            (folder / name).mkdir()
        (folder / "ceph.conf").write_text(_SETTINGS.format(folder=folder, fsid=fsid, mon_port=mon_port))
        all_rights = [word for part in ("mon", "osd") for word in ("--cap", part, "allow *")]
        self.tell("ceph-authtool", "--create-keyring", "keyring", "--gen-key", "-n", "mon.", "--cap", "mon", "allow *")
        self.tell("ceph-authtool", "keyring", "--gen-key", "-n", "client.admin", *all_rights)
        self.tell("monmaptool", "--create", "--addv", "a", f"[v2:127.0.0.1:{mon_port}]", "--fsid", fsid, "monmap")
        self.tell("ceph-mon", "--mkfs", "-i", "a", "--monmap", "monmap", "--keyring", "keyring")
        self.start("ceph-mon", "-f", "-i", "a")
        place = str(uuid.uuid4())
        self.tell("ceph", "osd", "new", place)
        key = self.tell("ceph", "auth", "get-or-create", "osd.0", "mon", "allow *", "osd", "allow *")
        with (folder / "keyring").open("a") as keyring:
            keyring.write(key)
        self.tell("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", place)
        self.start("ceph-osd", "-f", "-i", "0")

    def tell(self, *command):
        """Run a program to its end; what it says."""
        how = {"cwd": self._folder, "env": self._environment, "capture_output": True, "text": True}
        done = subprocess.run(command, timeout=DEADLINE_S, check=False, **how)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def start(self, *command):
        """A process that is killed at the end: what it had is needed no more."""
        with (self._folder / f"{command[0]}.out").open("w") as out:
            process = subprocess.Popen(command, cwd=self._folder, env=self._environment, stdout=out, stderr=out)
        self._running.callback(process.wait, DEADLINE_S)
        self._running.callback(process.send_signal, signal.SIGKILL)
        return process


def _make_bucket(server, log):
    """As soon as it answers. An address of obstore's own does: it makes no buckets, but signs for whoever does."""
    import obstore
    from obstore.store import S3Store

    store = S3Store(BUCKET, **server.options(_KEY), client_options={"allow_http": True})
    end = time.monotonic() + DEADLINE_S
    while server.process.poll() is None and time.monotonic() < end:
        try:
            urlopen(Request(obstore.sign(store, "PUT", "", timedelta(minutes=5)), method="PUT"), timeout=DEADLINE_S)
        except HTTPError:
            raise
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"radosgw did not start: {log.read_text()[-2000:]}")
