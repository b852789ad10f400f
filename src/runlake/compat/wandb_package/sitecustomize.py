"""Runs at the start of every Python process below `runlake exec`.

It lets `import wandb` find runlake's package, then runs the `sitecustomize` of the environment, which this file
hides: Python loads only the first one on its path.
"""

import sys
from importlib.machinery import PathFinder
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

HERE = Path(__file__).resolve().parent


def put_wandb_first():
    spec = spec_from_file_location("runlake_wandb_finder", HERE.parent / "finder.py")
    finder = module_from_spec(spec)
    spec.loader.exec_module(finder)
    if not finder.steps_aside():
        finder.put_first()
        finder.keep_runlake_reachable()


def run_the_hidden_one():
    others = [entry for entry in sys.path if Path(entry).resolve() != HERE]
    spec = PathFinder.find_spec("sitecustomize", others)
    if spec is None or spec.loader is None:
        return
    module = module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


put_wandb_first()
run_the_hidden_one()
