"""Write the tables of ``guide/wandb-clients.md`` from the tests: ``python docs/generate_wandb_clients.py``.

The tests with the official client are marked with what of it they show to work, or to be refused, or to work in each
version that is tried; which those are, the lists of what is installed for these tests say.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
TESTS = ROOT / "tests" / "server" / "official"
LISTS = ROOT / "requirements"
PAGE = ROOT / "docs" / "guide" / "wandb-clients.md"
BEGIN = "<!-- made by docs/generate_wandb_clients.py -->\n"
VERDICTS = ("works", "refused", "every_client")


def marked() -> Iterator[tuple[str, str, Any]]:
    """(what of the client, a verdict, a remark) of every mark; in place of a remark, what is otherwise in a version."""
    for file in sorted(TESTS.glob("test_*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if not isinstance(node, ast.FunctionDef):
                continue
            for mark in node.decorator_list:
                if not (isinstance(mark, ast.Call) and isinstance(mark.func, ast.Name)):
                    continue
                if mark.func.id not in VERDICTS:
                    continue
                remark = next((ast.literal_eval(word.value) for word in mark.keywords), None)
                for name in mark.args:
                    yield ast.literal_eval(name), mark.func.id, remark


def table() -> str:
    """The members by name, what works before what does not."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, verdict, remark in marked():
        if verdict == "every_client":
            continue
        remarks = found.setdefault((name, verdict), [])
        if remark and remark not in remarks:
            remarks.append(remark)
    lines = ["| W&B | Here | |", "| --- | --- | --- |"]
    for (name, verdict), remarks in sorted(found.items(), key=lambda entry: (entry[0][1] == "refused", entry[0][0])):
        word = "works" if verdict == "works" else "does not work" if remarks else "does not work, and says so"
        lines.append(f"| `{name}` | {word} | {'; '.join(remarks)} |")
    return "\n".join(lines) + "\n"


def versions() -> list[str]:
    """The versions of the client that are tried, the newest first."""
    pinned = (re.search(r"^wandb==(\S+)$", file.read_text("utf-8"), re.MULTILINE) for file in LISTS.glob("wandb*.in"))
    found = [match[1] for match in pinned if match]
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")], reverse=True)


def version_table() -> str:
    """What each version was tried with, in the order of the tests."""
    tried = versions()
    lines = ["| | " + " | ".join(tried) + " |", "| --- |" + " --- |" * len(tried)]
    found = {name: remark or {} for name, verdict, remark in marked() if verdict == "every_client"}
    for name, but in found.items():
        told = (next((text for older, text in but.items() if version.startswith(older)), "works") for version in tried)
        lines.append(f"| {name} | " + " | ".join(told) + " |")
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with its tables made anew."""
    before, mark, _ = PAGE.read_text("utf-8").partition(BEGIN)
    return f"{before}{mark}\n{version_table()}\n{table()}"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
