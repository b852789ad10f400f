"""A reader of a mirror by DuckDB's own extension.

``python ask_ducklake.py DATABASE SCHEMA KEY SECRET ENDPOINT [OPTION…]``

It runs where DuckDB has its extensions as packages, for as long as it is sent queries: JSON, one a line. It answers
each with one line: ``{"rows": …}`` or ``{"error": …}``.
"""

import importlib.resources
import itertools
import json
import sys

import duckdb


def load(connection, name):
    """An extension that was installed by pip."""
    folder = importlib.resources.files(f"duckdb_extension_{name}") / "extensions"
    (file,) = (file for version in folder.iterdir() for file in version.iterdir())
    connection.execute(f"INSTALL '{file}'")
    connection.execute(f"LOAD {name}")


def main(database, schema, key, secret, endpoint, *options):
    connection = duckdb.connect(config={"autoinstall_known_extensions": "false"})
    for name in ("httpfs", "postgres_scanner", "ducklake"):
        load(connection, name)
    place = {"key_id": key, "secret": secret, "endpoint": endpoint, "region": "us-east-1"}
    said = ", ".join(f"{name.upper()} '{value}'" for name, value in place.items())
    connection.execute(f"CREATE SECRET (TYPE s3, {said}, URL_STYLE 'path', USE_SSL false)")
    attach = f"ATTACH 'ducklake:postgres:{database}' AS lake ({', '.join([f'METADATA_SCHEMA {schema!r}', *options])})"
    for query in itertools.chain([attach], map(json.loads, sys.stdin)):
        try:
            print(json.dumps({"rows": connection.execute(query).fetchall()}), flush=True)
        except duckdb.Error as error:
            print(json.dumps({"error": str(error)}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
