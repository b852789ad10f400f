"""What the comparison of two stores finds, and what it lets pass."""

import numpy as np
import pytest
import stores

import runlake


@pytest.fixture
def differences_of(tmp_path, monkeypatch):
    """The lines of a comparison of two runs, each logged by a function."""

    def compare(first, second, varying=()):
        stores_of_both = [tmp_path / str(len(list(tmp_path.iterdir()))) / name for name in ("first", "second")]
        for store, log in zip(stores_of_both, (first, second), strict=True):
            monkeypatch.setenv("RUNLAKE_DIR", str(store))
            with runlake.init(entity="ada", project="p") as run:
                log(run)
        return list(stores.differences(*map(stores.runs_of, stores_of_both), varying))

    return compare


def log_everything(run):
    run.config.update({"lr": 0.1, "model": {"dim": 2}})
    for step in range(3):
        run.log({"loss": 1 / (step + 1), "nested": {"a": step}})
    run.log({"table": runlake.Table(columns=["word", "score"], data=[["a", 0.5], ["b", float("nan")]])})
    run.log({"picture": runlake.Image(np.zeros((4, 4, 3), dtype=np.uint8))})


def test_two_runs_that_say_the_same_do_not_differ(differences_of):
    assert differences_of(log_everything, log_everything) == []


@pytest.mark.parametrize(
    ("more", "line"),
    [
        (lambda run: run.log({"loss": 0.5}), "rows.loss: [(0, 1), (1, '0.5'), (2, '0.3333333333333333')] and"),
        (lambda run: run.config.update({"late": 1}), "config.late: only with exec: 1"),
        (lambda run: run.summary.update({"best": 1}), "summary.best: only with exec: 1"),
        (lambda run: run.finish(exit_code=1), "state: 'finished' and 'failed'"),
        (lambda run: setattr(run, "name", "mine"), "name: 'made up' and 'mine'"),
        (
            lambda run: run.log({"table": runlake.Table(columns=["word"], data=[["c"]])}),
            "rows.table: [(3, {'_type': 'table-file'",
        ),
    ],
)
def test_whatever_is_different_is_named_where_it_is(differences_of, more, line):
    def second(run):
        log_everything(run)
        more(run)

    found = differences_of(log_everything, second)
    assert [each for each in found if each.startswith(line)] != [], found


def log_artifact(text="hello", shade=0, name="model", **options):
    """Logs a version of two files, a table and a picture, by default always the same."""

    def log(run):
        artifact = runlake.Artifact(f"{name}-{run.id}", "model", metadata={"score": {"best": 0.5}})
        for path in ("a.txt", f"{run.id}/b.txt"):
            with artifact.new_file(path) as file:
                file.write(text)
        picture = runlake.Image(np.full((4, 4, 3), shade, dtype=np.uint8))
        left, right = (runlake.Table(columns=["x", "y"], data=[[1, one]]) for one in (picture, float("nan")))
        artifact.add(left, "shown")
        artifact.add(runlake.JoinedTable(left, right, "x"), "both")
        run.log_artifact(artifact, **options)

    return log


def test_artifacts_that_say_the_same_do_not_differ(differences_of):
    assert differences_of(log_artifact(), log_artifact()) == []


@pytest.mark.parametrize(
    ("second", "lines"),
    [
        (log_artifact("other"), ["logged.model-ID:v0.entries.ID/b.txt", "logged.model-ID:v0.entries.a.txt"]),
        (log_artifact(shade=9), ["logged.model-ID:v0.entries.both.joined-table.json"]),
        (log_artifact(aliases=["best"]), ["logged.model-ID:v0.aliases"]),
        (log_artifact(tags=["mine"]), ["logged.model-ID:v0.tags"]),
        (
            lambda run: (log_artifact()(run), run.use_artifact(f"model-{run.id}")),
            [f"used.model-ID:v0.{fact}" for fact in (
                "aliases", "collection", "description", "entries.ID/b.txt", "entries.a.txt",
                "entries.both.joined-table.json", "links", "logged_by", "metadata.score.best", "state", "tags", "type",
            )],
        ),
    ],
)  # fmt: skip
def test_what_is_different_of_an_artifact_is_named(differences_of, second, lines):
    assert [line.partition(": ")[0] for line in differences_of(log_artifact(), second)] == lines


def test_values_that_are_others_each_time_are_counted(differences_of):
    def log(value, count):
        return lambda run: [run.log({"seconds": value}) for _ in range(count)]

    assert differences_of(log(1.5, 3), log(2.5, 3), ("seconds",)) == []
    assert differences_of(log(1.5, 3), log(2.5, 4), ("seconds",)) == [
        "rows.seconds: 3 and 4",
        "summary._step: 2 and 3",
    ]


def test_a_picture_of_the_same_size_that_shows_something_else_differs(differences_of):
    def log(value):
        return lambda run: run.log({"picture": runlake.Image(np.full((4, 4, 3), value, dtype=np.uint8))})

    assert differences_of(log(1), log(1)) == []
    assert [line.partition(":")[0] for line in differences_of(log(1), log(2))] == ["rows.picture", "summary.picture"]
