"""A run that somebody made and nobody has begun is begun by its first rows."""

import pytest
from in_process import InProcess
from training import chunk, row

from runlake.model import RunPath

PATH = RunPath("ann", "boards", "r1")
MADE = """mutation { upsertBucket(input: {name: "r1", modelName: "boards", entityName: "ann", debug: false}) {
  bucket { id name config } inserted } }"""
ADDRESS = "/files/ann/boards/r1/file_stream"


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store")
    server.add_user("bob")
    yield server
    server.close()


@pytest.mark.slow
def test_rows_that_come_without_a_word_before_are_kept(server):
    headers = {"User-Agent": "W&B Internal Client 0.29.0"}
    made = server.ask("POST", "/graphql", who="ann", json={"query": MADE}, headers=headers).json()
    assert made["data"]["upsertBucket"]["inserted"] is True
    first = chunk(0, [row(step) for step in range(3)], dropped=0)
    for body in (first, first, chunk(3, [row(3)], complete=False, failed=False), {"complete": True, "exitcode": 0}):
        answer = server.ask("POST", ADDRESS, who="ann", json=body)
        assert (answer.status_code, answer.json()) == (200, {"stopped": False})
    run = server.service.read_run(PATH)
    assert (run.row_count, run.last_step, run.state, run.user) == (4, 3, "finished", "ann")


def test_rows_of_a_run_that_was_not_made_or_was_deleted_or_is_of_others_begin_none(server):
    assert server.ask("POST", ADDRESS, who="ann", json=chunk(0, [row(0)])).status_code == 404
    server.ask("POST", "/graphql", who="ann", json={"query": MADE})
    assert server.ask("POST", ADDRESS, who="bob", json=chunk(0, [row(0)])).status_code == 404
    server.service.delete_run(PATH)
    assert server.ask("POST", ADDRESS, who="ann", json=chunk(0, [row(0)])).status_code == 404
