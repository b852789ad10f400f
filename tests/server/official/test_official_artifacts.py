"""The official client logs artifacts, uses them, and fetches their files."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from runlake.artifact_model import CollectionPath, digest_of

works = pytest.mark.works

HERE = Path(__file__).parent

FILES = {
    "made.json": '{"made": true}',
    "one.txt": "one\n",
    "outside.txt": "outside",
    "renamed/zwei & drei #1.txt": "two\n",
    "tree/a.txt": "a\n",
    "tree/deep/b.txt": "b\n",
}
FIRST = {
    "name": "data:v0",
    "qualified": "ada/artifacts/data:v0",
    "version": "v0",
    "type": "dataset",
    "state": "COMMITTED",
    "aliases": ["best", "fresh", "latest"],
    "tags": ["small", "two words"],
    "description": "all ways",
    "metadata": {"rows": 2, "nested": {"größe": [1, 2.5, None]}},
    "ttl_s": None,
    "size": 33,
    "file_count": 6,
    "digest": "32fde3afb3917861fc934a2fd5d4f8dd",
    "entries": list(FILES),
    "is_link": False,
    "source": "ada/artifacts/data:v0",
}
SECOND = {
    **FIRST,
    "name": "data:v1",
    "qualified": "ada/artifacts/data:v1",
    "version": "v1",
    "aliases": ["fresh", "latest"],
    "tags": [],
    "description": None,
    "metadata": {},
    "size": 37,
    "digest": "a7464733c652e22f46a26bd21580e5f8",
    "source": "ada/artifacts/data:v1",
}


@pytest.fixture
def tour(artifact_tour):
    return artifact_tour


def test_a_file_in_a_bucket_is_fetched_from_there_and_others_from_the_server(tour, seat):
    found = seat.download_statuses("/artifact-files/")
    assert found
    assert found <= seat.place.download_statuses


@works("Run.log_artifact", "log_artifact", "Artifact.add_file", "Artifact.add_dir", "Artifact.new_file")
@works("Artifact.add_reference", "Artifact.wait")
def test_artifacts_are_logged(tour):
    assert tour["log"] == tour["log-same"] == FIRST
    assert tour["log-changed"] == SECOND
    assert (tour["log-empty"]["entries"], tour["log-empty"]["version"]) == ([], "v0")
    assert tour["log-many"] == [121, 121]
    assert tour["log-artifact-of-path"] == ["path:v0", "file", ["path.txt"]]
    message = "Artifact data already exists with type 'dataset'; cannot create another with type 'model'"
    assert tour["wrong-type"] == {"error": "ValueError", "message": message}


def test_what_was_logged_is_what_our_own_verbs_read(seat, tour):
    service = seat.service()
    data = CollectionPath("ada", "artifacts", "data")
    for version, text, digest in (("v0", "one\n", FIRST["digest"]), ("v2", "one\n", tour["new-draft"]["digest"])):
        manifest = service.read_manifest(data.at(version))
        assert digest_of(manifest) == service.read_artifact(data.at(version)).digest == digest
        with service.open_content(data.at(version), "one.txt") as file:
            assert file.read().decode() == text
    found = {}
    for entry in service.read_manifest(data.at("v0")):
        if entry.ref is None:
            with service.open_content(data.at("v0"), entry.path) as file:
                found[entry.path] = file.read().decode()
        else:
            assert entry.ref.endswith("/in/outside.txt")
    assert found == {name: text for name, text in FILES.items() if name != "outside.txt"}
    merged = service.read_artifact(data.at("v3"))
    assert digest_of(service.read_manifest(data.at("v3"))) == merged.digest


@works("Run.use_artifact", "use_artifact", "Artifact.download", "Artifact.verify", "Artifact.checkout")
@works("Artifact.get_entry", "Artifact.files", "Artifact.file")
def test_artifacts_are_used_and_fetched(tour):
    assert tour["use"] == ["v1", "v0", FILES]
    assert tour["use-wrong-type"]["message"] == "type 'model' specified but this artifact is of type 'dataset'"
    assert tour["use-missing"]["message"] == "artifact membership 'data:v9' not found in 'ada/artifacts'"
    assert tour["use-draft"] == ["v0", ["user-of-draft"], None]
    assert (tour["entry"], tour["entry-odd"], tour["entry-reference"]) == ("b\n", "two\n", True)
    assert tour["entry-missing"]["error"] == "KeyError"
    assert tour["prefix"] == ["tree/a.txt", "tree/deep/b.txt"]
    assert tour["file"] == "path"
    assert tour["checkout"] == list(FILES)
    assert tour["files"] == [[name, len(text)] for name, text in FILES.items()]
    assert (tour["files-named"], tour["files-count"]) == (["tree/a.txt"], 6)
    assert tour["verify-spoilt"]["message"] == "Digest mismatch for file: one.txt"
    assert tour["no-cache"] == tour["in-parts"] == {"path.txt": "path"}


@works("Artifact.new_draft", "Artifact.remove")
def test_a_version_is_the_draft_of_the_next(tour):
    drafted = tour["new-draft"]
    assert (drafted["version"], drafted["aliases"], drafted["description"]) == ("v2", ["latest"], "edited")
    assert drafted["entries"] == sorted({*FILES, "added.txt"} - {"tree/a.txt"})


@works("Artifact(incremental=True)", "upsert_artifact", "finish_artifact")
def test_versions_are_added_to_and_made_together(tour):
    assert tour["incremental"] == ["v3", sorted({*FILES, "added.txt", "more.txt"} - {"tree/a.txt"})]
    assert tour["distributed"] == ["v0", {f"part{number}.txt": f"part {number}" for number in range(3)}]


@works("log_model", "use_model", "log_code")
def test_models_and_code_are_artifacts(tour):
    assert tour["models"] == ["weights", "model", ["latest", "trained"], "registered:latest"]
    assert tour["code"] == ["code", "source:v0", ["train.py"]]


@works("wandb artifact put", "wandb artifact get")
def test_the_commands_of_artifacts_work(tour):
    assert tour["put"] == 0
    assert tour["get"] == [0, {"a.txt": "a", "b.txt": "b"}]


@pytest.fixture(scope="module")
def tables(seat):
    return seat.run(HERE / "table_tour.py").answers()


@works("Table (media, more than 10,000 rows)", "Artifact.get", "Artifact.add")
def test_tables_with_media_and_many_rows_are_whole(seat, tables):
    assert tables["shown"] == [["i", "page"], [[i, f"<b>{i}</b>"] for i in range(3)]]
    assert tables["many"] == [12_000, 11_999]
    assert tables["added"] == [[1, "<i>one</i>"]]
    assert tables["of-another"] == [[1, "<i>one</i>"]]
    assert [alert.title for alert in seat.api.run("ada/tables/logger").alerts] == []


AT_ONCE = """
import sys, wandb
from pathlib import Path
number = sys.argv[1]
Path("own.txt").write_text(number), Path("same.txt").write_text("same")
with wandb.init(entity="ada", project="at-once", id=f"r{number}") as run:
    for name, files in (("other", ["own.txt"]), ("same", ["same.txt"])):
        artifact = wandb.Artifact(name, "dataset")
        for file in files:
            artifact.add_file(file)
        print("=>", name, f'"{run.log_artifact(artifact).wait().version}"')
"""


def test_clients_that_log_one_name_at_once_make_a_version_each_or_one_where_all_are_the_same(seat):
    with ThreadPoolExecutor() as pool:
        found = [*pool.map(lambda number: seat.run_code(AT_ONCE, number).answers(), range(3))]
    assert sorted(one["other"] for one in found) == ["v0", "v1", "v2"]
    assert {one["same"] for one in found} == {"v0"}
