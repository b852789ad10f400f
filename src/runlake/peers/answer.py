"""The process that has others' packages: ``python answer.py MODULE`` reads requests from stdin, and answers on stdout.

A request is a line of JSON with the name of a function in ``VERBS`` of the module, which lies beside this file, and
its arguments. The answer is a line of JSON for each dict that the function yields, and then ``{"end": true}``, or
``{"error": text}`` where it failed. A module whose packages are not installed answers ``{"missing": name}`` first of
all, others ``{"ready": version}``. What the packages print goes to stderr.

Nothing of runlake is imported here, since it need not be installed where the packages are.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any, TextIO


def main() -> None:
    """Answer until stdin ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", newline="\n")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    try:
        module = importlib.import_module(sys.argv[1])
    except ImportError as error:
        _say(answers, {"missing": error.name or str(error), "why": str(error)})
        return
    _say(answers, {"ready": module.VERSION})
    for line in sys.stdin:
        request = json.loads(line)
        try:
            for answer in module.VERBS[request.pop("verb")](**request):
                _say(answers, answer)
        except Exception as error:
            traceback.print_exc()
            _say(answers, {"error": f"{type(error).__name__}: {error}"})
        else:
            _say(answers, {"end": True})


def _say(answers: TextIO, document: dict[str, Any]) -> None:
    answers.write(json.dumps(document) + "\n")
    answers.flush()


if __name__ == "__main__":
    main()
