"""What the whole application has beside its routes."""

import json

import pytest
import yaml
from in_process import InProcess

SCHEMA = "/api/v1/schema"


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store")
    yield server
    server.close()


@pytest.mark.slow
def test_the_openapi_document_comes_as_json_and_as_yaml_and_pages_of_other_hosts_are_not_made(server):
    told = server.ask("GET", f"{SCHEMA}/openapi.json", who="ann")
    document = told.json()
    assert document["info"]["title"] == "runlake"
    assert "/api/v1/projects" in document["paths"]
    for name in ("openapi.yaml", "openapi.yml"):
        told = server.ask("GET", f"{SCHEMA}/{name}", who="ann").text
        assert yaml.load(told, yaml.CSafeLoader) == document  # in C: it is long
    assert json.loads(server.ask("GET", SCHEMA, who="ann").text) == document
    for name in ("swagger", "redoc", "elements", "rapidoc", "scalar"):
        answer = server.ask("GET", f"{SCHEMA}/{name}", who="ann")
        assert (answer.status_code, "script" in answer.text) == (404, False)
