"""Write the table of ``guide/libraries.md`` from what was found: ``python docs/generate_libraries.py``.

``tests/integrations/results.json`` is what `make test-integrations` wrote when it last recorded.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
FOUND = ROOT / "tests" / "integrations" / "results.json"
PAGE = ROOT / "docs" / "guide" / "libraries.md"
BEGIN = "<!-- made by docs/generate_libraries.py -->\n"


def cell(verdict: str) -> str:
    """What came of one way."""
    return "works" if verdict == "works" else f"**fails**: `{verdict.replace('|', ' ').replace('`', '')}`"


def named(found: dict[str, Any]) -> str:
    """A library and its release."""
    library = found["library"]
    releases = found["versions"]
    if list(releases) == [library.lower()]:
        return f"{library} {releases[library.lower()]}"
    return f"{library} ({', '.join(f'{name} {version}' for name, version in releases.items())})"


def table() -> str:
    """A line for each use of a library."""
    lines = ["| Library | Use | `runlake exec` | wandb and the server | Runs, rows, keys | Artifacts | What differs |"]
    lines.append("| --- | --- | --- | --- | --- | --- | --- |")
    for found in json.loads(FOUND.read_text("utf-8")).values():
        library = named(found)
        amounts = f"{found['runs']}, {found['rows']}, {found['keys']}"
        artifacts = str(found["artifacts"] or "")
        cells = [library, found["use"], cell(found["exec"]), cell(found["client"]), amounts, artifacts]
        cells.append("; ".join(found["differences"]))
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its table made anew."""
    before, mark, _ = PAGE.read_text("utf-8").partition(BEGIN)
    return before + mark + "\n" + table()


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
