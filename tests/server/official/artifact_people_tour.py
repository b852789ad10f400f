"""Artifacts of a team before several people, under odd names, and in the order that is asked for."""

import os

import wandb
from answering import answer

PLACE = {"entity": "atelier", "project": "kept"}
HOME = "atelier/kept"
NAMES = ("A", "a", "con", "nul.txt", "x" * 128, "trailing.", "-", "v0", "latest", "...")


def api(who=None):
    """One that has seen nothing, of ada or with the key of somebody else."""
    return wandb.Api(api_key=os.environ[f"{who}_KEY"]) if who else wandb.Api()


def log(run_id, name, text, **options):
    artifact = wandb.Artifact(name, "dataset", **options)
    with artifact.new_file("a.txt", mode="w", encoding="utf-8") as file:
        file.write(text)
    with wandb.init(**PLACE, id=run_id) as run:
        return run.log_artifact(artifact).wait()


for number in range(5):
    log(f"maker{number}", "data", f"{number}")
named = [log("namer", name, name) for name in NAMES]

# Orders and filters


def alias_data(alias):
    artifact = api().artifact(f"{HOME}/data:v2")
    artifact.aliases.append(alias)
    artifact.save()
    return [api().artifact(f"{HOME}/data:{alias}").version, api().artifact_exists(f"{HOME}/data:{alias}2")]


def collections(**options):
    return [found.name for found in api().artifact_type("dataset", HOME).collections(per_page=3, **options)]


answer("names", lambda: [[a.name, api().artifact(a.qualified_name).digest == a.digest] for a in named])
answer("name-that-leads-out", lambda: log("leader", "..", "out").name)
answer("alias-that-is-odd", lambda: alias_data("größe & 🦆 #1?"))
answer("collections", collections)
answer("collections-ordered", lambda: collections(order="-created_at")[-3:])
answer("collections-filtered", lambda: collections(filters={"name": {"$regex": "^[Aa]$"}}))
answer("collections-wrong", lambda: collections(filters={"colour": "red"}))
answer(
    "versions", lambda: [a.version for a in api().artifacts("dataset", f"{HOME}/data", "+version_index", per_page=2)]
)
answer("versions-by-age", lambda: [a.version for a in api().artifacts("dataset", f"{HOME}/data", "-created_at")])
answer("versions-wrong", lambda: len(api().artifacts("dataset", f"{HOME}/data", "colour")))

# Links from one project to another


def link():
    linked = api().artifact(f"{HOME}/data:v1").link("atelier/shelf/chosen", aliases=["prod"])
    again = api().artifact("atelier/shelf/chosen:prod")
    again.aliases.append("best")
    again.description = "told of the link"
    again.save()
    source = api().artifact(f"{HOME}/data:v1")
    return [linked.qualified_name, again.version, sorted(again.aliases), source.description, source.aliases]


answer("link", link)
answer("link-to-registry", lambda: api().artifact(f"{HOME}/data:v1").link("wandb-registry-model/chosen"))
answer("link-to-sequence", lambda: api().artifact(f"{HOME}/data:v2").link(f"{HOME}/a"))

# Other people


def edit(who):
    artifact = api(who).artifact(f"{HOME}/data:v0")
    artifact.description = f"edited by {who}"
    artifact.save()
    return api().artifact(f"{HOME}/data:v0").description


def add_alias(who):
    artifact = api(who).artifact(f"{HOME}/data:v0")
    artifact.aliases.append("theirs")
    artifact.save()


def edit_collection(who):
    found = api(who).artifact_collection("dataset", f"{HOME}/a")
    found.description = "theirs"
    found.save()


for who in ("VIEWER", "STRANGER"):
    answer(f"{who}-reads", lambda who=who: api(who).artifact(f"{HOME}/data:v1").name)
    answer(f"{who}-lists", lambda who=who: [a.version for a in api(who).artifacts("dataset", f"{HOME}/data")])
    answer(f"{who}-exists", lambda who=who: api(who).artifact_exists(f"{HOME}/data:v1"))
    answer(f"{who}-edits", lambda who=who: edit(who))
    answer(f"{who}-adds", lambda who=who: add_alias(who))
    answer(f"{who}-deletes", lambda who=who: api(who).artifact(f"{HOME}/data:v0").delete(delete_aliases=True))
    answer(f"{who}-links", lambda who=who: api(who).artifact(f"{HOME}/data:v0").link("atelier/shelf/chosen"))
    answer(f"{who}-edits-collection", lambda who=who: edit_collection(who))
    answer(f"{who}-deletes-collection", lambda who=who: api(who).artifact_collection("dataset", f"{HOME}/a").delete())
answer("MEMBER-edits", lambda: edit("MEMBER"))

# Deleting


def delete_run():
    log("doomed", "orphan", "1")
    api().run(f"{HOME}/doomed").delete()
    orphan = api().artifact(f"{HOME}/orphan:v0")
    return [orphan.version, orphan.logged_by()]


def delete_run_with_artifacts():
    log("doomed-too", "orphan", "2")
    api().run(f"{HOME}/doomed-too").delete(delete_artifacts=True)
    return [a.version for a in api().artifacts("dataset", f"{HOME}/orphan")]


def delete_as_they_come():
    for artifact in api().artifacts("dataset", f"{HOME}/data", per_page=2):
        artifact.delete(delete_aliases=True)
    return len(api().artifacts("dataset", f"{HOME}/data"))


answer("delete-run", delete_run)
answer("delete-run-with-artifacts", delete_run_with_artifacts)
answer("delete-as-they-come", delete_as_they_come)
