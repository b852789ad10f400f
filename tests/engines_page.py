"""The page about engines as tests see it: a program for each engine, and a store that it is asked of."""

import ast
import contextlib
import re
from pathlib import Path

from runlake.service.cluster.service import ClusterService
from served import Holder, SocketServer, make_app
from trainer import Trainer

PAGE = Path(__file__).parents[1] / "docs" / "guide" / "engines.md"
HERE = ("duckdb", "polars", "pyarrow")
"""Those that are installed beside the tests; of DuckDB's releases not all can read a bucket."""

MEANS = {"a": 2.0, "b": 20.0}


def programs(heading):
    """Engine → the program that the page has for it under a heading: what finds the files, then what asks."""
    blocks = texts_under(heading, "python")
    first, *others = blocks if len(blocks) > 1 else ["", *blocks]
    return {engine_of(block): f"{first}\n{block}" for block in others}


def texts_under(heading, language):
    """The blocks of one language that the page has under a heading."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    return re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)


def engine_of(block):
    """What the program imports last that is no help for another."""
    packages = [name.partition(".")[0] for name in re.findall(r"^(?:import|from) (\S+)", block, re.MULTILINE)]
    return next((name for name in ("ray", "dask", "pyspark") if name in packages), packages[0])


def train_two(place):
    """Two runs of ann/digits; the means of their loss are `MEANS`."""
    for run_id, factor in (("a", 1.0), ("b", 10.0)):
        trainer = Trainer(place, run_id, project="digits")
        for n in range(5):
            trainer.log(loss=factor * n, other=1.0)
        trainer.finish()


@contextlib.contextmanager
def serving(store):
    """The address of a server over a store with these runs, sealed."""
    train_two(store)
    holder = Holder()
    holder.service = ClusterService(store, default_entity="ann", user="ann")
    list(holder.service.seal("ann", "digits"))
    server = SocketServer(make_app(holder))
    try:
        yield server.url
    finally:
        server.stop()


def means_in(printed):
    """What a program printed in its last line, whatever form the engine gives to it."""
    found = ast.literal_eval(printed.strip().splitlines()[-1])
    if isinstance(found, dict):
        return found
    return dict(row.values() if isinstance(row, dict) else row for row in found)
