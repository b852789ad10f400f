"""The two ways in which a script is run, each in a folder and with a home of its own."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from seat import CHECKOUT, KEY, USER, serve
from trials import Trial

ENVIRONMENTS = CHECKOUT / ".venv" / "integrations"
TIMEOUT_S = 600
NO_NETWORK = {
    "HF_HUB_OFFLINE": "1",
    "HF_DATASETS_OFFLINE": "1",
    "RAY_USAGE_STATS_ENABLED": "0",
    "YOLO_OFFLINE": "true",
    "YOLO_AUTOINSTALL": "false",
}


@dataclass(frozen=True)
class Ended:
    """What came of a script: its exit code, all that it printed, and the store in which its runs are."""

    code: int
    printed: str
    store: Path
    folder: Path

    @property
    def complaint(self) -> str:
        """The last line of the last traceback, when it failed."""
        lines = [
            line for line in self.printed.splitlines() if line and not line.startswith((" ", "wandb:", "runlake:"))
        ]
        return next((line for line in reversed(lines) if "Error" in line), lines[-1] if lines else "said nothing")


def is_there(environment: str) -> bool:
    """Whether the libraries of an environment are installed."""
    return (ENVIRONMENTS / f"{environment}.done").exists()


def through_exec(trial: Trial, home: Path) -> Ended:
    """Run the script through ``runlake exec``, where no wandb is installed."""
    store = home / "store"
    variables = {"RUNLAKE_DIR": str(store), "RUNLAKE_SEAL": "off"}
    return run(trial, home, ["-m", "runlake", "exec"], store, variables)


def with_client(trial: Trial, home: Path) -> Ended:
    """Run the script with the official client before a server of its own."""
    store = home / "store"
    store.mkdir(parents=True)
    with serve(store, log=home / "server.log") as url:
        variables = {
            "PYTHONPATH": str(ENVIRONMENTS / trial.environment / "client"),
            "WANDB_BASE_URL": url,
            "WANDB_API_KEY": KEY,
            "WANDB_ERROR_REPORTING": "false",
        }
        return run(trial, home, [], store, variables)


def run(trial: Trial, home: Path, through: list[str], store: Path, variables: dict[str, str]) -> Ended:
    """Run the script to its end, with nothing of the user's own environment."""
    folder = home / "work"
    folder.mkdir(parents=True)
    binaries = ENVIRONMENTS / trial.environment / "bin"
    environment = {
        "PATH": f"{binaries}{os.pathsep}{os.environ['PATH']}",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "WANDB_ENTITY": USER,
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUNBUFFERED": "1",
        **NO_NETWORK,
        **variables,
    }
    command = [str(binaries / "python"), *through, str(trial.path), *trial.arguments]
    with (home / "printed.txt").open("w+", encoding="utf-8") as printed:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=printed,
            stderr=subprocess.STDOUT,
            timeout=TIMEOUT_S,
            check=False,
        )
        printed.seek(0)
        return Ended(done.returncode, printed.read(), store, folder)
