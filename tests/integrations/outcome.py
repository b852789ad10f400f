"""A trial run in both ways, and what came of it as a document: what the page is made of."""

import re
import subprocess
from pathlib import Path
from typing import Any

from kept_artifacts import artifacts_logged_by
from stores import differences, runs_of
from trials import Trial
from ways import ENVIRONMENTS, Ended, through_exec, with_client

ASK_VERSIONS = "import sys, importlib.metadata as m; print(*map(m.version, sys.argv[1:]))"


def try_out(trial: Trial, home: Path) -> dict[str, Any]:
    """Run a trial in both ways and compare; ``undeclared`` and ``not met`` are empty when all is as declared."""
    client, exec_ = with_client(trial, home / "client"), through_exec(trial, home / "exec")
    both = [runs_of(ended.store) if ended.store.exists() else [] for ended in (client, exec_)]
    found = {"client": verdict(client, both[0]), "exec": verdict(exec_, both[1])}
    lines = list(differences(*both, trial.varying)) if set(found.values()) == {"works"} else []
    found["runs"], found["rows"], found["keys"], found["artifacts"] = max(map(amounts, both))
    found["versions"] = versions(trial)
    found["undeclared"] = [line for line in lines if not any(re.search(d.pattern, line) for d in trial.differences)]
    found["not met"] = [
        d.pattern for d in trial.differences if lines and not any(re.search(d.pattern, line) for line in lines)
    ]
    return found


def verdict(ended: Ended, runs: list[Any]) -> str:
    """Whether the script came to its end and its runs are where they belong, or what it died of."""
    if ended.code != 0:
        return ended.complaint
    elsewhere = [str(found.relative_to(ended.folder)) for found in ended.folder.rglob("store.toml")]
    if elsewhere:
        return f"left a store of its own: {elsewhere[0]}"
    states = sorted({run.state for run in runs})
    return "works" if states == ["finished"] else f"ended, with runs that are {states}"


def amounts(runs: list[Any]) -> tuple[int, int, int, int]:
    """How many runs there are, their rows, the keys in these, and the versions of artifacts that they logged."""
    rows = [row for run in runs for row in run.scan_history()]
    keys = {key for row in rows for key in row if not key.startswith("_")}
    return len(runs), len(rows), len(keys), sum(map(len, map(artifacts_logged_by, runs)))


def versions(trial: Trial) -> dict[str, str]:
    """Which releases were tried."""
    python = ENVIRONMENTS / trial.environment / "bin" / "python"
    command = [str(python), "-c", ASK_VERSIONS, *trial.distributions]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return dict(zip(trial.distributions, printed.split(), strict=True))
