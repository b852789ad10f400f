"""`runlake diff`."""

import json
import math

import pytest


@pytest.fixture
def two_runs(make_run):
    make_run(
        "ann/mnist/a1",
        config={"lr": 0.1, "layers": 2, "same": math.nan, "model": {"name": "mlp"}},
        rows=[{"loss": 0.5}],
        files={"wandb-metadata.json": b'{"program": "train.py", "startedAt": "10:00", "args": ["--lr", "0.1"]}'},
    )
    make_run(
        "ann/mnist/b2",
        config={"lr": 0.1, "layers": 2.0, "same": math.nan, "model": {"name": "cnn"}, "drop": None},
        rows=[{"loss": 0.5}],
        files={"wandb-metadata.json": b'{"program": "train.py", "startedAt": "11:00", "args": []}'},
        at_s=60,
    )


def test_only_differences_are_shown(runlake, two_runs):
    assert runlake("diff", "mnist/a1", "mnist/b2") == (
        0,
        "SECTION   KEY         ann/mnist/a1    ann/mnist/b2\n"
        "config    layers      2               2.0\n"
        "config    model.name  mlp             cnn\n"
        "config    drop        –               null\n"
        'metadata  args        ["--lr","0.1"]  []\n',
        "",
    )


def test_the_exit_code_tells_only_when_asked(runlake, two_runs):
    assert runlake("diff", "mnist/a1", "mnist/b2", "--exit-code").code == 1
    assert runlake("diff", "mnist/a1", "mnist/a1", "--exit-code") == (
        0,
        "",
        "ann/mnist/a1 and ann/mnist/a1 do not differ\n",
    )


def test_what_always_differs_is_compared_when_asked(runlake, two_runs):
    sections = json.loads(runlake("diff", "mnist/a1", "mnist/b2", "--all", "--json").out)["differences"]
    assert {d["key"] for d in sections if d["section"] == "metadata"} == {"startedAt", "args"}


def test_differences_as_json(runlake, two_runs):
    assert json.loads(runlake("diff", "mnist/a1", "mnist/b2", "--json").out) == {
        "a": "ann/mnist/a1",
        "b": "ann/mnist/b2",
        "runs": ["ann/mnist/a1", "ann/mnist/b2"],
        "states": ["finished", "finished"],
        "equal": False,
        "differences": [
            {"section": "config", "key": "layers", "a": 2, "b": 2.0, "missing": None},
            {"section": "config", "key": "model.name", "a": "mlp", "b": "cnn", "missing": None},
            {"section": "config", "key": "drop", "a": None, "b": None, "missing": "a"},
            {"section": "metadata", "key": "args", "a": ["--lr", "0.1"], "b": [], "missing": None},
        ],
    }


def test_equal_runs_as_json(runlake, two_runs):
    document = json.loads(runlake("diff", "mnist/a1", "mnist/a1", "--json").out)
    assert document == {
        "a": "ann/mnist/a1",
        "b": "ann/mnist/a1",
        "runs": ["ann/mnist/a1"] * 2,
        "states": ["finished"] * 2,
        "equal": True,
        "differences": [],
    }


def test_metadata_that_is_no_json_is_damage(runlake, two_runs, make_run):
    make_run("ann/mnist/c3", files={"wandb-metadata.json": b"{"})
    ended = runlake("diff", "mnist/a1", "mnist/c3")
    assert (ended.code, ended.out) == (4, "")
    assert ended.err.startswith("runlake: wandb-metadata.json of ann/mnist/c3 is no JSON: ")


@pytest.fixture
def three_runs(make_run):
    for place, (name, offset) in enumerate([("a1", 0.0), ("b2", 0.5), ("c3", 0.0)]):
        make_run(
            f"ann/mnist/{name}",
            config={"lr": 0.1, "seed": place},
            rows=[{"loss": 1.0 + offset, "note": "x"} for _ in range(8)],
            files={"requirements.txt": f"numpy==2.{place // 2}\ntorch==2.0\n".encode()},
            at_s=60 * place,
        )
    return [f"mnist/{name}" for name in ("a1", "b2", "c3")]


def test_more_than_two_runs(runlake, three_runs):
    assert runlake("diff", *three_runs) == (
        0,
        "SECTION   KEY    ann/mnist/a1  ann/mnist/b2  ann/mnist/c3\n"
        "config    seed   0             1             2\n"
        "summary   loss   1.0           1.5           1.0\n"
        "packages  numpy  2.0           2.0           2.1\n",
        "",
    )
    assert json.loads(runlake("diff", *three_runs, "--json").out)["differences"][1] == {
        "section": "summary",
        "key": "loss",
        "values": [1.0, 1.5, 1.0],
        "missing_in": [],
    }


def test_curves_are_compared_with_those_of_the_first_run(runlake, three_runs):
    assert json.loads(runlake("diff", *three_runs, "--curves", "--json").out)["curves"] == [
        {"key": "loss", "run": "ann/mnist/b2", "rms": 0.5, "largest": 0.5, "at_step": pytest.approx(0, abs=0.01)},
        {"key": "loss", "run": "ann/mnist/c3", "rms": 0.0, "largest": 0.0, "at_step": pytest.approx(0, abs=0.01)},
    ]
    assert runlake("diff", *three_runs, "--keys", "loss").out.splitlines()[-3:] == [
        "CURVE  RUN           RMS  LARGEST  AT STEP",
        "loss   ann/mnist/b2  0.5      0.5    0.007",
        "loss   ann/mnist/c3    0        0    0.007",
    ]
    assert runlake("diff", *three_runs, "--keys", "acc") == (
        3,
        "",
        "runlake: ann/mnist/a1 has no numbers of acc; see: runlake show ann/mnist/a1\n",
    )


def test_a_condition_that_holds_ends_the_command_with_1(runlake, three_runs):
    passed = runlake("diff", *three_runs, "--fail-if", "loss > +60%", "--fail-if", "loss < 0.5")
    assert (passed.code, passed.err.splitlines()) == (
        0,
        [
            "passed: loss > +60%: loss of ann/mnist/b2 is 1.5, which is not > 1.6",
            "passed: loss > +60%: loss of ann/mnist/c3 is 1, which is not > 1.6",
            "passed: loss < 0.5: loss of ann/mnist/b2 is 1.5, which is not < 0.5",
            "passed: loss < 0.5: loss of ann/mnist/c3 is 1, which is not < 0.5",
        ],
    )
    failed = runlake("diff", *three_runs, "--fail-if", "loss > +1%", "--json")
    assert (failed.code, failed.err) == (
        1,
        "failed: loss > +1%: loss of ann/mnist/b2 is 1.5, which is > 1.01\n"
        "passed: loss > +1%: loss of ann/mnist/c3 is 1, which is not > 1.01\n",
    )
    document = json.loads(failed.out)
    assert (document["failed"], [gate.pop("sentence") for gate in document["gates"]]) == (
        True,
        [line.partition(": ")[2] for line in failed.err.splitlines()],
    )
    assert document["gates"] == [
        {"gate": "loss > +1%", "run": "ann/mnist/b2", "is_broken": True, "value": 1.5, "limit": 1.01},
        {"gate": "loss > +1%", "run": "ann/mnist/c3", "is_broken": False, "value": 1.0, "limit": 1.01},
    ]


def test_a_condition_that_cannot_be_judged_or_read_does_not_pass(runlake, three_runs):
    ended = runlake("diff", *three_runs[:2], "--fail-if", "acc < -0.1")
    assert (ended.code, ended.err) == (
        1,
        "failed: acc < -0.1: cannot be judged: ann/mnist/b2 has no 'acc' in its summary\n",
    )
    ended = runlake("diff", *three_runs[:2], "--fail-if", "los > 2")
    hint = "cannot be judged: ann/mnist/b2 has no 'los' in its summary; did you mean 'loss'?"
    assert ended.err == f"failed: los > 2: {hint}\n"
    assert runlake("diff", *three_runs[:2], "--fail-if", "loss is bad").code == 2
    assert runlake("diff", *three_runs[:2], "--fail-if", "loss > 1%").code == 2


@pytest.mark.parametrize(
    ("first", "second", "condition", "said"),
    [
        (1.0, math.nan, "loss > +1%", "ann/ci/new has NaN as 'loss' in its summary"),
        (math.nan, 1.0, "loss > +1%", "ann/ci/base has NaN as 'loss' in its summary"),
        (math.inf, 1.0, "loss > +1%", "ann/ci/base has inf, to which nothing is relative"),
        (1.0, "diverged", "loss > 2", "ann/ci/new has no number as 'loss' in its summary, but str"),
    ],
)
def test_what_is_no_number_breaks_a_condition_and_says_what_it_is(runlake, make_run, first, second, condition, said):
    for name, value in (("base", first), ("new", second)):
        make_run(f"ann/ci/{name}", summary={"loss": value})
    ended = runlake("diff", "ci/base", "ci/new", "--fail-if", condition)
    assert (ended.code, ended.err) == (1, f"failed: {condition}: cannot be judged: {said}\n")


def test_numbers_that_look_alike_are_written_out(runlake, make_run):
    make_run("ann/ci/base", summary={"loss": 1.0})
    make_run("ann/ci/new", summary={"loss": 1.0000001, "huge": 10**400})
    ended = runlake("diff", "ci/base", "ci/new", "--fail-if", "loss > +0", "--fail-if", "huge > 1")
    assert ended.err.splitlines() == [
        "failed: loss > +0: loss of ann/ci/new is 1.0000001, which is > 1.0",
        "failed: huge > 1: huge of ann/ci/new is inf, which is > 1",
    ]


@pytest.mark.parametrize("suffix", ["svg", "html", "png"])
def test_curves_are_drawn_into_a_file(runlake, three_runs, suffix, an_empty_home):
    ended = runlake("diff", *three_runs, "--picture", f"curves.{suffix}")
    assert (ended.code, ended.err) == (0, f"curves.{suffix}: 1 key of 3 runs\n")
    content = (an_empty_home / f"curves.{suffix}").read_bytes()
    assert content.startswith({"svg": b"<svg ", "html": b"<!doctype html>", "png": b"\x89PNG"}[suffix])
    assert [file.name for file in an_empty_home.iterdir()] == [f"curves.{suffix}"]


def test_a_key_with_one_number_is_compared_and_drawn_as_the_others(runlake, make_run, an_empty_home):
    for run_id in ("a1", "b2"):
        make_run(
            f"ann/mnist/{run_id}", rows=[{"loss": 1.0 / (n + 1), **({"once": 3} if n == 5 else {})} for n in range(9)]
        )
    found = runlake("diff", "mnist/a1", "mnist/b2", "--curves", "--json", "--picture", "curves.svg")
    assert (found.code, found.err) == (0, "curves.svg: 2 keys of 2 runs\n")
    assert [(one["key"], one["rms"]) for one in json.loads(found.out)["curves"]] == [("loss", 0.0), ("once", 0.0)]


def test_a_picture_that_cannot_be_is_refused_before_anything_is_read(runlake, three_runs):
    ended = runlake("diff", *three_runs, "--picture", "curves.pdf")
    assert ended == (
        2,
        "",
        "runlake: a picture of curves is a file that ends in .png, .html, .svg, not in '.pdf'\n",
    )
    ended = runlake("diff", *three_runs, "--picture", "none/curves.svg")
    assert (ended.code, ended.err) == (2, "runlake: none/curves.svg cannot be written: there is no folder none\n")
    ended = runlake("diff", *three_runs[:2], "--picture", "a.svg", "--keys", "acc")
    assert ended == (3, "", "runlake: ann/mnist/a1 has no numbers of acc; see: runlake show ann/mnist/a1\n")


def test_a_run_that_did_not_finish_is_named_beside_what_is_said_of_it(runlake, make_run):
    make_run("ann/ci/base", summary={"loss": 1.0})
    make_run("ann/ci/new", summary={"loss": 0.5}, exit_code=1)
    ended = runlake("diff", "ci/base", "ci/new", "--fail-if", "loss > +1%", "--json")
    assert (ended.code, ended.err.splitlines()) == (
        0,
        [
            "warning: ann/ci/new is failed: it is judged by what it logged so far",
            "passed: loss > +1%: loss of ann/ci/new is 0.5, which is not > 1.01",
        ],
    )
    assert json.loads(ended.out)["states"] == ["finished", "failed"]
    assert runlake("diff", "ci/base", "ci/new").err == ""
