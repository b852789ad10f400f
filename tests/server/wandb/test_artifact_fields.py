"""Artifacts, collections and types as W&B's client reads them."""

import dataclasses

import pytest
from artifacts_made import CHOSEN, DATA, keep
from asking import Desk

from runlake.artifact_model import ArtifactEdit, CollectionEdit, CollectionPath
from runlake.model import RunPath
from runlake.server.http.costs import MAX_COST
from runlake.server.people.guard import GuardedService
from runlake.server.people.people import open_people
from runlake.server.people.standing import Standing
from runlake.server.wandb.ids import artifact_node_id

RUN = RunPath("ann", "digits", "r1")
MEMBERSHIP = """query($name: String!) { project(name: "digits", entityName: "ann") {
  artifactCollectionMembership(name: $name) {
    versionIndex aliases { alias } artifactCollection { __typename name }
    artifact {
      versionIndex state description metadata digest size fileCount ttlDurationSeconds ttlIsInherited tags { name }
      artifactType { name }
      artifactSequence { __typename name project { name entity { name } } }
      aliases { alias artifactCollection { name } }
    }
  }
} }"""
VERSIONS = """query($collection: String!, $type: String = "dataset", $cursor: String, $perPage: Int = 50,
    $order: String, $filters: JSONString) {
  project(name: "digits", entityName: "ann") { artifactType(name: $type) { artifactCollection(name: $collection) {
    artifacts(after: $cursor, first: $perPage, order: $order, filters: $filters) {
      totalCount pageInfo { endCursor hasNextPage } edges { version node { id versionIndex aliases { alias } } }
    }
  } } }
}"""
COLLECTIONS = """query($filters: JSONString, $order: String, $first: Int, $after: String) {
  project(name: "digits", entityName: "ann") {
    artifactCollections(filters: $filters, order: $order, first: $first, after: $after) {
      totalCount pageInfo { endCursor hasNextPage }
      edges { node {
        __typename name description state type: defaultArtifactType { name } tags { edges { node { name } } }
      } }
    }
  }
}"""


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "store")
    desk.write(rows=[{"a": 1}])
    return desk


@pytest.fixture
def three(desk):
    """Three versions of ``data``, logged by the run; the middle one is linked to ``chosen``."""
    first = keep(desk.service, b"0", aliases=("latest",), run=RUN, user="ann")
    second = keep(desk.service, b"1", aliases=("latest", "best"), run=RUN, tags=("t",), metadata={"rows": 2}, ttl_s=60)
    third = keep(desk.service, b"22", aliases=("latest",), description="the third")
    desk.service.link_artifact(DATA.at("best"), CHOSEN, ("prod",))
    return [first, second, third]


def membership(desk, name):
    return desk.data(MEMBERSHIP, name=name)["project"]["artifactCollectionMembership"]


def versions(desk, collection="data", **given):
    found = desk.data(VERSIONS, collection=collection, **given)
    return found["project"]["artifactType"]["artifactCollection"]["artifacts"]


def numbers(desk, **given):
    return [edge["version"] for edge in versions(desk, **given)["edges"]]


def test_a_version_is_read_by_number_alias_digest_or_no_name_at_all(desk, three):
    found = membership(desk, "data:v1")
    assert found == {
        "versionIndex": 1,
        "aliases": [{"alias": "best"}],
        "artifactCollection": {"__typename": "ArtifactSequence", "name": "data"},
        "artifact": {
            "versionIndex": 1,
            "state": "COMMITTED",
            "description": None,
            "metadata": '{"rows":2}',
            "digest": three[1].digest,
            "size": 1,
            "fileCount": 1,
            "ttlDurationSeconds": 60,
            "ttlIsInherited": False,
            "tags": [{"name": "t"}],
            "artifactType": {"name": "dataset"},
            "artifactSequence": {
                "__typename": "ArtifactSequence",
                "name": "data",
                "project": {"name": "digits", "entity": {"name": "ann"}},
            },
            "aliases": [{"alias": "best", "artifactCollection": {"name": "data"}}],
        },
    }
    assert membership(desk, "data:best") == membership(desk, f"data:{three[1].digest}") == found
    assert membership(desk, "data")["versionIndex"] == membership(desk, "data:latest")["versionIndex"] == 2


@pytest.mark.parametrize(
    "name", ["data:v9", "data:none", "none:v0", "data:", ":v0", "", "a/b:v0", "..:v0", "data:\0", "x" * 500]
)
def test_what_is_not_there_is_none(desk, three, name):
    document = 'query($n: String!) { project(name: "digits") { artifactCollection(name: $n) { id } } }'
    expected = None if name != "data:" else membership(desk, "data:latest")
    assert membership(desk, name) == expected
    assert desk.data(document, n=name)["project"]["artifactCollection"] is None
    missing = 'query($n: String!) { project(name: "none") { artifact(name: $n) { id } } }'
    assert desk.data(missing, n=name) == {"project": {"artifact": None}}


def test_a_link_has_the_number_and_aliases_of_the_portfolio_and_the_rest_of_its_home(desk, three):
    found = membership(desk, "chosen:prod")
    assert (found["versionIndex"], found["aliases"]) == (0, [{"alias": "prod"}])
    assert found["artifactCollection"] == {"__typename": "ArtifactPortfolio", "name": "chosen"}
    assert found["artifact"]["versionIndex"] == 1
    assert found["artifact"]["artifactSequence"]["name"] == "data"
    told = [(alias["alias"], alias["artifactCollection"]["name"]) for alias in found["artifact"]["aliases"]]
    assert told == [("prod", "chosen"), ("v0", "chosen")]


def test_a_version_is_read_by_its_id_with_all_that_it_is_linked_to(desk, three):
    document = """query($id: ID!) { artifact(id: $id) {
      versionIndex createdBy { __typename ... on Run { name } ... on User { username } }
      artifactMemberships { edges { node { versionIndex artifactCollection { __typename name } } } }
    } }"""
    found = desk.data(document, id=artifact_node_id(three[1].artifact_id))["artifact"]
    memberships = [edge["node"] for edge in found.pop("artifactMemberships")["edges"]]
    assert found == {"versionIndex": 1, "createdBy": {"__typename": "Run", "name": "r1"}}
    assert memberships == [
        {"versionIndex": 1, "artifactCollection": {"__typename": "ArtifactSequence", "name": "data"}},
        {"versionIndex": 0, "artifactCollection": {"__typename": "ArtifactPortfolio", "name": "chosen"}},
    ]
    assert desk.data(document, id=artifact_node_id("0" * 20)) == desk.data(document, id="x") == {"artifact": None}


def test_who_made_an_artifact_is_told_also_when_the_run_is_gone(desk, three):
    document = "query($id: ID!) { artifact(id: $id) { createdBy { __typename ... on User { username } } } }"
    desk.service.delete_run(RUN)
    made_by = [desk.data(document, id=artifact_node_id(one.artifact_id))["artifact"]["createdBy"] for one in three]
    assert made_by == [{"__typename": "User", "username": "ann"}] * 3
    assert membership(desk, "data:v0")["versionIndex"] == 0


def test_runs_that_used_a_version_are_told_but_those_that_are_gone(desk, three):
    document = "query($id: ID!) { artifact(id: $id) { usedBy { edges { node { name project { name } } } } } }"
    for run_id in ("r2", "r3"):
        desk.write(f"ann/digits/{run_id}")
        desk.service.use_artifact(CHOSEN.at("v0"), RUN._replace(run_id=run_id))
    desk.service.delete_run(RUN._replace(run_id="r2"))
    found = desk.data(document, id=artifact_node_id(three[1].artifact_id))
    assert found["artifact"]["usedBy"]["edges"] == [{"node": {"name": "r3", "project": {"name": "digits"}}}]


def test_a_run_tells_what_it_logged_and_used(desk, three):
    desk.service.use_artifact(DATA.at("v2"), RUN)
    found = desk.run(
        "inputArtifacts { totalCount edges { version node { versionIndex } } } "
        "outputArtifacts(first: 1) { totalCount pageInfo { hasNextPage } edges { version } }"
    )
    assert found == {
        "inputArtifacts": {"totalCount": 1, "edges": [{"version": "v2", "node": {"versionIndex": 2}}]},
        "outputArtifacts": {"totalCount": 2, "pageInfo": {"hasNextPage": True}, "edges": [{"version": "v0"}]},
    }


def test_versions_come_the_newest_first_or_in_an_order(desk, three):
    assert numbers(desk) == ["v2", "v1", "v0"]
    assert numbers(desk, order="+version_index") == numbers(desk, order="created_at") == ["v0", "v1", "v2"]
    assert numbers(desk, order="-version_index") == ["v2", "v1", "v0"]


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ('{"state": "COMMITTED"}', ["v2", "v1", "v0"]),
        ('{"state": "DELETED"}', []),
        ('{"aliases": "latest"}', ["v2"]),
        ('{"tags": "t"}', ["v1"]),
        ('{"metadata.rows": {"$gt": 1}}', ["v1"]),
        ('{"$or": [{"versionIndex": 0}, {"description": {"$regex": "third"}}]}', ["v2", "v0"]),
    ],
)
def test_versions_are_filtered(desk, three, filters, found):
    assert numbers(desk, filters=filters) == found


@pytest.mark.parametrize("filters", ["[", "[1]", '{"nothing": 1}', '{"state": {"$like": "x"}}'])
def test_a_filter_that_cannot_be_read_is_an_error(desk, three, filters):
    (error,) = desk.ask(VERSIONS, collection="data", filters=filters)["errors"]
    assert error["extensions"]["code"] in ("FILTER", "BAD_VALUE")


def test_versions_of_a_portfolio_have_their_numbers_there(desk, three):
    desk.service.link_artifact(DATA.at("v0"), CHOSEN)
    edges = versions(desk, "chosen")["edges"]
    told = [(edge["version"], edge["node"]["versionIndex"], edge["node"]["aliases"]) for edge in edges]
    assert told == [
        ("v1", 0, [{"alias": "v1"}]),
        ("v0", 1, [{"alias": "prod"}, {"alias": "v0"}]),
    ]


def test_a_collection_is_of_one_type(desk, three):
    assert desk.data(VERSIONS, collection="data", type="model")["project"]["artifactType"] == {
        "artifactCollection": None
    }
    document = 'query($n: String!) { project(name: "digits") { artifactType(name: $n) { name } } }'
    assert desk.data(document, n="model") == {"project": {"artifactType": None}}
    assert desk.data(document, n="dataset") == {"project": {"artifactType": {"name": "dataset"}}}


def test_types_are_those_of_the_collections(desk, three):
    keep(desk.service, b"w", path=CollectionPath("ann", "digits", "weights"), type="model")
    document = """{ project(name: "digits") { artifactTypes { edges { node {
      name artifactCollections { edges { node { name } } } } } } } }"""
    types = desk.data(document)["project"]["artifactTypes"]["edges"]
    found = {
        edge["node"]["name"]: [one["node"]["name"] for one in edge["node"]["artifactCollections"]["edges"]]
        for edge in types
    }
    assert found == {"dataset": ["chosen", "data"], "model": ["weights"]}


def test_collections_are_listed_filtered_and_ordered(desk, three):
    desk.service.edit_collection(DATA, CollectionEdit(description="rows", add_tags=("t", "u")))

    def listed(**given):
        found = desk.data(COLLECTIONS, **given)["project"]["artifactCollections"]
        return [edge["node"]["name"] for edge in found["edges"]]

    whole = desk.data(COLLECTIONS)["project"]["artifactCollections"]
    assert (whole["totalCount"], whole["pageInfo"]["hasNextPage"]) == (2, False)
    assert whole["edges"][1]["node"] == {
        "__typename": "ArtifactSequence",
        "name": "data",
        "description": "rows",
        "state": "READY",
        "type": {"name": "dataset"},
        "tags": {"edges": [{"node": {"name": "t"}}, {"node": {"name": "u"}}]},
    }
    assert listed() == listed(order="name") == ["chosen", "data"]
    assert listed(order="-created_at") == ["chosen", "data"]
    assert listed(order="-name") == ["data", "chosen"]
    assert listed(filters='{"tag": "t"}') == ["data"]
    assert listed(filters='{"alias": "prod"}') == ["chosen"]
    assert listed(filters='{"name": {"$in": ["chosen", "x"]}}') == ["chosen"]


def test_a_page_of_collections_goes_on_behind_the_last(desk, three):
    for order in (None, "-name"):
        names, after = [], None
        for _ in range(2):
            page = desk.data(COLLECTIONS, first=1, after=after, order=order)["project"]["artifactCollections"]
            names += [edge["node"]["name"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"]
        assert sorted(names) == ["chosen", "data"]
        assert page["pageInfo"]["hasNextPage"] is False


def test_aliases_of_a_collection_are_told_by_its_id_also_when_it_is_renamed(desk, three):
    node_id = desk.data('{ project(name: "digits") { artifactCollection(name: "data") { id } } }')
    node_id = node_id["project"]["artifactCollection"]["id"]
    document = (
        "query($id: ID!) { artifactCollection(id: $id) { name aliases(first: 1000) { edges { node { alias } } } } }"
    )
    aliases = {"edges": [{"node": {"alias": "best"}}, {"node": {"alias": "latest"}}]}
    assert desk.data(document, id=node_id) == {"artifactCollection": {"name": "data", "aliases": aliases}}
    desk.service.edit_collection(DATA, CollectionEdit(name="renamed"))
    assert desk.data(document, id=node_id) == {"artifactCollection": {"name": "renamed", "aliases": aliases}}
    keep(desk.service, b"another")
    assert desk.data(document, id=node_id)["artifactCollection"]["name"] == "renamed"
    desk.service.delete_collection(DATA._replace(name="renamed"))
    assert desk.data(document, id=node_id) == desk.data(document, id="x") == {"artifactCollection": None}


def pages(desk, size, between=lambda page: None, **given):
    """The versions of all pages, asked for one after the other."""
    found, after = [], None
    while True:
        page = versions(desk, perPage=size, cursor=after, **given)
        found += [edge["version"] for edge in page["edges"]]
        if not page["pageInfo"]["hasNextPage"]:
            return found
        after = page["pageInfo"]["endCursor"]
        between(page)


@pytest.fixture
def seven(desk):
    for number in range(7):
        keep(desk.service, b"%d" % number)
    return [f"v{number}" for number in reversed(range(7))]


def test_pages_have_each_version_once(desk, seven):
    for size in (1, 2, 3, 7, 50):
        assert pages(desk, size) == seven
    assert pages(desk, 2, order="version_index") == seven[::-1]


def test_who_deletes_what_each_page_shows_sees_every_version(desk, seven):
    def delete(page):
        for edge in page["edges"]:
            desk.service.delete_artifact(DATA.at(edge["version"]))

    assert pages(desk, 2, delete) == seven


def test_who_logs_between_the_pages_sees_none_twice_and_misses_none(desk, seven):
    contents = iter(range(100, 200))
    assert pages(desk, 2, lambda page: keep(desk.service, b"%d" % next(contents))) == seven


def test_edits_between_the_pages_move_nothing(desk, seven):
    def edit(page):
        desk.service.edit_artifact(DATA.at("v0"), ArtifactEdit(add_tags=("t",)))

    assert pages(desk, 2, edit) == seven


@pytest.mark.parametrize("cursor", ["x", "eyJvZmZzZXQiOi0xfQ==", "é"])
def test_a_cursor_that_nobody_gave_is_refused(desk, seven, cursor):
    (error,) = desk.ask(VERSIONS, collection="data", cursor=cursor)["errors"]
    assert error["extensions"]["code"] == "BAD_VALUE"


def test_the_largest_page_of_versions_is_not_too_dear(desk):
    fields = """id artifactSequence { __typename name project { id internalId name entity { name } } } versionIndex
      artifactType { name } description metadata ttlDurationSeconds ttlIsInherited tags { __typename id name }
      historyStep state size digest digestAlgorithm commitHash fileCount createdAt updatedAt
      aliases { artifactCollection { __typename name project { id internalId name entity { name } } } id alias }"""
    document = VERSIONS.replace("id versionIndex aliases { alias }", fields)
    scope = {}
    prepared = desk.engine.prepare(document, {"collection": "data", "perPage": 1_000}, None, scope)
    assert 50_000 < prepared.cost < MAX_COST / 4
    usual = desk.engine.prepare(document, {"collection": "data"}, None, scope)
    assert 2_500 < usual.cost < 15_000


@pytest.fixture
def ask_as(tmp_path, desk, three):
    """What people are answered about ann's artifacts: eve is a stranger, and rita reads what links to them."""
    people = open_people(tmp_path / "store")
    for name in ("ann", "rita", "eve"):
        people.add_user(name)
    people.add_team("others", {"rita": "viewer"})
    keep(desk.service, b"elsewhere", path=CollectionPath("others", "links", "theirs"))
    desk.service.link_artifact(DATA.at("v1"), CollectionPath("others", "links", "borrowed"), ("mine",))

    def ask_as(who, document, **variables):
        signed_in = None if who is None else people.directory().people[who]
        guarded = GuardedService(desk.service, people, Standing(signed_in))
        context = dataclasses.replace(desk.context, service=guarded, person=signed_in, people=people)
        return desk.engine.execute(document, variables, None, context)

    yield ask_as
    people.close()


def test_who_may_not_read_a_project_finds_none_of_its_artifacts(ask_as, three):
    node_id = artifact_node_id(three[1].artifact_id)
    for who in (None, "eve", "rita"):
        assert ask_as(who, MEMBERSHIP, name="data:v1")["data"]["project"] == {"artifactCollectionMembership": None}
        assert ask_as(who, "query($i: ID!) { artifact(id: $i) { id } }", i=node_id)["data"] == {"artifact": None}
    assert ask_as("ann", "query($i: ID!) { artifact(id: $i) { id } }", i=node_id)["data"] == {
        "artifact": {"id": node_id}
    }


def test_a_link_to_what_one_may_not_read_is_not_there(ask_as):
    document = """{ project(name: "links", entityName: "others") {
      artifactCollectionMembership(name: "borrowed:mine") { id }
      artifactCollection(name: "borrowed") { artifacts { totalCount edges { node { id } } } }
      other: artifactCollection(name: "theirs") { artifacts { totalCount } }
    } }"""
    assert ask_as("rita", document)["data"]["project"] == {
        "artifactCollectionMembership": None,
        "artifactCollection": {"artifacts": {"totalCount": 0, "edges": []}},
        "other": {"artifacts": {"totalCount": 1}},
    }


def test_portfolios_that_one_may_not_read_are_not_among_the_memberships(ask_as, three):
    document = """query($i: ID!) { artifact(id: $i) {
      artifactMemberships { edges { node { artifactCollection { name } } } } } }"""
    found = ask_as("ann", document, i=artifact_node_id(three[1].artifact_id))["data"]["artifact"]
    names = [edge["node"]["artifactCollection"]["name"] for edge in found["artifactMemberships"]["edges"]]
    assert names == ["data", "chosen"]
