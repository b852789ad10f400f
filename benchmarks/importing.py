"""Files of others, as their own readers read them and as we import them."""

from __future__ import annotations

from pathlib import Path

from benchmarks.bench import HERE, Bench, Comparison, Group, Subject, case_environment, run_json

READERS = HERE / "peer_scripts" / "reader_loop.py"
KINDS = {"tensorboard": "tensorboardx", "wandb": "wandb", "mlflow": "mlflow"}
"""Which tracker writes the files of a kind."""


def row_count(bench: Bench) -> int:
    return bench.count(100_000, 5_000)


def filled(bench: Bench, kind: str) -> Path | None:
    """A folder with a file of 10 keys that the tracker has written, row by row; None where it is not installed."""
    writer = next((peer for peer in bench.peers if peer.name == KINDS[kind]), None)
    if writer is None:
        return None

    def measure() -> Path:
        folder = bench.fresh_folder(f"importing-{kind}")
        (folder / "written").mkdir()
        command = [str(writer.python), str(READERS), "write", kind, str(folder / "written"), str(row_count(bench))]
        run_json(command, folder, case_environment(writer, folder))
        return folder

    return Path(bench.once(("writing for import", kind), measure))


def seconds(bench: Bench, subject: Subject, kind: str, what: str) -> float | None:
    """What `subject` needs: of ours to read or import, of the tracker that wrote the file to read it."""
    folder = filled(bench, kind)
    if folder is None or subject.name not in ("runlake", KINDS[kind]):
        return None
    if subject.name == "runlake":
        return bench.best_s(
            lambda: float(bench.own_case("importing_case", folder, what, folder, row_count(bench))["seconds"])
        )
    if what == "import":
        return None
    command = [str(subject.python), str(READERS), "read", kind, str(folder / "written"), str(row_count(bench))]
    return bench.best_s(lambda: float(run_json(command, folder, case_environment(subject, folder))["seconds"]))


def comparison(kind: str, title: str, what: str) -> Comparison:
    return Comparison(title, "s", lambda bench, subject: seconds(bench, subject, kind, what))


GROUP = Group(
    "importing",
    "Files of other trackers: 100k rows by 10 keys",
    comparisons=(
        comparison("tensorboard", "an event file of TensorBoard: every value read", "read"),
        comparison("tensorboard", "an event file of TensorBoard: imported", "import"),
        comparison("wandb", "a .wandb file: every value read", "read"),
        comparison("wandb", "a .wandb file: imported", "import"),
        comparison("mlflow", "a database of MLflow: every value read", "read"),
        comparison("mlflow", "a database of MLflow: imported", "import"),
    ),
)
