"""One piece of work with artifacts: ``python -m benchmarks.artifacts_case WHAT FOLDER KIND COUNT``.

`fill` makes the files of a KIND (large: one of COUNT bytes; many: files of 10,000 bytes together), `limit` is what a
shell takes to hash and copy them, `round` logs them, logs them again, and downloads them; `entries` and `versions` make
COUNT of them and read them.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import runlake
from benchmarks.bench import PROJECT, store_folder
from runlake.artifact_model import ArtifactStart, CollectionPath, ManifestEntry, digest_of
from runlake.service.local.service import LocalService

ENTITY = "ann"
FILE_BYTES = 10_000
FILES_A_FOLDER = 1_000
SETTINGS = {"silent": True, "disable_system": True, "console": "off", "seal": "off"}


def fill(folder: Path, kind: str, byte_count: int) -> dict[str, float]:
    """The files, of bytes that no file system packs."""
    target = folder / kind
    if kind == "large":
        target.mkdir()
        with (target / "model.bin").open("wb") as file:
            while byte_count:
                byte_count -= file.write(os.urandom(min(byte_count, 1 << 24)))
        return {}
    for number in range(byte_count // FILE_BYTES):
        place = target / f"part-{number // FILES_A_FOLDER}"
        place.mkdir(parents=True, exist_ok=True)
        (place / f"{number:06d}.bin").write_bytes(os.urandom(FILE_BYTES))
    return {}


def limit(folder: Path, kind: str) -> dict[str, float]:
    """What a shell takes: one process that hashes all files, one that copies them."""
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    names = [str(file) for file in sorted((folder / kind).rglob("*")) if file.is_file()]
    begin = time.perf_counter()
    subprocess.run(["xargs", "sha256sum"], input="\n".join(names), text=True, check=True, capture_output=True)
    subprocess.run(["cp", "-r", str(folder / kind), str(copy)], check=True)
    seconds = time.perf_counter() - begin
    shutil.rmtree(copy)
    return {"limit": seconds}


def round_trip(folder: Path, kind: str) -> dict[str, float]:
    """Log the files, log them again, download them into an empty folder."""
    store, target = store_folder(folder), folder / "download"
    for place in (store, target):
        shutil.rmtree(place, ignore_errors=True)
    run = runlake.init(store=store, entity=ENTITY, project=PROJECT, settings=SETTINGS)
    found: dict[str, float] = {}
    for what in ("log", "again"):
        begin = time.perf_counter()
        artifact = runlake.Artifact("files", "dataset")
        artifact.add_dir(str(folder / kind))
        run.log_artifact(artifact).wait()
        found[what] = time.perf_counter() - begin
    run.finish()
    kept = runlake.Api(store).artifact(f"{ENTITY}/{PROJECT}/files:latest")
    if kept.version != "v0":
        raise SystemExit(f"logging the same again made {kept.version}")
    begin = time.perf_counter()
    kept.download(str(target))
    found["download"] = time.perf_counter() - begin
    if subprocess.run(["diff", "-r", str(folder / kind), str(target)], check=False).returncode:
        raise SystemExit("what was downloaded is not what was logged")
    shutil.rmtree(target)
    shutil.rmtree(store)
    return found


def entries(folder: Path, count: int) -> dict[str, float]:
    """Two versions of so many references, one of which differs."""
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    path = CollectionPath(ENTITY, PROJECT, "references")
    made = [
        ManifestEntry(
            path=f"images/class-{number % 100}/{number:06d}.jpg",
            digest=f"etag-{number}",
            ref=f"s3://bucket/images/{number:06d}.jpg",
            size_bytes=number,
        )
        for number in range(count)
    ]
    found: dict[str, float] = {}
    for version in range(2):
        made[count // 2] = ManifestEntry(path=made[count // 2].path, digest=f"other-{version}", ref="s3://bucket/other")
        gc.collect()
        begin = time.perf_counter()
        begun = service.begin_artifact(path, ArtifactStart(type="dataset", digest=digest_of(made)))
        service.commit_artifact(path.at(begun.artifact_id), made)
        found["log"] = time.perf_counter() - begin
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    begin = time.perf_counter()
    old = service.read_manifest(path.at("v0"))
    found["read"] = time.perf_counter() - begin
    begin = time.perf_counter()
    before = {entry.path: entry for entry in old}
    changed = [entry.path for entry in service.read_manifest(path.at("v1")) if before.get(entry.path) != entry]
    found["diff"] = time.perf_counter() - begin
    if changed != [made[count // 2].path]:
        raise SystemExit(f"{len(changed)} entries differ, and one was changed")
    return {**found, "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def versions(folder: Path, count: int) -> dict[str, float]:
    """One collection of a tenth of the versions, and a hundred that share the others."""
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    many = CollectionPath(ENTITY, PROJECT, "many")
    for number in range(count):
        path = many if number < count // 10 else CollectionPath(ENTITY, PROJECT, f"model-{number % 100}")
        start = ArtifactStart(type="model", aliases=("latest",))
        entry = ManifestEntry(path="model", digest=f"etag-{number}", ref=f"s3://bucket/{number}")
        service.commit_artifact(path.at(service.begin_artifact(path, start).artifact_id), [entry])
    api = runlake.Api(store_folder(folder))
    name = f"{ENTITY}/{PROJECT}/many:latest"
    api.artifact(name)
    best = {"one": 1e9, "list": 1e9}
    service = LocalService(store_folder(folder), default_entity=ENTITY)
    service.list_artifacts(many)
    for _ in range(5):
        begin = time.perf_counter()
        found = api.artifact(name)
        best["one"] = min(best["one"], time.perf_counter() - begin)
        begin = time.perf_counter()
        listed = service.list_artifacts(many)
        best["list"] = min(best["list"], time.perf_counter() - begin)
    if found.version != f"v{count // 10 - 1}" or len(listed) != count // 10:
        raise SystemExit(f"{found.version} is the newest of {len(listed)}")
    return best


def main() -> None:
    what, name, kind, count = sys.argv[1:]
    folder = Path(name)
    match what:
        case "fill":
            answer = fill(folder, kind, int(count))
        case "limit":
            answer = limit(folder, kind)
        case "round":
            answer = round_trip(folder, kind)
        case "entries":
            answer = entries(folder, int(count))
        case "versions":
            answer = versions(folder, int(count))
        case _:
            raise SystemExit(f"there is no case {what}")
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
