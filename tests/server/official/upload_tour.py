"""An artifact of several files, and with a number of MiB as argument a large one: logged, used, and read again."""

import hashlib
import sys
from pathlib import Path

import wandb
from answering import answer


def digest(path):
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


large_mib = int(sys.argv[1]) if len(sys.argv) > 1 else 0
files = {f"{n}.txt": b"file %d\n" % n for n in range(20)} | {"a b/é#.bin": b"\0" * 3_000_000, "empty": b""}
for name, content in files.items():
    Path("in", name).parent.mkdir(parents=True, exist_ok=True)
    Path("in", name).write_bytes(content)
if large_mib:
    with Path("in/large.bin").open("wb") as stream:
        stream.truncate(large_mib << 20)
        stream.write(b"begins")

with wandb.init(entity="ada", project="uploads", id="logs") as run:
    artifact = wandb.Artifact("data", "dataset")
    artifact.add_dir("in", policy="immutable")
    artifact = run.log_artifact(artifact).wait()
    answer("logged", lambda: [artifact.version, artifact.state, artifact.file_count, artifact.size])

with wandb.init(entity="ada", project="uploads", id="uses") as run:
    used = run.use_artifact("data:latest")
    folder = Path(used.download(root="out", skip_cache=True))
    answer("used", lambda: sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()))
    answer("same", lambda: all(digest(Path("in", name)) == digest(folder / name) for name in used.manifest.entries))
