"""The mean of a key's last value over all runs, by an engine: ``last_values.py ENGINE QUESTIONS``.

QUESTIONS names a JSON file with the files of each question. Prints what each took, in milliseconds of processor time of
all threads, the least of some in turns. Knows nothing of runlake.
"""

import json
import math
import os
import sys
import time
from importlib.util import find_spec
from pathlib import Path

ROUNDS = 5


def polars():
    import polars as pl

    keys = {name: value for name, value in os.environ.items() if name.startswith("AWS_")}

    def ask(files, key, generations, value, order):
        rows = pl.scan_parquet(files, storage_options=keys)
        rows = rows if key is None else rows.filter(pl.col("key") == key)
        rows = rows.filter(pl.col("generation").is_in(generations)) if generations else rows
        last = rows.group_by("run_id").agg(pl.col(value).sort_by(order).last())
        return last.select(pl.col(value).mean()).collect().item()

    return ask


def duckdb():
    import duckdb
    import pyarrow as pa

    (package,) = find_spec("duckdb_extension_httpfs").submodule_search_locations
    extension = next(Path(package).glob("extensions/*/*"))
    duckdb.execute(f"INSTALL '{extension}'; LOAD httpfs; SET enable_external_file_cache = false")
    said = {"k": "AWS_ACCESS_KEY_ID", "s": "AWS_SECRET_ACCESS_KEY", "r": "AWS_REGION", "e": "AWS_ENDPOINT_URL"}
    secret = {name: os.environ[variable] for name, variable in said.items()}
    secret["e"] = secret["e"].partition("://")[2]
    duckdb.execute(
        "CREATE SECRET (TYPE s3, KEY_ID $k, SECRET $s, REGION $r, ENDPOINT $e, URL_STYLE 'path', USE_SSL false)", secret
    )

    def ask(files, key, generations, value, order):
        counting = pa.table({"generation": pa.array(generations, pa.string())})  # noqa: F841, the query names it
        which = "" if key is None else f"WHERE key = '{key}'"
        which += " AND generation IN (FROM counting)" if generations else ""
        query = f"""
            SELECT avg(last) FROM (
                SELECT arg_max({value}, "{order}") AS last FROM read_parquet($files) {which} GROUP BY run_id)
        """
        return duckdb.execute(query, {"files": files}).fetchone()[0]

    return ask


def sail():
    from pysail.spark import SparkConnectServer
    from pyspark.sql import SparkSession
    from pyspark.sql import functions as f

    server = SparkConnectServer("127.0.0.1", 0)
    server.start(background=True)
    spark = SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").getOrCreate()

    def ask(files, key, generations, value, order):
        rows = spark.read.parquet(*files)
        rows = rows if key is None else rows.where(f.col("key") == key)
        if generations:
            counting = spark.createDataFrame([(each,) for each in generations], "generation string")
            rows = rows.join(counting, "generation", "left_semi")
        last = rows.groupBy("run_id").agg(f.max_by(value, order).alias("last"))
        return last.agg(f.avg("last")).collect()[0][0]

    ask.server = server  # which ends when nobody holds it
    return ask


def main(engine, questions):
    ask = {"polars": polars, "duckdb": duckdb, "sail": sail}[engine]()
    questions = json.loads(Path(questions).read_text("utf-8"))
    answers = {name: ask(**question) for name, question in questions.items()}
    first = next(iter(answers.values()))
    if not all(math.isclose(answer, first) for answer in answers.values()):
        raise SystemExit(f"they answer differently: {answers}")
    best = {}
    for _ in range(ROUNDS):
        for name, question in questions.items():
            begin_s = time.process_time()
            ask(**question)
            best[name] = min(best.get(name, math.inf), 1e3 * (time.process_time() - begin_s))
    print(json.dumps(best), flush=True)
    os._exit(0)  # a server of Sail waits long for its clients


if __name__ == "__main__":
    main(*sys.argv[1:])
