"""Artifacts in all the ways the official client has: each answer is printed as a line ``=> name json``."""

import datetime
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import wandb
from answering import answer

ENTITY, PROJECT = "ada", sys.argv[1] if len(sys.argv) > 1 else "artifacts"
PLACE = {"entity": ENTITY, "project": PROJECT}
HOME = f"{ENTITY}/{PROJECT}"


def write(path, text):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def api():
    """One that has seen nothing."""
    return wandb.Api()


def found(name, **options):
    return api().artifact(f"{HOME}/{name}", **options)


def about(artifact):
    """What is the same each time of a version."""
    return {
        "name": artifact.name,
        "qualified": artifact.qualified_name,
        "version": artifact.version,
        "type": artifact.type,
        "state": artifact.state,
        "aliases": sorted(artifact.aliases),
        "tags": sorted(artifact.tags),
        "description": artifact.description,
        "metadata": artifact.metadata,
        "ttl_s": artifact.ttl.total_seconds() if artifact.ttl else None,
        "size": artifact.size,
        "file_count": artifact.file_count,
        "digest": artifact.digest,
        "entries": sorted(artifact.manifest.entries),
        "is_link": artifact.is_link,
        "source": artifact.source_qualified_name,
    }


def tree(folder):
    folder = Path(folder)
    return {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def afresh(ask):
    """Ask after the client has forgotten all files that it has sent or fetched."""

    def asked():
        shutil.rmtree(Path(os.environ["WANDB_CACHE_DIR"], "artifacts"), ignore_errors=True)
        return ask()

    return asked


def data_artifact(name="data", text="one\n", **options):
    artifact = wandb.Artifact(name, "dataset", **options)
    artifact.add_file(str(write("in/one.txt", text)))
    artifact.add_file(str(write("in/two.txt", "two\n")), name="renamed/zwei & drei #1.txt")
    write("in/tree/a.txt", "a\n"), write("in/tree/deep/b.txt", "b\n")
    artifact.add_dir("in/tree", name="tree")
    with artifact.new_file("made.json", mode="w", encoding="utf-8") as file:
        json.dump({"made": True}, file)
    artifact.add_reference(f"file://{write('in/outside.txt', 'outside').resolve()}", name="outside.txt")
    return artifact


def log(artifact, run_id, **options):
    with wandb.init(**PLACE, id=run_id) as run:
        return run.log_artifact(artifact, **options).wait()


# Logging

metadata = {"rows": 2, "nested": {"größe": [1, 2.5, None]}}
first = data_artifact(description="all ways", metadata=metadata)
answer("log", lambda: about(log(first, "logger", aliases=["best", "fresh"], tags=["small", "two words"])))
answer("log-same", lambda: about(log(data_artifact(description="all ways", metadata=metadata), "again")))
answer("log-changed", lambda: about(log(data_artifact(text="changed\n"), "changer", aliases=["fresh"])))
answer("log-empty", lambda: about(log(wandb.Artifact("empty", "dataset"), "logger-of-nothing")))


def log_one_of_many():
    artifact = wandb.Artifact("many", "dataset")
    write("many/empty.txt", "")
    for number in range(120):
        write(f"many/{number % 7}/{number}.txt", f"{number}\n")
    artifact.add_dir("many")
    return [log(artifact, "logger-of-many").file_count, len(tree(found("many:v0").download()))]


answer("log-many", log_one_of_many)


def log_path():
    with wandb.init(**PLACE, id="logger-of-path") as run:
        artifact = run.log_artifact(str(write("in/path.txt", "path")), name="path", type="file").wait()
        return [artifact.name, artifact.type, sorted(artifact.manifest.entries)]


answer("log-artifact-of-path", log_path)


def log_with_ttl():
    artifact = wandb.Artifact("brief", "dataset")
    artifact.add_file("in/one.txt")
    artifact.ttl = datetime.timedelta(days=30)
    told = [about(log(artifact, "logger-of-brief"))["ttl_s"]]
    for ttl in (datetime.timedelta(days=2), None, wandb.ArtifactTTL.INHERIT):
        artifact = found("brief:v0")
        artifact.ttl = ttl
        artifact.save()
        told.append(about(found("brief:v0"))["ttl_s"])
    return told


answer("ttl", log_with_ttl)
answer("wrong-type", lambda: log(wandb.Artifact("data", "model"), "logger-of-wrong-type").type)

# Using and reading


def use():
    with wandb.init(**PLACE, id="user") as run:
        newest = run.use_artifact("data:latest")
        old = run.use_artifact(f"{HOME}/data:best", type="dataset")
        folder = old.download()
        old.verify()
        return [newest.version, old.version, tree(folder)]


answer("use", afresh(use))


def use_wrong_type():
    with wandb.init(**PLACE, id="user-of-wrong-type") as run:
        return run.use_artifact("data:latest", type="model").name


answer("use-wrong-type", use_wrong_type)


answer("use-missing", lambda: found("data:v9").name)


def use_draft():
    artifact = wandb.Artifact("drafted", "dataset")
    artifact.add_file("in/one.txt")
    with wandb.init(**PLACE, id="user-of-draft") as run:
        used = run.use_artifact(artifact)
    return [used.version, [run.id for run in found("drafted:v0").used_by()], found("drafted:v0").logged_by()]


answer("use-draft", use_draft)


for name in ("data:v0", "data:v1", "data:latest", "data:best", "data"):
    answer(f"read {name}".replace(" ", "-"), lambda name=name: about(found(name)))
answer("read-by-commit", lambda: found(f"data:{found('data:v0').commit_hash}").version)
answer("exists", lambda: [api().artifact_exists(f"{HOME}/data:{alias}") for alias in ("v0", "v9", "best")])
answer("collection-exists", lambda: [api().artifact_collection_exists(f"{HOME}/{n}", "dataset") for n in ("data", "x")])
answer("entry", afresh(lambda: Path(found("data:v0").get_entry("tree/deep/b.txt").download(root="entry")).read_text()))
answer(
    "entry-odd",
    afresh(lambda: Path(found("data:v0").get_entry("renamed/zwei & drei #1.txt").download("entry")).read_text()),
)
answer("entry-reference", lambda: found("data:v0").get_entry("outside.txt").ref.endswith("/in/outside.txt"))
answer("entry-missing", lambda: found("data:v0").get_entry("nothing"))
answer("prefix", afresh(lambda: sorted(tree(found("data:v0").download(root="prefix", path_prefix="tree")))))
answer("file", afresh(lambda: Path(found("path:v0").file()).read_text()))
answer("checkout", afresh(lambda: sorted(tree(found("data:v0").checkout(root="checkout")))))
answer("files", lambda: [[file.name, file.size] for file in found("data:v0").files(per_page=2)])
answer("files-named", lambda: [file.name for file in found("data:v0").files(names=["tree/a.txt"])])
answer("files-count", lambda: len(found("data:v0").files()))


def verify_spoilt():
    artifact = found("data:v0")
    folder = Path(artifact.download(root="spoilt"))
    (folder / "one.txt").write_text("spoilt")
    artifact.verify(root=str(folder))


answer("verify-spoilt", verify_spoilt)

# Lineage

answer("used-by", lambda: sorted(run.id for run in found("data:v0").used_by()))
answer("logged-by", lambda: found("data:v0").logged_by().id)
answer("logged-artifacts", lambda: [a.name for a in api().run(f"{HOME}/logger").logged_artifacts()])
answer("used-artifacts", lambda: sorted(a.name for a in api().run(f"{HOME}/user").used_artifacts()))
answer("run-logs", lambda: api().run(f"{HOME}/changer").log_artifact(found("drafted:v0"), aliases=["again"]).version)
answer("run-uses", lambda: api().run(f"{HOME}/changer").use_artifact(found("drafted:v0")).version)

# Editing


def edit():
    artifact = found("data:v0")
    artifact.description = "edited"
    artifact.metadata["rows"] = 3
    artifact.aliases.append("good")
    artifact.aliases.remove("best")
    artifact.tags = ["small", "edited"]
    artifact.save()
    return about(found("data:v0"))


answer("edit", edit)


def move_alias():
    artifact = found("data:v1")
    artifact.aliases.append("good")
    artifact.save()
    return [found("data:good").version, sorted(found("data:v0").aliases)]


answer("edit-moves-alias", move_alias)


def draft():
    artifact = found("data:v0").new_draft()
    artifact.remove("tree/a.txt")
    artifact.add_file(str(write("in/added.txt", "added")))
    return about(log(artifact, "drafter"))


answer("new-draft", draft)


def increment():
    artifact = wandb.Artifact("data", "dataset", incremental=True)
    artifact.add_file(str(write("in/more.txt", "more")))
    with wandb.init(**PLACE, id="incrementer") as run:
        run.log_artifact(artifact).wait()
    return [found("data:latest").version, sorted(found("data:latest").manifest.entries)]


answer("incremental", increment)


def distribute():
    for number in range(3):
        with wandb.init(**PLACE, id=f"part{number}", group="parts") as run:
            artifact = wandb.Artifact("joint", "dataset")
            artifact.add_file(str(write(f"in/part{number}.txt", f"part {number}")))
            run.upsert_artifact(artifact, distributed_id="joint-1")
    with wandb.init(**PLACE, id="part-last", group="parts") as run:
        artifact = wandb.Artifact("joint", "dataset")
        run.finish_artifact(artifact, distributed_id="joint-1").wait()
    return [found("joint:latest").version, tree(found("joint:latest").download())]


answer("distributed", distribute)

# Linking


def link():
    with wandb.init(**PLACE, id="linker") as run:
        artifact = run.use_artifact("data:v0")
        linked = run.link_artifact(artifact, f"{HOME}/chosen", aliases=["good"])
        also = found("data:v1").link(f"{HOME}/chosen")
        return [about(linked), also.name, sorted(also.aliases)]


answer("link", link)
answer("linked", lambda: [a.qualified_name for a in found("data:v0").linked_artifacts])
answer("link-source", lambda: found("chosen:v0").source_artifact.qualified_name)
answer("link-download", afresh(lambda: sorted(tree(found("chosen:v0").download(root="chosen")))))


def link_draft():
    artifact = wandb.Artifact("drafted-too", "dataset")
    artifact.add_file("in/one.txt")
    with wandb.init(**PLACE, id="linker-of-draft") as run:
        run.link_artifact(artifact, f"{HOME}/chosen")
    return found("chosen:latest").source_qualified_name


answer("link-draft", link_draft)


answer("unlink", lambda: [found("chosen:v1").unlink(), api().artifact_exists(f"{HOME}/chosen:v1")])
answer("unlink-source", lambda: found("data:v0").unlink())

# Listing

answer("types", lambda: sorted(kind.name for kind in api().artifact_types(HOME)))
answer("type", lambda: api().artifact_type("dataset", HOME).name)
answer("type-missing", lambda: api().artifact_type("nothing", HOME).name)
answer("collections", lambda: sorted(c.name for c in api().artifact_collections(HOME, "dataset", per_page=2)))
answer("collections-of-type", lambda: sorted(c.name for c in api().artifact_type("file", HOME).collections()))
answer("collections-count", lambda: len(api().artifact_collections(HOME, "dataset")))
answer("versions", lambda: [a.name for a in api().artifacts("dataset", f"{HOME}/data", per_page=2)])
answer("versions-tagged", lambda: [a.name for a in api().artifacts("dataset", f"{HOME}/data", tags=["edited"])])
answer("versions-count", lambda: len(api().artifacts("dataset", f"{HOME}/data")))
answer("versions-of-link", lambda: [a.name for a in api().artifacts("dataset", f"{HOME}/chosen")])


def collection(name="data", type_name="dataset"):
    return api().artifact_collection(type_name, f"{HOME}/{name}")


answer("collection", lambda: [collection().name, collection().type, collection().is_sequence(), collection().aliases])
answer("collection-of-links", lambda: [collection("chosen").name, collection("chosen").is_sequence()])
answer("collection-missing", lambda: collection("nothing").name)


def collection_exists(name):
    return api().artifact_collection_exists(f"{HOME}/{name}", "dataset")


def edit_collection(name):
    changed = collection(name)
    changed.description = f"about {name}"
    changed.tags = ["kept", "tagged"]
    changed.name = f"{name}-renamed"
    changed.save()
    again = collection(f"{name}-renamed")
    again.tags = ["tagged"]
    again.save()
    again = collection(f"{name}-renamed")
    return [again.name, again.description, list(again.tags), [a.name for a in again.artifacts()]]


answer("collection-edit", lambda: edit_collection("many"))
answer("collection-edit-links", lambda: edit_collection("chosen"))
answer("collection-type", lambda: [collection("brief").change_type("other"), collection("brief", "other").type])

# Models and code


def models():
    with wandb.init(**PLACE, id="modeller") as run:
        run.log_model(str(write("model/weights.bin", "weights")), name="net", aliases=["trained"])
    with wandb.init(**PLACE, id="model-user") as run:
        used = Path(run.use_model("net:trained")).read_text()
        run.link_model(str(write("model/more.bin", "more")), registered_model_name="registered", name="net-linked")
    model = found("net:v0")
    return [used, model.type, sorted(model.aliases), api().artifact(f"{ENTITY}/model-registry/registered:latest").name]


answer("models", models)


def code():
    write("code/train.py", "print(1)\n"), write("code/data.txt", "no code")
    with wandb.init(**PLACE, id="coder") as run:
        artifact = run.log_code("code", name="source").wait()
        return [artifact.type, artifact.name, sorted(artifact.manifest.entries)]


answer("code", code)

# Commands


def command(*arguments):
    program = Path(sys.executable).with_name("wandb")
    done = subprocess.run([program, "artifact", *arguments], capture_output=True, text=True, check=False)
    return [done.returncode, done.stdout + done.stderr]


write("put/a.txt", "a"), write("put/b.txt", "b")
answer("put", lambda: command("put", "--name", f"{HOME}/put", "--type", "dataset", "--alias", "first", "put")[0])
answer("get", afresh(lambda: [command("get", f"{HOME}/put:first", "--root", "got")[0], tree("got")]))
answer("ls", lambda: ["put:v0" in text.split() for _, text in [command("ls", HOME)]])

# Deleting

answer("delete-with-aliases", lambda: found("data:v1").delete())
answer("delete", lambda: [found("data:v1").delete(delete_aliases=True), api().artifact_exists(f"{HOME}/data:v1")])
answer("delete-link", lambda: [found("chosen-renamed:v0").delete(), api().artifact_exists(f"{HOME}/data:v0")])
answer("deleted-versions", lambda: [a.name for a in api().artifacts("dataset", f"{HOME}/data")])
answer("delete-collection", lambda: [collection("many-renamed").delete(), collection_exists("many-renamed")])
answer("delete-links", lambda: [collection("chosen-renamed").delete(), collection_exists("chosen-renamed")])
answer("after-deletion", lambda: about(log(data_artifact(text="after\n"), "logger-after"))["version"])

# A process that once fetched a file past the client's cache mixes up files of the same size: so at the end.

answer("no-cache", afresh(lambda: tree(found("path:v0").download(root="no-cache", skip_cache=True))))
answer("in-parts", afresh(lambda: tree(found("path:v0").download(root="in-parts", skip_cache=True, multipart=True))))
