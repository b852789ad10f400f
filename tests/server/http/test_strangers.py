"""Nobody, and a person of another team, against everything that the server has: every route and every GraphQL field."""

import io
import json
import re
from typing import NamedTuple

import pytest
from graphql import GraphQLInputObjectType, GraphQLList, GraphQLNonNull, GraphQLObjectType, get_named_type
from in_process import InProcess

from runlake.model import RunEdit, RunPath, WriterBatch, WriterStart
from runlake.server.wandb.documents.graphql import load_schema
from runlake.server.wandb.ids import agent_node_id, file_node_id, run_node_id, sweep_node_id, view_node_id
from runlake.store.folder_store import FolderStore
from runlake.sweep_model import AgentReport, AgentStart, SweepPath, SweepStart
from runlake.view_model import ViewPath, ViewPut

SECRET = "topsecret"
"""Stands in all that the team has written: no answer to a stranger may hold it."""

PATH = RunPath("team", "vision", "r1")
SWEEP = SweepPath("team", "vision", "s1")
VIEW_ID = "report1"
CONFIG = {"method": "random", "parameters": {"lr": {"min": 0.0, "max": 1.0}}}
NOWHERE = RunPath("taem", "nivois", "1r")
"""Names of the same length that are not there: a stranger is told of the others what is told of these."""


class Target(NamedTuple):
    """Names of something to ask for."""

    entity: str
    project: str
    run_id: str
    sweep_id: str
    agent_id: str

    @property
    def run(self):
        return RunPath(*self[:3])

    @property
    def view(self):
        return ViewPath(self.entity, self.project, VIEW_ID)

    @property
    def sweep(self):
        return SweepPath(self.entity, self.project, self.sweep_id)


def targets(server):
    """What is there, and what is not."""
    return Target(*PATH, SWEEP.sweep_id, server.agent_id), Target(*NOWHERE, "1s", server.agent_id[::-1])


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A store with a private project of a team, and three people: ann (admin), max (of the team), eve (of none)."""
    server = InProcess(tmp_path_factory.mktemp("strangers") / "store")
    for name in ("max", "eve"):
        server.add_user(name)
    server.people.add_team("team", {"max": "member"})
    service = server.service
    begun = service.begin_writer(PATH, WriterStart(name=f"{SECRET}-name", config={SECRET: SECRET}, tags=(SECRET,)))
    service.write_batch(PATH, begun.writer, WriterBatch(rows={"history": []}, summary={SECRET: 1}))
    service.put_file(PATH, f"{SECRET}.txt", io.BytesIO(b"x"))
    service.edit_run(PATH, RunEdit(info={"notes": SECRET}))
    config = {"method": "random", "name": f"{SECRET}-sweep", "parameters": {SECRET: {"min": 0.0, "max": 1.0}}}
    service.create_sweep(PATH.entity, PATH.project, SweepStart(config=config, sweep_id=SWEEP.sweep_id))
    server.agent_id = service.join_sweep(SWEEP, AgentStart(host=SECRET)).agent_id
    service.report_agent(SWEEP, server.agent_id, AgentReport(wanted_count=1))
    service.put_view(ViewPath(*PATH[:2], VIEW_ID), ViewPut(type="runs", name=SECRET, spec=f'"{SECRET}"'))
    yield server
    server.close()


@pytest.fixture
def untouched(server):
    """Nothing a stranger does may change what is stored of the project, nor prolong the life of writer and agent.

    Files and their times are compared, and not what is read of them: who is silent is crashed after a while.
    """

    def look():
        files = [file for file in FolderStore(server.root).project_dir(*PATH[:2]).rglob("*") if file.is_file()]
        stored = {file: (file.read_bytes(), file.stat().st_mtime_ns) for file in files}
        return stored, server.people.list_users(), server.people.list_keys()

    before = look()
    yield
    assert look() == before


def addresses(server):
    """Every (method, path) of the application that has the team's names in it, and the same with names of nobody."""
    for route in server.routes():
        for method in sorted(route.methods - {"OPTIONS"}):
            found = [filled_in(route.path_format, target) for target in targets(server)]
            if found[0] != found[1]:
                yield method, *found


def filled_in(path_format, target):
    known = {**target._asdict(), "view_id": VIEW_ID, "name": f"{SECRET}.txt"}
    return re.sub(r"\{(\w+)(?::\w+)?\}", lambda found: known.get(found[1], "x"), path_format)


def without_names(text):
    """An answer without what the question named."""
    text = re.sub(r"\w+=?=?(?=\")", lambda found: found[0] if len(found[0]) < 24 else "ID", text)
    for ours, theirs in zip((*PATH, SWEEP.sweep_id), (*NOWHERE, "1s"), strict=True):
        text = re.sub(rf"\b(?:{ours}|{theirs})\b", "NAME", text)
    return text


@pytest.mark.parametrize("who", [None, "eve"])
def test_no_route_tells_or_changes_anything_for_a_stranger(server, untouched, who):
    differing, walked = [], 0
    for method, path, nowhere in addresses(server):
        body = {"config": CONFIG} if method in ("POST", "PATCH", "PUT") else None
        answer, other = (server.ask(method, each, who=who, json=body) for each in (path, nowhere))
        walked += 1
        is_same = (answer.status_code, without_names(answer.text)) == (other.status_code, without_names(other.text))
        if not is_same or answer.status_code < 400 or SECRET in answer.text.replace(f"{SECRET}.txt", ""):
            differing.append((method, path, answer.status_code, answer.text[:200], other.text[:200]))
    assert differing == []
    assert walked > 25


def test_a_member_of_the_team_is_answered_where_strangers_are_not(server):
    listed = server.ask("GET", f"/api/v1/projects/{PATH.entity}/{PATH.project}/runs", who="max")
    assert (listed.status_code, SECRET in listed.text) == (200, True)


def documents(schema, target):
    """Documents that ask for every field that can be reached from a root, with the names of `target`."""
    for kind, root in (("query", schema.query_type), ("mutation", schema.mutation_type)):
        for text in selections(root, target, depth=0, seen=frozenset()):
            yield f"{kind} {{ {text} }}"
    given = {"entityName": target.entity, "projectName": target.project, "config": json.dumps(CONFIG)}
    yield f"mutation {{ upsertSweep(input: {_literal(given)}) {{ sweep {{ id }} }} }}"


def selections(of_type, target, *, depth, seen):
    """All fields of a type that hold no fields at once, and each of the others with what is in it."""
    leaves = []
    for name, field in of_type.fields.items():
        inner = get_named_type(field.type)
        asked = f"{name}{arguments_of(name, field, target)}"
        if not isinstance(inner, GraphQLObjectType):
            leaves.append(asked)
        elif depth < 5 and (inner.name, name) not in seen:
            for text in selections(inner, target, depth=depth + 1, seen=seen | {(inner.name, name)}):
                yield f"{asked} {{ {text} }}"
    if depth and leaves:
        yield " ".join(leaves)
    elif leaves:
        yield from leaves


def arguments_of(name, field, target):
    given = {key: _value(key, argument.type, target) for key, argument in field.args.items()}
    given = {key: value for key, value in given.items() if value is not None} | names_of(target).get(name, {})
    return f"({', '.join(f'{key}: {_literal(value)}' for key, value in given.items())})" if given else ""


def _value(name, of_type, target):
    """What a stranger would put there who knows all names."""
    named = get_named_type(of_type)
    known = {
        "entityName": target.entity,
        "entity": target.entity,
        "modelName": target.project,
        "projectName": target.project,
        "project": target.project,
        "runName": target.run_id,
        "metricName": "_step",
        "sweep": target.sweep_id,
        "sweepName": target.sweep_id,
        "agentName": target.agent_id,
    }
    if isinstance(named, GraphQLInputObjectType):
        return {
            field: value
            for field, below in named.fields.items()
            if (value := _value(field, below.type, target)) is not None
        }
    if name == "id":
        return run_node_id(target.run)
    if name == "files":
        return [file_node_id(target.run, f"{SECRET}.txt")]
    if name in known:
        return known[name]
    is_list = isinstance(of_type.of_type if isinstance(of_type, GraphQLNonNull) else of_type, GraphQLList)
    plain = {"Int": 1, "Float": 1.0, "Boolean": True, "Int64": 1, "Duration": 1, "JSONString": "{}", "JSON": "{}"}
    if named.name in plain:
        value = plain[named.name]
    elif named.name in ("String", "ID"):
        value = None
    else:
        return None
    if value is None and not isinstance(of_type, GraphQLNonNull):
        return None
    value = "x" if value is None else value
    return [value] if is_list else value


def _literal(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(item)}" for name, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value)


def names_of(target):
    return {
        "project": {"name": target.project, "entityName": target.entity},
        "model": {"name": target.project, "entityName": target.entity},
        "run": {"name": target.run_id},
        "bucket": {"name": target.run_id},
        "entity": {"name": target.entity},
        "models": {"entityName": target.entity},
        "view": {"id": view_node_id(target.view)},
        "upsertView": {"input": {"id": view_node_id(target.view), "spec": "{}"}},
        "deleteView": {"input": {"id": view_node_id(target.view)}},
        "upsertSweep": {"input": {"id": sweep_node_id(target.sweep), "state": "CANCELED", "displayName": "x"}},
        "agentHeartbeat": {"input": {"id": agent_node_id(target.sweep, target.agent_id), "runState": "{}"}},
    }


def ends_of(pairs):
    """Of documents that end in the same two levels, one: each field of each type below whatever it is a field of."""
    return {tuple(pair[0].rsplit("{", 2)[1:]): pair for pair in pairs}.values()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("who", "chosen"), [("eve", ends_of), *(pytest.param(who, list, marks=pytest.mark.long) for who in ("eve", None))]
)
def test_no_graphql_field_tells_or_changes_anything_for_a_stranger(server, untouched, who, chosen):
    asked, differing = 0, []
    texts = [documents(load_schema(), target) for target in targets(server)]
    for text, other_text in chosen(zip(*texts, strict=True)):
        answer, other = (server.ask("POST", "/graphql", who=who, json={"query": each}) for each in (text, other_text))
        asked += 1
        is_same = without_numbers(without_names(answer.text)) == without_numbers(without_names(other.text))
        status = 404 if text.startswith("mutation { agentHeartbeat") else 200
        if answer.status_code != status or not is_same or SECRET in answer.text:
            differing.append((text, answer.status_code, answer.text[:300], other.text[:300]))
    assert asked > 100
    assert differing == []


def without_numbers(text):
    """Numbers of projects are made of their names."""
    return re.sub(r"\b\d{5,}\b", "NUMBER", text)
