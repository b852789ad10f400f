"""The page about SQL runs from top to bottom, prints what it says, and names every table and column."""

import re

from pages import make_desk, run_python, texts

from runlake.sql.schema import SCHEMAS

PAGE = "docs/guide/sql.md"


def test_the_page_prints_what_it_says(tmp_path):
    printed = run_python("\n".join(texts(PAGE, "python")), make_desk(tmp_path))
    assert printed == "".join(texts(PAGE, "text"))


def test_every_table_and_column_is_named():
    from pages import ROOT

    found = {}
    for tables, columns in re.findall(r"^\| (`[^|]*) \| [^|]* \| (`[^|]*) \|$", (ROOT / PAGE).read_text("utf-8"), re.M):
        for table in re.findall(r"`(\w+)`", tables):
            found[table] = re.findall(r"`(\w+)`", columns)
    assert found == {name: schema.names for name, schema in SCHEMAS.items()}
