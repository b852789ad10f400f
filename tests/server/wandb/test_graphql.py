"""Documents as anybody may send them: what is not there is named, and nothing that is sent brings the server down."""

import random

import pytest
from asking import Desk
from graphql import GraphQLUnionType, is_composite_type

from runlake.errors import BadValueError, BusyError, NotFoundError, ReadOnlyError, UnreachableError
from runlake.model import RunPath
from runlake.server.wandb import ids
from runlake.server.wandb.documents.graphql import load_schema
from runlake.server.wandb.documents.limits import MAX_DOCUMENT_CHARACTERS
from runlake.server.wandb.nodes.query_root import FEATURES
from runlake.sweep_model import AgentReport, AgentStart, SweepStart


@pytest.fixture
def desk(tmp_path):
    desk = Desk(tmp_path / "store")
    desk.write(rows=[{"a": 1}])
    return desk


def only_error(answer):
    (error,) = answer["errors"]
    return error["extensions"]["code"], error["message"]


def test_the_viewer_is_who_asks(desk):
    document = "{ viewer { id entity username email admin flags name teams { edges { node { name } } } } }"
    viewer = desk.data(document)["viewer"]
    assert viewer.pop("id")
    assert viewer == {
        "entity": "ann",
        "username": "ann",
        "email": "ann@lab.org",
        "admin": False,
        "flags": "{}",
        "name": "ann",
        "teams": {"edges": [{"node": {"name": "ann"}}]},
    }


def test_nobody_has_no_viewer(tmp_path):
    desk = Desk(tmp_path / "store", person=None)
    assert desk.data("{ viewer { id } user { id } users { edges { node { id } } } }") == {
        "viewer": None,
        "user": None,
        "users": {"edges": []},
    }


def test_the_server_names_its_features_and_has_no_organizations(desk):
    document = """{
      serverInfo { features { name isEnabled } cliVersionInfo }
      entity(name: "ann") { name isTeam organization { coreWeaveOrganizationId } }
      organization(name: "o") { id }
      nobody: entity(name: "who") { id }
    }"""
    assert desk.data(document) == {
        "serverInfo": {
            "features": [{"name": name, "isEnabled": True} for name in FEATURES],
            "cliVersionInfo": {"max_cli_version": "0.999.0", "min_cli_version": "0.29.0"},
        },
        "entity": {"name": "ann", "isTeam": False, "organization": None},
        "organization": None,
        "nobody": None,
    }


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (
            'mutation { commitArtifact(input: {artifactID: "x"}) { artifact { id } } }',
            "this part of artifacts is not supported yet by runlake: Mutation.commitArtifact",
        ),
        (
            '{ artifact(id: "x") { isLoved } }',
            "this part of artifacts is not supported yet by runlake: Artifact.isLoved",
        ),
        (
            '{ entity(name: "ann") { artifactCollections { totalCount } } }',
            "registries are not supported yet by runlake: Entity.artifactCollections",
        ),
        (
            '{ project(name: "digits") { allowAllArtifactTypesInRegistry } }',
            "registries are not supported yet by runlake: Project.allowAllArtifactTypesInRegistry",
        ),
        (
            '{ project(name: "digits") { sweep(sweepName: "s") { controllerRunName } } }',
            "sweeps whose search is done elsewhere are not supported yet by runlake: Sweep.controllerRunName",
        ),
        (
            '{ project(name: "digits") { runQueues { id } } }',
            "launch queues are not supported yet by runlake: Project.runQueues",
        ),
        (
            'mutation { createCustomChart(input: {entity: "ann"}) { success } }',
            "custom charts are not supported yet by runlake: Mutation.createCustomChart",
        ),
        ('{ project(name: "digits") { foo } }', "this is not supported yet by runlake: Project.foo"),
    ],
)
def test_what_is_not_there_is_named(desk, document, message):
    assert only_error(desk.ask(document)) == ("NOT_SUPPORTED", message)


def test_a_mutation_without_a_writer_is_named(desk):
    answer = desk.ask('mutation { stopRun(input: {id: "x"}) { success } }')
    assert only_error(answer) == ("NOT_SUPPORTED", "this is not supported yet by runlake: Mutation.stopRun")


def test_mutations_are_methods_named_like_their_fields(tmp_path):
    class Mutations:
        def __init__(self, context):
            self.context = context

        def stopRun(self, info, input):
            return {"success": input["id"] == self.context.person.username}

    desk = Desk(tmp_path / "store", mutations=Mutations)
    assert desk.data('mutation { stopRun(input: {id: "ann"}) { success } }') == {"stopRun": {"success": True}}


def test_every_reading_field_has_a_resolver(desk):
    schema = load_schema()
    missing = set()
    for type_name, prefix in {"Project": '{ project(name: "digits") { %s } }', "Run": None, "Query": "{ %s }"}.items():
        for name, field in schema.type_map[type_name].fields.items():
            of_type = field.type
            while hasattr(of_type, "of_type"):
                of_type = of_type.of_type
            arguments = ", ".join(
                f"{argument}: {'[]' if '[' in str(given.type) else chr(34) + 'x' + chr(34)}"
                for argument, given in field.args.items()
                if str(given.type).endswith("!")
            )
            selection = f"{name}({arguments})" if arguments else name
            if is_composite_type(of_type):
                selection += " { __typename }"
            document = prefix or '{ project(name: "digits") { run(name: "r1") { %s } } }'
            for error in desk.ask(document % selection).get("errors", ()):
                assert error["extensions"]["code"] == "NOT_SUPPORTED", error
                missing.add(f"{type_name}.{name}")
    assert missing == set()


def test_errors_of_the_tree_carry_their_name(tmp_path):
    class Mutations:
        def __init__(self, context):
            pass

        def stopRun(self, info, input):
            raise {
                "a": NotFoundError("no a"),
                "b": ReadOnlyError("no b"),
                "c": ZeroDivisionError("secret"),
                "d": BusyError("no d"),
                "e": UnreachableError("no e"),
            }[input["id"]]

    desk = Desk(tmp_path / "store", mutations=Mutations)
    document = "mutation($id: ID!) { stopRun(input: {id: $id}) { success } }"
    assert only_error(desk.ask(document, id="a")) == ("NOT_FOUND", "no a")
    assert only_error(desk.ask(document, id="b")) == ("UNAVAILABLE", "no b")
    assert only_error(desk.ask(document, id="d")) == ("UNAVAILABLE", "no d")
    assert only_error(desk.ask(document, id="e")) == ("UNAVAILABLE", "no e")
    assert only_error(desk.ask(document, id="c")) == ("INTERNAL", "internal error; the server's log says more")


def test_what_clients_send_too_much_of_is_tolerated(desk):
    document = """#graphql
    query Q($unused: String, $name: String!, $first: Int = 50, $pattern: String) {
      project(name: $name) { run(name: "r1") { files(first: $first, pattern: $pattern) { edges { cursor } } } }
    }
    fragment Unused on Run { id }"""
    answer = desk.ask(document, unused=None, name="digits", pattern=None, more=[1])
    assert answer == {"data": {"project": {"run": {"files": {"edges": []}}}}}


def test_a_huge_variable_is_no_matter(desk):
    document = 'query($d: String!) { project(name: "") { run(name: "", desc: $d) { name } } }'
    assert desk.ask(document, d="x" * 10_000_000) == {"data": {"project": None}}


def spread(count):
    fragments = [f"fragment F{i} on Run {{ ...F{i + 1} ...F{i + 1} }}" for i in range(count)]
    fragments.append(f"fragment F{count} on Run {{ id name }}")
    return 'query { project(name: "digits") { run(name: "r1") { ...F0 } } } ' + " ".join(fragments)


HOSTILE = {
    "nothing": "",
    "no text": None,
    "a number": 7,
    "garbage": "}{",
    "half a document": "{ viewer {",
    "a NUL": "{ viewer { id \0 } }",
    "half a surrogate": '{ project(name: "\ud800") { id } }',
    "only a fragment": "fragment F on Run { id }",
    "deep": "{ project " + "{ run { project " * 40 + "{ id }" + " } }" * 40 + " }",
    "deeper than the stack": "{ a " * 4_000,
    "deep lists": "{ project(name: %s) { id } }" % ("[" * 3_000 + "]" * 3_000),
    "many aliases": "{ " + " ".join(f"a{i}: viewer {{ id }}" for i in range(200)) + " }",
    "many fields": "{ " + "viewer { id } " * 800 + "}",
    "too long": "{ viewer { id } }" + " " * MAX_DOCUMENT_CHARACTERS,
    "a fragment bomb": spread(16),
    "a circle": "{ viewer { ...A } } fragment A on User { ...B } fragment B on User { ...A }",
    "a fragment of itself": "{ viewer { ...A } } fragment A on User { id ...A }",
    "a circle nobody uses": "{ viewer { id } } fragment A on User { ...A }",
    "an unknown fragment": "{ viewer { ...Nope } }",
    "another name for a project": 'mutation { renameProject(input: {name: "digits", newName: "d"}) { inserted } }',
    "two operations": "query A { viewer { id } } query B { viewer { id } }",
    "a subscription": "subscription { viewer { id } }",
    "a wrong argument": '{ project(name: "digits", wrong: 1) { id } }',
    "a missing variable": "query($n: String!) { project(name: $n) { id } }",
    "a number beyond 64 bits": '{ project(name: "digits") { run(name: "r1") { history(minStep: 1%s) } } }'
    % ("0" * 5000),
    "dear pages": '{ project(name: "digits") { runs(first: 9999) { edges { node { a: history events history } } } } }',
    "a cursor of nobody": '{ project(name: "digits") { runs(after: "nope") { edges { cursor } } } }',
    "a negative page": '{ project(name: "digits") { runs(first: -1) { edges { cursor } } } }',
    "a cursor far out": '{ project(name: "digits") { runs(after: "eyJvZmZzZXQiOi0xfQ==") { edges { cursor } } } }',
    "backwards": '{ project(name: "digits") { runs(last: 3) { edges { cursor } } } }',
}


@pytest.mark.parametrize("document", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_document_is_refused_with_a_reason(desk, document):
    answer = desk.engine.execute(document, None, None, desk.context)
    assert answer["errors"]
    for error in answer["errors"]:
        assert error["message"]
        assert error["extensions"]["code"] != "INTERNAL"
    assert answer.get("data") in (None, {"project": None}, {"project": {"runs": None}})


@pytest.mark.parametrize("variables", [[], "x", {"n": {"a": 1}}, {"n": ["x", "y"]}, {"n": None}, {"n": 3.5}])
def test_wrong_variables_are_refused(desk, variables):
    document = "query($n: String!) { project(name: $n) { id } }"
    answer = desk.engine.execute(document, variables, None, desk.context)
    assert answer["errors"]
    assert all(error["extensions"]["code"] != "INTERNAL" for error in answer["errors"])


@pytest.mark.slow
@pytest.mark.parametrize("document_count", [100, pytest.param(1000, marks=pytest.mark.long)])
def test_generated_documents_never_raise_and_never_fail_inside(desk, document_count):
    """Random walks over the schema, with random arguments."""
    schema, chance = load_schema(), random.Random(4)
    config = {"method": "random", "metric": {"name": "a", "goal": "minimize"}, "parameters": {"a": {"value": 1}}}
    sweep = desk.service.create_sweep("ann", "digits", SweepStart(sweep_id="r1", config=config)).path
    desk.service.report_agent(sweep, desk.service.join_sweep(sweep, AgentStart()).agent_id, AgentReport(wanted_count=1))

    def literal(kind, depth):
        text = str(kind).rstrip("!")
        if text.startswith("["):
            return f"[{literal(kind.of_type if not text.startswith('[') else text[1:-1], depth)}]"
        choices = {
            "Int": ["0", "1", "7", "-1", "2147483647", "null"],
            "Int64": ["0", "5", "-9", "9223372036854775807", "null"],
            "Boolean": ["true", "false", "null"],
        }.get(text, ['""', '"digits"', '"r1"', '"ann"', '"%"', '"{}"', '"+created_at"', '"\\\\\\""', '"[1]"'])
        return chance.choice(choices)

    def selection(kind, depth):
        fields = []
        if isinstance(kind, GraphQLUnionType):
            return "__typename"
        for name in chance.sample(sorted(kind.fields), min(4, len(kind.fields))):
            field = kind.fields[name]
            of_type = field.type
            while hasattr(of_type, "of_type"):
                of_type = of_type.of_type
            is_object = is_composite_type(of_type)
            if is_object and depth > 5:
                continue
            given = [
                f"{argument}: {literal(arg.type, depth)}"
                for argument, arg in field.args.items()
                if str(arg.type).endswith("!") or chance.random() < 0.4
            ]
            fields.append(
                name
                + (f"({', '.join(given)})" if given else "")
                + (f" {{ {selection(of_type, depth + 1)} }}" if is_object else "")
            )
        return " ".join(fields) or "__typename"

    for _ in range(document_count):
        document = f"{{ {selection(schema.query_type, 0)} }}"
        for error in desk.engine.execute(document, None, None, desk.context).get("errors", ()):
            assert error["extensions"]["code"] != "INTERNAL", document


def test_ids_are_read_back_and_foreign_ones_refused():
    path = RunPath("ann", "digits", "r1")
    assert ids.run_path_of(ids.run_node_id(path)) == path
    assert ids.file_of(ids.file_node_id(path, "a/b c.txt")) == (path, "a/b c.txt")
    assert ids.user_of(ids.user_node_id("ann")) == "ann"
    assert 0 <= ids.project_number("ann", "digits") < 2**31
    for wrong in ("", "r1", "é", ids.project_node_id("ann", "digits"), "/w=="):
        with pytest.raises(BadValueError, match="is no id of a run"):
            ids.run_path_of(wrong)
