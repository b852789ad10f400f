"""What W&B's client changes of artifacts and of their collections."""

import dataclasses
import json

import pytest
from artifacts_made import CHOSEN, DATA, keep
from asking import Desk

from runlake.artifact_model import ArtifactStart, CollectionPath
from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.server.people.guard import GuardedService
from runlake.server.people.people import open_people
from runlake.server.people.standing import Standing
from runlake.server.wandb.documents.graphql import load_schema
from runlake.server.wandb.ids import artifact_id_of_client, artifact_node_id, collection_node_id, run_node_id
from runlake.server.wandb.mutations.mutations import MutationRoot

SCHEMA = load_schema()
PLACE = {"entityName": "ann", "projectName": "digits"}
SEQUENCE, PORTFOLIO = "artifactSequenceID", "artifactPortfolioID"
COLLECTION = "artifactCollection { __typename name description state type: defaultArtifactType { name } }"


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "store", mutations=MutationRoot)
    desk.write(rows=[{"a": 1}])
    return desk


@pytest.fixture
def versions(desk):
    """The ids of two versions of ``data``, of which the first is ``best`` and linked to ``chosen``."""
    made = [keep(desk.service, b"%d" % number, aliases=("latest",), metadata={"n": number}) for number in range(2)]
    change(desk, "addAliases", artifactID=artifact_node_id(made[0].artifact_id), aliases=[alias("best")])
    desk.service.link_artifact(DATA.at("v0"), CHOSEN, ("prod",))
    return [artifact_node_id(one.artifact_id) for one in made]


def alias(name, collection="data"):
    return {**PLACE, "artifactCollectionName": collection, "alias": name}


def ask(desk, field, given, selection="__typename"):
    kind = SCHEMA.mutation_type.fields[field].args["input"].type
    return desk.ask(f"mutation M($input: {kind}) {{ {field}(input: $input) {{ {selection} }} }}", input=given)


def change(desk, field, selection="__typename", **given):
    """What the field is; there must be no error."""
    answer = ask(desk, field, given, selection)
    assert "errors" not in answer, answer["errors"]
    return answer["data"][field]


def refused(desk, field, **given):
    (error,) = ask(desk, field, given)["errors"]
    return error["extensions"]["code"], error["message"]


def id_of(desk, path):
    return collection_node_id(path, desk.service.read_collection(path).created_at)


def aliases(desk, path=DATA):
    return desk.service.read_collection(path).aliases


def test_a_version_is_edited_and_what_is_left_out_stays(desk, versions):
    fields = "artifact { description metadata tags { name } ttlDurationSeconds aliases { alias } }"
    found = change(
        desk,
        "updateArtifact",
        fields,
        artifactID=versions[0],
        description="größe",
        metadata='{"n": [1, NaN]}',
        tagsToAdd=[{"tagName": "a"}, {"tagName": "b"}],
        ttlDurationSeconds=86_400,
    )["artifact"]
    assert json.loads(found.pop("metadata"))["n"][0] == 1
    assert found == {
        "description": "größe",
        "tags": [{"name": "a"}, {"name": "b"}],
        "ttlDurationSeconds": 86_400,
        "aliases": [{"alias": "best"}, {"alias": "prod"}, {"alias": "v0"}],
    }
    change(desk, "updateArtifact", artifactID=versions[0], metadata="{}", tagsToDelete=[{"tagName": "a"}])
    info = desk.service.read_artifact(DATA.at("v0"))
    assert (info.description, info.metadata, info.tags, info.ttl_s) == ("größe", {}, ("b",), 86_400)
    change(desk, "updateArtifact", artifactID=versions[0], description="")
    assert desk.service.read_artifact(DATA.at("v0")).description == ""


@pytest.mark.parametrize("seconds", [-1, -2, 0])
def test_a_version_is_kept_for_ever_again(desk, versions, seconds):
    change(desk, "updateArtifact", artifactID=versions[0], ttlDurationSeconds=60)
    assert desk.service.read_artifact(DATA.at("v0")).ttl_s == 60
    change(desk, "updateArtifact", artifactID=versions[0], ttlDurationSeconds=seconds)
    assert desk.service.read_artifact(DATA.at("v0")).ttl_s is None


def test_all_aliases_may_be_given_at_once(desk, versions):
    given = [{"alias": "new"}, {"artifactCollectionName": "data", "alias": "best"}, {**alias("x", "other")}]
    for one in given:
        one.pop("entityName", None), one.pop("projectName", None)
    change(desk, "updateArtifact", artifactID=versions[0], aliases=given)
    assert aliases(desk) == {"best": "v0", "new": "v0", "latest": "v1"}
    change(desk, "updateArtifact", artifactID=versions[0], aliases=[])
    assert aliases(desk) == {"latest": "v1"}


@pytest.mark.parametrize(
    ("given", "code", "message"),
    [
        ({"metadata": "[1]"}, "BAD_VALUE", "the metadata of an artifact is an object"),
        ({"metadata": "{"}, "BAD_VALUE", "the metadata is not JSON"),
        ({"labels": '{"a": 1}'}, "NOT_SUPPORTED", "labels of artifacts are not supported by runlake: labels"),
        ({"tagsToAdd": [{"tagName": "a/b"}]}, "PATH", "cannot be a tag"),
        ({"tagsToAdd": [{"tagName": "a", "tagCategoryName": "c"}]}, "NOT_SUPPORTED", "categories of tags"),
        ({"aliases": [{"alias": "v7"}]}, "PATH", "is the number of a version"),
        ({"artifactID": "x"}, "BAD_VALUE", "is no id of a artifact"),
        ({"artifactID": artifact_node_id("0" * 20)}, "NOT_FOUND", "no artifact has the id"),
        ({"artifactID": artifact_node_id("../../x")}, "PATH", "is no id of an artifact"),
    ],
)
def test_what_cannot_be_is_refused_and_changes_nothing(desk, versions, given, code, message):
    before = desk.service.list_artifacts(DATA)
    told = refused(desk, "updateArtifact", **{"artifactID": versions[0], "description": "d", **given})
    assert (told[0], message in told[1]) == (code, True), told
    assert desk.service.list_artifacts(DATA) == before


def test_an_alias_moves_from_one_version_to_another_of_a_collection(desk, versions):
    change(desk, "addAliases", artifactID=versions[1], aliases=[alias("best"), alias("fast")])
    assert aliases(desk) == {"latest": "v1", "best": "v1", "fast": "v1"}
    change(desk, "deleteAliases", artifactID=versions[1], aliases=[alias("fast"), alias("latest")])
    assert aliases(desk) == {"best": "v1"}
    change(desk, "deleteAliases", artifactID=versions[1], aliases=[alias("fast")])


def test_aliases_of_a_link_are_those_of_its_portfolio(desk, versions):
    change(desk, "addAliases", artifactID=versions[0], aliases=[alias("prod", "chosen"), alias("fast", "chosen")])
    change(desk, "deleteAliases", artifactID=versions[0], aliases=[alias("prod", "chosen")])
    assert aliases(desk, CHOSEN) == {"fast": "v0"}
    assert aliases(desk) == {"best": "v0", "latest": "v1"}
    assert refused(desk, "addAliases", artifactID=versions[1], aliases=[alias("x", "chosen")])[0] == "NOT_FOUND"
    assert refused(desk, "addAliases", artifactID=versions[0], aliases=[alias("v3")])[0] == "PATH"


def test_a_version_with_aliases_is_deleted_only_with_them(desk, versions):
    code, message = refused(desk, "deleteArtifact", artifactID=versions[0])
    assert (code, "has the alias best" in message) == ("CONFLICT", True)
    deleted = change(desk, "deleteArtifact", "artifact { id state }", artifactID=versions[0], deleteAliases=True)
    assert deleted == {"artifact": {"id": versions[0], "state": "DELETED"}}
    assert [info.version for info in desk.service.list_artifacts(DATA)] == ["v1"]
    assert desk.service.list_artifacts(CHOSEN) == []
    assert refused(desk, "deleteArtifact", artifactID=versions[0])[0] == "NOT_FOUND"
    change(desk, "deleteArtifact", artifactID=versions[1])
    assert keep(desk.service, b"next").version == "v2"


LINKED = "versionIndex artifactMembership { versionIndex aliases { alias } artifactCollection { __typename name } }"


def test_a_version_is_linked_to_a_portfolio_that_is_made_with_its_project(desk, versions):
    target = {"entityName": "ann", "projectName": "registry", "artifactPortfolioName": "released"}
    given = [{"artifactCollectionName": "released", "alias": "prod"}]
    found = change(desk, "linkArtifact", LINKED, artifactID=versions[0], aliases=given, **target)
    assert found == {
        "versionIndex": 0,
        "artifactMembership": {
            "versionIndex": 0,
            "aliases": [{"alias": "prod"}, {"alias": "latest"}],
            "artifactCollection": {"__typename": "ArtifactPortfolio", "name": "released"},
        },
    }
    assert change(desk, "linkArtifact", LINKED, artifactID=versions[1], **target)["versionIndex"] == 1
    released = CollectionPath("ann", "registry", "released")
    assert aliases(desk, released) == {"prod": "v0", "latest": "v1"}
    assert change(desk, "linkArtifact", LINKED, artifactID=versions[0], **target)["versionIndex"] == 0
    assert aliases(desk, released) == {"prod": "v0", "latest": "v1"}
    document = '{ project(name: "registry", entityName: "ann") { name artifactTypes { edges { node { name } } } } }'
    types = {"edges": [{"node": {"name": "dataset"}}]}
    assert desk.data(document)["project"] == {"name": "registry", "artifactTypes": types}


def test_a_version_is_linked_by_the_id_of_a_portfolio(desk, versions):
    change(desk, "linkArtifact", artifactID=versions[1], artifactPortfolioID=id_of(desk, CHOSEN))
    assert aliases(desk, CHOSEN) == {"prod": "v0", "latest": "v1"}


def test_a_version_is_linked_by_what_its_client_called_it(desk):
    started = {"type": "dataset", "artifact_id": artifact_id_of_client("c" * 128)}
    begun = desk.service.begin_artifact(DATA, ArtifactStart(**started))
    given = {"clientID": "c" * 128, "artifactPortfolioName": "p", **PLACE}
    assert refused(desk, "linkArtifact", **given)[0] == "CONFLICT"
    desk.service.commit_artifact(DATA.at(begun.artifact_id), [])
    assert change(desk, "linkArtifact", "versionIndex", **given) == {"versionIndex": 0}
    assert refused(desk, "linkArtifact", artifactPortfolioName="p", **PLACE)[0] == "BAD_VALUE"
    assert refused(desk, "linkArtifact", **{**given, "clientID": "d" * 128})[0] == "NOT_FOUND"


def test_what_cannot_be_linked_is_refused(desk, versions):
    begun = desk.service.begin_artifact(DATA, ArtifactStart(type="dataset", digest="f" * 32)).artifact_id
    draft = artifact_node_id(begun)
    keep(desk.service, b"w", path=CollectionPath("ann", "digits", "weights"), type="model")
    assert refused(desk, "linkArtifact", artifactID=draft, artifactPortfolioName="p", **PLACE)[0] == "CONFLICT"
    assert refused(desk, "linkArtifact", artifactID=versions[0], artifactPortfolioName="data", **PLACE)[0] == "CONFLICT"
    model = artifact_node_id(
        desk.service.read_artifact(CollectionPath("ann", "digits", "weights").at("v0")).artifact_id
    )
    assert refused(desk, "linkArtifact", artifactID=model, artifactPortfolioName="chosen", **PLACE)[0] == "CONFLICT"
    registry = {"entityName": "ann", "projectName": "wandb-registry-model", "artifactPortfolioName": "p"}
    assert refused(desk, "linkArtifact", artifactID=versions[0], **registry)[0] == "NOT_SUPPORTED"
    for name in ("a/b", "..", "", "x" * 129):
        given = {"artifactID": versions[0], "artifactPortfolioName": name, **PLACE}
        assert refused(desk, "linkArtifact", **given)[0] in ("PATH", "BAD_VALUE")


def test_unlinking_leaves_the_version_where_it_is_at_home(desk, versions):
    code, _ = refused(desk, "unlinkArtifact", artifactID=versions[0], artifactPortfolioID=id_of(desk, DATA))
    assert code == "BAD_VALUE"
    change(desk, "unlinkArtifact", artifactID=versions[0], artifactPortfolioID=id_of(desk, CHOSEN))
    assert desk.service.list_artifacts(CHOSEN) == []
    assert aliases(desk) == {"best": "v0", "latest": "v1"}
    code, _ = refused(desk, "unlinkArtifact", artifactID=versions[0], artifactPortfolioID=id_of(desk, CHOSEN))
    assert code == "NOT_FOUND"


def test_a_collection_is_renamed_described_and_found_by_its_id_again(desk, versions):
    for path, key, field, name in (
        (DATA, SEQUENCE, "updateArtifactSequence", "ArtifactSequence"),
        (CHOSEN, PORTFOLIO, "updateArtifactPortfolio", "ArtifactPortfolio"),
    ):
        node_id = id_of(desk, path)
        found = change(desk, field, COLLECTION, **{key: node_id, "name": f"{path.name}-2", "description": "d"})
        expected = {"name": f"{path.name}-2", "description": "d", "state": "READY", "type": {"name": "dataset"}}
        assert found == {"artifactCollection": {"__typename": name, **expected}}
        change(desk, field, **{key: node_id, "name": f"{path.name}-2"})
        found = change(desk, field, COLLECTION, **{key: node_id, "name": path.name})
        assert found["artifactCollection"]["description"] == "d"
    assert aliases(desk) == {"best": "v0", "latest": "v1"}
    assert desk.service.read_artifact(CHOSEN.at("prod")).source == DATA.at("v0")


def test_a_name_that_is_taken_or_cannot_be_is_refused(desk, versions):
    given = {SEQUENCE: id_of(desk, DATA)}
    assert refused(desk, "updateArtifactSequence", **given, name="chosen")[0] == "CONFLICT"
    assert refused(desk, "updateArtifactSequence", **given, name="a:b")[0] == "PATH"
    assert refused(desk, "updateArtifactPortfolio", **{PORTFOLIO: id_of(desk, DATA)}, name="x")[0] == "BAD_VALUE"
    assert refused(desk, "deleteArtifactSequence", **{SEQUENCE: id_of(desk, CHOSEN)})[0] == "BAD_VALUE"
    assert refused(desk, "moveArtifactSequence", **given, destinationArtifactTypeName="a/b")[0] == "PATH"
    assert sorted(info.name for info in desk.service.list_collections("ann", "digits")) == ["chosen", "data"]


def test_all_versions_of_a_sequence_get_another_type(desk, versions):
    found = change(
        desk, "moveArtifactSequence", COLLECTION, **{SEQUENCE: id_of(desk, DATA)}, destinationArtifactTypeName="table"
    )
    assert found["artifactCollection"]["type"] == {"name": "table"}
    assert {info.type for info in desk.service.list_artifacts(DATA)} == {"table"}


def test_a_collection_is_tagged(desk, versions):
    given = {**PLACE, "artifactCollectionName": "data"}
    tags = [{"tagName": "b"}, {"tagName": "a"}]
    change(desk, "createArtifactCollectionTagAssignments", **given, tags=tags[:1])
    found = change(desk, "createArtifactCollectionTagAssignments", "tags { name }", **given, tags=tags)
    assert found == {"tags": [{"name": "b"}, {"name": "a"}]}
    change(desk, "deleteArtifactCollectionTagAssignments", **given, tags=tags[:1])
    assert desk.service.read_collection(DATA).tags == ("a",)


def test_a_collection_is_deleted_with_all_that_is_in_it(desk, versions):
    node_id = id_of(desk, CHOSEN)
    found = change(desk, "deleteArtifactPortfolio", "artifactCollection { __typename state }", **{PORTFOLIO: node_id})
    assert found == {"artifactCollection": {"__typename": "ArtifactPortfolio", "state": "DELETED"}}
    assert refused(desk, "deleteArtifactPortfolio", **{PORTFOLIO: node_id})[0] == "NOT_FOUND"
    assert [info.version for info in desk.service.list_artifacts(DATA)] == ["v1", "v0"]
    change(desk, "deleteArtifactSequence", **{SEQUENCE: id_of(desk, DATA)})
    assert desk.service.list_collections("ann", "digits") == []


def test_a_run_is_deleted_with_what_it_made_only_when_that_is_asked_for(desk, versions):
    run = RunPath("ann", "digits", "r1")
    keep(desk.service, b"made", aliases=("mine",), run=run)
    keep(desk.service, b"0", run=run)  # which was there
    desk.write("ann/digits/r2")
    keep(desk.service, b"other", run=run._replace(run_id="r2"))
    change(desk, "deleteRun", "clientMutationId", id=run_node_id(run._replace(run_id="r2")))
    assert [info.version for info in desk.service.list_artifacts(DATA)] == ["v3", "v2", "v1", "v0"]
    change(desk, "deleteRun", "clientMutationId", id=run_node_id(run), deleteArtifacts=True)
    assert [info.version for info in desk.service.list_artifacts(DATA)] == ["v3", "v1", "v0"]
    change(desk, "deleteRun", "clientMutationId", id=run_node_id(run), deleteArtifacts=True)
    with pytest.raises(NotFoundError):
        desk.service.read_run(run)


@pytest.fixture
def as_person(tmp_path, desk, versions):
    """The desk of one person: lea owns a team with a portfolio, and may read ann's project."""
    people = open_people(tmp_path / "store")
    for name in ("ann", "lea"):
        people.add_user(name)
    people.add_team("crew", {"lea": "member"})
    people.share_project("ann", "digits", "read")

    def as_person(name):
        signed_in = people.directory().people[name]
        guarded = GuardedService(desk.service, people, Standing(signed_in))
        seat = Desk(desk.root, person=signed_in, people=people, mutations=MutationRoot)
        seat.context = dataclasses.replace(seat.context, service=guarded, require_write=guarded.require_write)
        return seat

    yield as_person
    people.close()


def test_who_reads_a_version_may_link_it_at_home_and_name_it_there(desk, as_person, versions):
    lea = as_person("lea")
    target = {"entityName": "crew", "projectName": "picks", "artifactPortfolioName": "good"}
    change(lea, "linkArtifact", artifactID=versions[0], **target)
    place = {"entityName": "crew", "projectName": "picks", "artifactCollectionName": "good"}
    change(lea, "addAliases", artifactID=versions[0], aliases=[{**place, "alias": "mine"}])
    change(lea, "deleteAliases", artifactID=versions[0], aliases=[{**place, "alias": "latest"}])
    good = CollectionPath("crew", "picks", "good")
    assert aliases(desk, good) == {"mine": "v0"}
    for field, given in (
        ("updateArtifact", {"description": "hers"}),
        ("deleteArtifact", {"deleteAliases": True}),
        ("addAliases", {"aliases": [alias("hers")]}),
        ("unlinkArtifact", {"artifactPortfolioID": id_of(desk, CHOSEN)}),
    ):
        assert refused(lea, field, artifactID=versions[0], **given)[0] == "FORBIDDEN"
    change(lea, "unlinkArtifact", artifactID=versions[0], artifactPortfolioID=id_of(desk, good))
    assert desk.service.read_artifact(DATA.at("v0")).aliases == ("best",)


def test_a_project_is_told_to_be_read_only_to_who_may_not_change_it(as_person):
    document = '{ project(name: "digits", entityName: "ann") { readOnly } }'
    assert as_person("lea").data(document) == {"project": {"readOnly": True}}
    assert as_person("ann").data(document) == {"project": {"readOnly": False}}


def test_links_in_places_that_one_may_not_read_are_not_told(as_person, versions):
    target = {"entityName": "crew", "projectName": "picks", "artifactPortfolioName": "good"}
    change(as_person("lea"), "linkArtifact", artifactID=versions[0], **target)
    fields = "artifact { aliases { alias artifactCollection { name } } }"
    found = change(as_person("ann"), "updateArtifact", fields, artifactID=versions[0], description="d")
    names = {one["artifactCollection"]["name"] for one in found["artifact"]["aliases"]}
    assert names == {"data", "chosen"}
