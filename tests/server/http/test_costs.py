"""What a request may cost: every list of every field, every entrance of a pattern, and what the numbers say of it."""

import io
import json

import pytest
from graphql import GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type, is_input_object_type
from in_process import InProcess

from runlake.model import RunPath, WriterStart
from runlake.server.wandb.documents.graphql import load_schema

RUN = RunPath("ann", "p", "r")
SCHEMA = load_schema()
LONG = 100_000


def is_list(kind):
    return isinstance(kind.of_type if isinstance(kind, GraphQLNonNull) else kind, GraphQLList)


def listing_arguments():
    """(field of which type, argument, variable's value) for every argument that is a list or has one in it."""
    for owner in SCHEMA.type_map.values():
        if not isinstance(owner, GraphQLObjectType) or owner.name.startswith("__"):
            continue
        for field_name, field in owner.fields.items():
            for name, argument in field.args.items():
                if is_list(argument.type):
                    yield owner.name, field_name, name, argument.type, None
                named = get_named_type(argument.type)
                for inner, inner_field in named.fields.items() if is_input_object_type(named) else ():
                    if is_list(inner_field.type):
                        yield owner.name, field_name, name, argument.type, inner


ENTRANCES = {
    f"{owner}.{field}({name}{f'.{inner}' if inner else ''})": (owner, field, name, kind, inner)
    for owner, field, name, kind, inner in listing_arguments()
}
PATHS = {
    "Query": "{ %s }",
    "Mutation": "{ %s }",
    "Project": '{ project(name: "p") { %s } }',
    "Run": '{ project(name: "p") { run(name: "r") { %s } } }',
    "Artifact": '{ artifact(id: "x") { %s } }',
    "ArtifactCollectionMembership": '{ project(name: "p") { artifactCollectionMembership(name: "c:v0") { %s } } }',
}


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = InProcess(tmp_path_factory.mktemp("costs") / "store")
    server.service.begin_writer(RUN, WriterStart(user="ann", name="a" * 40 + "!"))
    yield server
    server.close()


def ask(server, document, variables=None):
    answer = server.ask("POST", "/graphql", who="ann", json={"query": document, "variables": variables})
    assert answer.status_code == 200, answer.text
    return answer.json()


def document_for(owner, field, name, kind):
    """A document that asks for the field with its argument as a variable; other arguments are filled in."""
    arguments = [f"{name}: $list"]
    for other, argument in SCHEMA.type_map[owner].fields[field].args.items():
        if other != name and isinstance(argument.type, GraphQLNonNull):
            arguments.append(
                f"{other}: {{}}" if is_input_object_type(get_named_type(argument.type)) else f'{other}: "x"'
            )
    selection = f"{field}({', '.join(arguments)})"
    if not hasattr(get_named_type(SCHEMA.type_map[owner].fields[field].type), "serialize"):
        selection += " { __typename }"
    operation = "mutation" if owner == "Mutation" else "query"
    return f"{operation}($list: {kind}) {PATHS[owner] % selection}"


@pytest.mark.parametrize("entrance", ENTRANCES)
def test_a_long_list_is_refused_by_what_it_costs(server, entrance):
    owner, field, name, kind, inner = ENTRANCES[entrance]
    value = [""] * LONG if inner is None else {inner: [""] * LONG}
    before = refused(server)
    answer = ask(server, document_for(owner, field, name, kind), {"list": value})
    assert "this would cost" in answer["errors"][0]["message"], answer
    assert refused(server) == before + 1


def test_the_walk_meets_the_lists_that_are_known_to_be_dear():
    assert {
        "Run.sampledHistory(specs)",
        "Run.files(names)",
        "Project.runs(names)",
        "Mutation.createRunFiles(input.files)",
        "Mutation.markRunFilesUploaded(input.files)",
        "Mutation.deleteFiles(input.files)",
    } <= ENTRANCES.keys()
    assert {owner for owner, *_ in ENTRANCES.values()} == PATHS.keys()


def test_lists_count_wherever_they_stand(server):
    specs = json.dumps([json.dumps({"keys": ["loss"]})] * 6_000)
    run = '{ project(name: "p") { run(name: "r") { sampledHistory(specs: %s) } } }'
    for document, variables in (
        ("query($s: [JSONString!]!) " + run % "$s", {"s": json.loads(specs)}),
        ("query($s: [JSONString!]! = {}) ".format(json.dumps(["{}"] * 6_000)) + run % "$s", None),
    ):
        answer = ask(server, document, variables)
        assert "this would cost" in answer["errors"][0]["message"] or "tokens" in answer["errors"][0]["message"]
    answer = ask(
        server,
        "query($f: Int = 1000) " + '{ project(name: "p") { runs(first: $f) { edges { node { '
        "a: history b: history c: history } } } } }",
    )
    assert "this would cost" in answer["errors"][0]["message"]


def test_variables_that_are_nested_deep_are_refused(server):
    value = "x"
    for _ in range(200):
        value = [value]
    answer = ask(
        server,
        'query($n: [String]) { project(name: "p") { run(name: "r") { files(names: $n) { edges { cursor } } } } }',
        {"n": value},
    )
    assert "nested deeper" in answer["errors"][0]["message"]


@pytest.mark.slow
def test_what_the_client_needs_is_given(server):
    keys = [f"train/layer.{number}/loss" for number in range(1_000)]
    specs = [json.dumps({"keys": [key], "samples": 500}) for key in keys] + [json.dumps({"keys": keys})]
    document = 'query($s: [JSONString!]!) { project(name: "p") { run(name: "r") { sampledHistory(specs: $s) } } }'
    assert ask(server, document, {"s": specs})["data"]["project"]["run"]["sampledHistory"] == [[]] * 1_001
    document = (
        'mutation($f: [String!]!) { createRunFiles(input: {entityName: "ann", projectName: "p", runName: "r", '
        "files: $f}) { files { name } } }"
    )
    names = [f"media/{number}.png" for number in range(1_000)]
    files = ask(server, document, {"f": names})["data"]["createRunFiles"]["files"]
    assert [file["name"] for file in files] == names


HOSTILE = {"display_name": {"$regex": "^(a+)+$"}}
REFUSED = {"display_name": {"$regex": r"(a+)\1"}}
CONFIG = "method: random\\nparameters: {lr: {values: [1]}}"
IN_SUBPROCESS = {
    "runs": 'query($f: JSONString) { project(name: "p") { runs(filters: $f) { totalCount } } }',
    "runCount": 'query($f: JSONString) { project(name: "p") { runCount(filters: $f) } }',
    "sweep": f"""mutation($f: JSONString) {{ upsertSweep(input: {{
      entityName: "ann", projectName: "p", priorRunsFilters: $f, config: "{CONFIG}"}}) {{ sweep {{ name }} }} }}""",
}


@pytest.mark.parametrize("document", IN_SUBPROCESS.values(), ids=IN_SUBPROCESS)
def test_a_hostile_pattern_in_a_document_is_answered_or_refused(server, document):
    assert "errors" not in ask(server, document, {"f": json.dumps(HOSTILE)})
    assert "backreferences" in ask(server, document, {"f": json.dumps(REFUSED)})["errors"][0]["message"]


NATIVE = {
    "GET runs": lambda filters: ("GET", "runs", {"params": {"filters": json.dumps(filters)}}),
    "query": lambda filters: ("POST", "runs/query", {"json": {"filters": filters}}),
    "table": lambda filters: ("POST", "runs/table", {"json": {"filters": filters}}),
    "histories": lambda filters: ("POST", "histories", {"json": {"keys": ["loss"], "filters": filters}}),
}


@pytest.mark.parametrize("entrance", NATIVE.values(), ids=NATIVE)
def test_a_hostile_pattern_is_answered_or_refused_by_every_listing(server, entrance):
    statuses = []
    for filters in (HOSTILE, REFUSED):
        method, address, options = entrance(filters)
        answer = server.ask(method, f"/api/v1/projects/ann/p/{address}", who="ann", **options)
        statuses.append(answer.status_code)
    assert (statuses, answer.json()["error"]["type"]) == ([200, 400], "FilterError")


def test_too_many_keys_are_refused(server):
    keys = ["k"] * 10_001
    for address in ("runs/ann/p/r/history", "projects/ann/p/histories"):
        answer = server.ask("POST", f"/api/v1/{address}", who="ann", json={"keys": keys})
        assert (answer.status_code, "10,001 keys" in answer.json()["error"]["message"]) == (400, True)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("media/%", ["media/1.png"]),
        ("m_dia%", ["media/1.png"]),
        (r"a\_b.%", ["a_b.txt"]),
        ("%", ["a_b.txt", "axb.txt", "media/1.png"]),
        ("a.b", []),
        ("_" * 600 + "%x", []),
        ("%a" * 2_000, []),
    ],
)
def test_a_pattern_of_files_is_that_of_sql(server, pattern, expected):
    for name in ("media/1.png", "a_b.txt", "axb.txt"):
        server.service.put_file(RUN, name, io.BytesIO(b"x"))
    document = (
        'query($p: String) { project(name: "p") { run(name: "r") { files(pattern: $p) { edges { node { name } } } } } }'
    )
    edges = ask(server, document, {"p": pattern})["data"]["project"]["run"]["files"]["edges"]
    assert [edge["node"]["name"] for edge in edges] == expected
    assert "10,000 are allowed" in ask(server, document, {"p": "_" * 10_001})["errors"][0]["message"]


def refused(server):
    text = server.ask("GET", "/metrics", who="ann").text
    lines = [line for line in text.splitlines() if line.startswith('runlake_refused_total{reason="cost"}')]
    return float(lines[0].split()[-1]) if lines else 0.0
