"""Reports as a program puts them, and as `wandb.Api()` lists them."""

import json

import wandb
from answering import answer

api = wandb.Api()

UPSERT = """mutation upsertView($id: ID, $name: String, $title: String, $type: String, $spec: String!) {
  upsertView(input: {id: $id, entityName: "ada", projectName: "told", name: $name, type: $type, displayName: $title,
      description: "about it", createdUsing: WANDB_SDK, spec: $spec}) { view { id } inserted }
}"""
DELETE = "mutation deleteView($id: ID!) { deleteView(input: {id: $id, deleteDrafts: true}) { success } }"
SPEC = {"version": 5, "panelGroups": [], "blocks": [{"type": "heading", "children": [{"text": "größe"}]}]}


def put(**given):
    variables = {"type": "runs", "spec": json.dumps(SPEC), **given}
    return api._service_api.execute_graphql(UPSERT, variables)["upsertView"]


def listed(**options):
    return [report.display_name for report in wandb.Api().reports("ada/told", **options)]


def make():
    first, *_ = [put(name=f"r{number}", title=f"Report {number}") for number in range(3)]
    put(name="draft", title="Not yet", type="runs/draft")
    put(id=first["view"]["id"], title="Renamed")
    return [first["inserted"], listed(per_page=2), listed(name="r0")]


def read():
    (report,) = wandb.Api().reports("ada/told", name="r0")
    return [report.description, report.user["username"], report.spec, report.sections, report.url.partition("--")[0]]


def delete():
    (report,) = wandb.Api().reports("ada/told", name="r0")
    return [api._service_api.execute_graphql(DELETE, {"id": report.id})["deleteView"]["success"], listed()]


answer("make", make)
answer("read", read)
answer("delete", delete)
