"""The other trackers, each in an environment of its own under ``benchmarks/.envs``."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.bench import HERE, Subject

ENVIRONMENTS = HERE / ".envs"


@dataclass(frozen=True)
class Peer:
    """What to install, and how the tracker is told to stay on this machine. The first package is the tracker."""

    name: str
    packages: tuple[str, ...]
    call_row_count: int = 20_000
    reads: bool = True
    environment: dict[str, str] = field(default_factory=dict)


PEERS = (
    Peer(
        "wandb",
        ("wandb==0.31.0",),
        reads=False,
        environment={"WANDB_MODE": "offline", "WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"},
    ),
    Peer(
        "trackio",
        ("trackio==0.43.0", "pandas==3.1.1"),
        environment={"TRACKIO_DIR": "{folder}", "HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"},
    ),
    Peer(
        "tensorboardx",
        ("tensorboardX==2.6.5", "tensorboard==2.21.0", "pandas==3.1.1"),
        call_row_count=10_000,
    ),
    Peer("aim", ("aim==3.29.1", "pandas==3.1.1"), call_row_count=5_000),
    Peer(
        "mlflow",
        ("mlflow==3.17.2",),
        call_row_count=1_000,
        environment={"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
    ),
)


class NotInstallableError(Exception):
    """pip could not install a peer; the message is its last line."""


def install_peers() -> Iterator[tuple[str, Subject | NotInstallableError]]:
    """Each peer's title, and the tracker ready to run or the reason why there is none."""
    for peer in PEERS:
        title = peer.packages[0].replace("==", " ")
        try:
            python = environment_python(peer)
        except NotInstallableError as error:
            yield title, error
            continue
        yield title, Subject(peer.name, title, python, peer.call_row_count, peer.reads, peer.environment)


def environment_python(peer: Peer) -> Path:
    """The interpreter of the peer's environment, which is made when it is not there or holds other versions."""
    folder = ENVIRONMENTS / peer.name
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    wanted = json.dumps([sys.version, *peer.packages])
    stamp = folder / "installed.json"
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"installing {', '.join(peer.packages)}", file=sys.stderr, flush=True)
        run_installer([sys.executable, "-m", "venv", "--clear", str(folder)])
        run_installer([str(python), "-m", "pip", "install", "-q", *peer.packages])
        stamp.write_text(wanted)
    return python


def run_installer(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstallableError((errors or done.stderr.splitlines() or ["no reason given"])[-1])
