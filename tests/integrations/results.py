"""What the last full run of the trials found, as a document in the repository: ``results.json``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from catalogue import TRIALS
from trials import Trial

FILE = Path(__file__).parent / "results.json"
DECLARED = ("library", "use")
FOUND = ("client", "exec", "runs", "rows", "keys", "artifacts", "versions")


def recorded() -> dict[str, dict[str, Any]]:
    """Trials by name → what they found."""
    return json.loads(FILE.read_text("utf-8")) if FILE.exists() else {}


def declared(trial: Trial) -> dict[str, Any]:
    """What the catalogue says of a trial, as it stands in the document."""
    whole = asdict(trial)
    reasons = list(dict.fromkeys(difference.reason for difference in trial.differences))
    return {name: whole[name] for name in DECLARED} | {"differences": reasons}


def record(trial: Trial, found: dict[str, Any]) -> None:
    """Take what a trial found into the document, which has the trials as the catalogue has them."""
    new = declared(trial) | {name: found[name] for name in FOUND}
    every = recorded() | {trial.name: new}
    kept = {each.name: every[each.name] for each in TRIALS if each.name in every}
    FILE.write_text(json.dumps(kept, indent=1, ensure_ascii=False) + "\n", "utf-8")
