"""What the official client sends and the server does not keep is told once, and stands with the run."""

import json
import logging

import pytest
from in_process import InProcess
from training import BEGIN, HIDDEN, begin, chunk, row

from runlake.model import RunPath

PATH = RunPath("ann", "faults", "r1")
TRAINING = {"User-Agent": "wandb-core"}
CREATE = "mutation M($i: CreateArtifactInput!) { createArtifact(input: $i) { artifact { id state } } }"
FILES = """mutation M($i: CreateArtifactFilesInput!) {
  createArtifactFiles(input: $i) { files { edges { node { uploadUrl } } } } }"""
GREETING = "query Q($e: String) { entity(name: $e) { organization { coreWeaveOrganizationId } } }"
REASON = "Artifacts are not supported yet by this server"


class Training:
    """Ann's training process."""

    def __init__(self, server):
        self.server = server

    def post(self, path, **options):
        return self.server.ask("POST", path, who="ann", **options)

    def graphql(self, document, headers=TRAINING, **variables):
        return self.post("/graphql", json={"query": document, "variables": variables}, headers=headers)

    def log_artifact(self, name, *, kind="model", run_id="r1", **more):
        given = {"entityName": "ann", "projectName": "faults", "runName": run_id, "artifactTypeName": kind}
        return self.graphql(CREATE, i={**given, "artifactCollectionName": name}, **more)

    def log_table(self, *names):
        made = self.log_artifact("run-r1-t", kind="run_table").json()["data"]["createArtifact"]["artifact"]
        return self.graphql(FILES, i={"artifactFiles": [{"artifactID": made["id"], "name": name} for name in names]})

    def stream(self, body):
        return self.post("/files/ann/faults/r1/file_stream", json=body)

    def greeting(self, run_id, **more):
        begin(self, run_id, **more)
        answer = self.graphql(GREETING, e="ann")
        return answer.text if answer.status_code == 501 else answer.json()


@pytest.fixture
def server(tmp_path):
    server = InProcess(tmp_path / "store")
    yield server
    server.close()


@pytest.fixture
def training(server):
    training = Training(server)
    begin(training, "r1")
    return training


def cut(*things):
    return (503, f"not kept: {', '.join(things)}. {REASON}; all else of the run is kept")


def refused(thing):
    return (501, f"{cut(thing)[1]}, and nothing is tried again")


def said(answer):
    return answer.status_code, answer.text


def alerts(server):
    return [(alert.title, alert.text, alert.level) for alert in server.service.read_run(PATH).alerts]


def last(**more):
    return {"complete": True, "exitcode": 0, **more}


def put_file(server, name, content):
    server.ask("PUT", f"/files/ann/faults/r1/{name}", who="ann", content=content).raise_for_status()


def put_table(server, row_count):
    content = json.dumps({"columns": ["a"], "data": [[1]] * row_count}).encode()
    put_file(server, "media/table/t.table.json", content)


def table(row_count, path="media/table/t.table.json"):
    return {"_type": "table-file", "nrows": row_count, "ncols": 1, "path": path}


def test_an_artifact_is_told_of_once_and_refused_each_time(server, training):
    assert said(training.log_artifact("m")) == refused("artifact m")
    again = training.log_artifact("m")
    assert (again.status_code, again.json()["errors"][0]["message"]) == (
        200,
        "artifacts are not supported yet by runlake: Mutation.createArtifact",
    )
    assert said(training.log_artifact("n", kind="dataset")) == refused("artifact n")
    assert alerts(server) == [
        ("not kept: artifact m", "it was of type model", "WARN"),
        ("not kept: artifact n", "it was of type dataset", "WARN"),
    ]


def test_a_script_that_trains_nothing_is_told_by_the_error_alone(server, training):
    answer = training.log_artifact("m", headers={"User-Agent": "W&B Public Client 0.31.0"})
    assert (answer.status_code, answer.json()["errors"][0]["extensions"]["code"]) == (200, "NOT_SUPPORTED")
    assert alerts(server) == []


def test_a_table_is_told_of_where_it_holds_media(server, training):
    assert training.log_table("t.table.json").status_code == 200
    assert said(training.log_table("media/images/a.png", "media/images/b.png", "t.table.json")) == refused(
        "media in the table t"
    )
    assert alerts(server) == [("not kept: media in the table t", "2 files, such as media/images/a.png", "WARN")]


def test_a_table_that_is_longer_than_its_file_is_told_of_once_and_its_row_is_kept_once(server, training):
    put_table(server, 10_000)
    rows = [{**row(0), "t": table(10_001), "short": table(10_000), "of": {"t": table(12_000)}}]
    things = ["rows past 10,000 of the table of.t", "rows past 10,000 of the table t"]
    assert said(training.stream(chunk(0, rows))) == cut(*things)
    assert training.stream(chunk(0, rows)).json() == {"stopped": False}
    assert training.stream(chunk(1, [{**row(1), "t": table(10_005)}])).json() == {"stopped": False}
    assert server.service.read_run(PATH).row_count == 2
    assert [title for title, *_ in alerts(server)] == [f"not kept: {thing}" for thing in things]


@pytest.mark.parametrize("path", ["../../store.toml", "", "media/table/not-there.json", "/etc/passwd", "loss.txt"])
def test_of_a_table_whose_file_cannot_be_had_nothing_is_said(server, training, path):
    put_file(server, "loss.txt", b"0.5")
    assert training.stream(chunk(0, [{**row(0), "t": table(10_001, path)}], **last())).json() == {"stopped": False}


def test_a_table_whose_file_comes_after_its_row_is_told_of_as_the_run_ends(server, training):
    rows = [{**row(0), "of": {"t": table(10_001)}}]
    assert training.stream(chunk(0, rows)).json() == {"stopped": False}
    put_table(server, 10_000)
    body = {"files": {"wandb-summary.json": {"offset": 0, "content": [json.dumps(rows[0])]}}, **last()}
    assert training.stream(body).json() == {
        "error": f"not kept of this run: rows past 10,000 of the table of.t. {REASON}"
    }
    assert training.stream(body).json() == {"stopped": False}


@pytest.mark.parametrize(("row_count", "is_whole"), [(10_001, True), (10_002, False)])
def test_a_table_is_as_long_as_its_file_says(server, training, row_count, is_whole):
    put_table(server, 10_001)
    answer = training.stream(chunk(0, [{**row(0), "t": table(row_count)}]))
    assert (answer.status_code == 200) is is_whole
    assert alerts(server) == (
        [] if is_whole else [("not kept: rows past 10,001 of the table t", "it was logged with 10,002 rows", "WARN")]
    )


def test_the_last_request_of_a_run_is_answered_with_all_that_it_lost_and_then_taken(server, training, caplog):
    training.log_artifact("m")
    put_table(server, 10_000)
    body = chunk(0, [{**row(0), "t": table(10_001)}], **last())
    answer = training.stream(body)
    assert (answer.status_code, answer.headers["retry-after"], answer.json()) == (
        503,
        "4",
        {"error": f"not kept of this run: artifact m, rows past 10,000 of the table t. {REASON}"},
    )
    assert training.stream(body).json() == {"stopped": False}
    run = server.service.read_run(PATH)
    assert (run.row_count, run.state, len(run.alerts)) == (1, "finished", 2)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []  # nobody has to look


def test_of_many_losses_the_first_are_named_and_all_counted(training):
    for number in range(13):
        training.log_artifact(f"m{number}")
    named = ", ".join(f"artifact m{number}" for number in range(10))
    told = training.stream(last()).json()
    assert told == {"error": f"not kept of this run: {named}, and 3 more. {REASON}"}


def test_a_run_that_lost_nothing_ends_at_once(training):
    assert training.stream(chunk(0, [row(0)], **last())).json() == {"stopped": False}


def test_a_run_begins_with_what_is_to_be_told(server):
    training = Training(server)
    nothing = {"data": {"entity": {"organization": None}}}
    assert training.greeting("r1").startswith("what log_artifact and log_model send, media in a Table")
    assert training.graphql(GREETING, e="ann").json() == nothing
    assert training.greeting("r2") == nothing
    training.log_artifact("m", run_id="r2")
    assert training.greeting("r3") == f"not kept of the run r2: artifact m. {REASON}; all else is kept"
    assert training.greeting("r4") == nothing


def test_a_run_that_goes_on_is_told_what_it_lost_before(server, training):
    training.log_artifact("m")
    training.graphql(GREETING, e="ann")
    query = """{ model(name: "faults", entityName: "ann") { bucket(name: "r1", missingOk: true) { id } } }"""
    node_id = training.graphql(query).json()["data"]["model"]["bucket"]["id"]
    begin(training, "r2")
    training.graphql(GREETING, e="ann")
    document = BEGIN.replace("$name: String,", "$id: String, $name: String,").replace("{name: $name,", "{id: $id,")
    training.graphql(document, id=node_id, host="gpu1", config=json.dumps(HIDDEN)).raise_for_status()
    assert training.graphql(GREETING, e="ann").text == f"not kept of the run r1: artifact m. {REASON}; all else is kept"
