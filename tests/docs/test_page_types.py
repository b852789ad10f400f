"""The page speaks of the server's answers in types that are made from its OpenAPI document, and are current."""

import runpy
from pathlib import Path

import msgspec
import pytest

import runlake.listing_model
import runlake.model
from runlake.service.wire import documents

ROOT = Path(__file__).parents[2]


GENERATOR = runpy.run_path(str(ROOT / "docs" / "generate_page_types.py"))


@pytest.fixture(scope="module")
def schemas():
    return GENERATOR["schemas"]()


def test_the_types_of_the_page_are_those_of_the_document(schemas):
    assert (ROOT / "web/src/wire/api.ts").read_text("utf-8") == GENERATOR["page_types"](schemas), "run `make docs`"


@pytest.mark.parametrize(
    "answer",
    [
        runlake.model.RunInfo(
            entity="a", project="p", run_id="r", incarnation="i", generation="g", name="n", state="running"
        ),
        runlake.listing_model.RunColumnsPage(version="1", total_count=0, run_ids=(), columns={}),
        runlake.listing_model.RunGroup(values={}, run_count=0),
    ],
    ids=lambda answer: type(answer).__name__,
)
def test_every_field_is_in_an_answer_also_where_it_is_as_usual(answer, schemas):
    properties = schemas[type(answer).__name__]["properties"]
    assert set(msgspec.json.decode(documents.pack(answer))) == set(properties)
