"""Writing rows, summary, config and files: what the caller does, and what a reader then finds."""

import errno
import itertools
import pickle
import re
import threading
import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlake.errors import (
    BadValueError,
    ConfigError,
    LogTypeError,
    PathError,
    RunlakeWarning,
    UsageError,
)
from runlake.model import MetricRule, RunPath
from runlake.sdk.process import active
from runlake.sdk.process.active import call_of_the_active_run
from runlake.sdk.run.rules import RuleBook, make_rule
from runlake.sdk.run.run import Run
from runlake.settings import Settings
from runlake.store.folder_store import FolderStore
from runlake.store.opening.open import open_run
from runlake.store.run.state import read_run
from runlake.values import flatten

# Rows and steps


def test_each_log_is_a_row_and_the_step_rises_by_one(begin, stored):
    run = begin()
    assert run.step == 0
    run.log({"a": 1})
    assert run.step == 1
    run.log({"a": 2, "b": "x"})
    assert run.step == 2
    assert stored.rows() == [{"_step": 0, "a": 1}, {"_step": 1, "a": 2, "b": "x"}]


def test_a_call_is_durable_when_it_returns_that_of_an_open_row_too(begin, stored):
    run = begin()
    run.log({"a": 1})
    assert stored.rows() == [{"_step": 0, "a": 1}]
    run.log({"b": 1}, commit=False)
    assert stored.rows() == [{"_step": 0, "a": 1}, {"_step": 1, "b": 1}]


def test_calls_without_commit_join_one_row_that_a_plain_log_closes(begin, stored):
    run = begin()
    run.log({"a": 1}, commit=False)
    run.log({"b": 2}, commit=False)
    assert run.step == 0
    run.log({"c": 3})
    run.log({"d": 4})
    assert run.step == 2
    assert stored.rows() == [{"_step": 0, "a": 1, "b": 2, "c": 3}, {"_step": 1, "d": 4}]


def test_a_key_logged_twice_in_an_open_row_keeps_its_last_value(begin, stored):
    run = begin()
    run.log({"a": 1, "b": 1}, commit=False)
    run.log({"a": "text"}, commit=False)
    run.log({"b": 2})
    assert stored.rows() == [{"_step": 0, "a": "text", "b": 2}]


def test_a_step_leaves_the_row_open_and_a_higher_one_closes_it(begin, stored):
    run = begin()
    run.log({"a": 1}, step=10)
    run.log({"b": 2}, step=10)
    assert run.step == 10
    run.log({"a": 3}, step=12)
    run.log({"c": 4})
    assert run.step == 13
    assert stored.rows() == [{"_step": 10, "a": 1, "b": 2}, {"_step": 12, "a": 3, "c": 4}]


def test_a_step_with_commit_closes_its_row(begin, stored):
    run = begin()
    run.log({"a": 1}, step=5, commit=True)
    run.log({"a": 2})
    assert stored.rows() == [{"_step": 5, "a": 1}, {"_step": 6, "a": 2}]


def test_commit_alone_writes_a_bare_row(begin, stored):
    run = begin()
    run.log({}, commit=True)
    run.log({})
    assert stored.rows() == [{"_step": 0}, {"_step": 1}]


def test_finish_closes_the_open_row(begin, stored):
    run = begin()
    run.log({"a": 1}, step=3)
    run.finish()
    assert (stored.rows(), run.step, stored.info().row_count) == ([{"_step": 3, "a": 1}], 4, 1)


def test_a_lower_step_is_a_row_of_its_own_and_is_told_once(begin, stored):
    run = begin()
    run.log({"a": 1}, step=5, commit=True)
    with pytest.warns(RunlakeWarning, match="step 2 is lower than the present one"):
        run.log({"late": 1}, step=2)
    run.log({"late": 2}, step=3)
    assert run.step == 6
    run.log({"a": 2})
    assert stored.rows() == [
        {"_step": 5, "a": 1},
        {"_step": 2, "late": 1},
        {"_step": 3, "late": 2},
        {"_step": 6, "a": 2},
    ]


def test_a_lower_step_beside_an_open_row_mixes_nothing_up(begin, stored):
    run = begin()
    run.log({"a": 1}, step=5)
    with pytest.warns(RunlakeWarning):
        run.log({"late": 1}, step=2)
    run.log({"b": 2}, step=5)
    run.log({"c": 3})
    assert run.step == 6
    assert stored.rows() == [{"_step": 5, "a": 1}, {"_step": 2, "late": 1}, {"_step": 5, "b": 2, "c": 3}]


def test_negative_and_huge_steps_are_steps(begin, stored):
    run = begin()
    run.log({"a": 1}, step=2**62, commit=True)
    with pytest.warns(RunlakeWarning):
        run.log({"a": 2}, step=-5)
    assert [row["_step"] for row in stored.rows()] == [2**62, -5]


def test_steps_of_numpy_are_whole_numbers_too(begin, stored):
    run = begin()
    run.log({"a": np.float32(0.5)}, step=np.int64(4), commit=True)
    assert stored.rows() == [{"_step": 4, "a": 0.5}]


# Errors of the caller


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda run: run.log([1]), "takes a dict"),
        (lambda run: run.log(None), "takes a dict"),
        (lambda run: run.log({1: 2}), "keys must be strings"),
        (lambda run: run.log({"a": 1}, step=1.5), "step must be an integer, not 1.5"),
        (lambda run: run.log({"a": 1}, step=True), "step must be an integer"),
        (lambda run: run.log({"a": 1}, step="1"), "step must be an integer"),
        (lambda run: run.log({"a": 1}, step=2**63), "64 bits"),
        (lambda run: run.log({"a": threading.Lock()}), "'a': a value of type _thread.lock"),
        (lambda run: run.log({"b": {"c": object()}}), "'b.c'"),
        (lambda run: run.log({"\ud800": 1}), "Unicode"),
    ],
)
def test_an_error_of_the_caller_raises_and_nothing_of_the_call_is_kept(begin, stored, call, message):
    run = begin()
    run.log({"before": 1})
    with pytest.raises(LogTypeError, match=message) as raised:
        call(run)
    assert isinstance(raised.value, TypeError)
    assert run.step == 1
    run.log({"after": 1})
    assert stored.rows() == [{"_step": 0, "before": 1}, {"_step": 1, "after": 1}]
    assert run.summary == {"before": 1, "after": 1}


def test_a_dict_that_holds_itself_is_refused(begin):
    cycle = {}
    cycle["self"] = cycle
    with pytest.raises(LogTypeError, match="cycle"):
        begin().log({"a": cycle})


def test_after_finish_nothing_can_be_written_and_the_error_says_so(begin):
    run = begin()
    run.finish()
    for call in (
        lambda: run.log({"a": 1}),
        lambda: run.config.update({"a": 1}),
        lambda: run.summary.update({"a": 1}),
        lambda: run.define_metric("a"),
        lambda: setattr(run, "notes", "x"),
    ):
        with pytest.raises(UsageError, match="ended"):
            call()


def test_finish_may_be_called_twice(begin, stored):
    run = begin()
    run.finish(exit_code=3)
    run.finish()
    assert (run.state, stored.state()) == ("failed", ("failed", 3))


def test_what_a_run_does_not_have_is_an_attribute_error(begin):
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        begin().nonsense  # noqa: B018


def test_what_integrations_ask_of_a_run_is_there(begin, stored):
    run = begin(config={"lr": 0.1, "net": {"width": 8}}, name="calm")
    folder = stored.layout.run_dir(stored.path())
    assert (run.sync_dir, run.settings.sync_dir) == (str(folder), str(folder))
    assert run.settings.files_dir == run.dir
    assert run.settings.run_name == "calm"
    assert run.get_project_url() == run.project_url == folder.parent.parent.as_uri()
    assert (run.sweep_url, run.get_sweep_url(), run.project_name()) == (None, None, "p")
    static = run.config_static
    run.config["lr"] = 0.1
    assert (static.lr, static["net"], dict(static), vars(static)) == (0.1, {"width": 8}, *[run.config.as_dict()] * 2)
    with pytest.raises(AttributeError, match="can only be read"):
        static.lr = 1
    assert run.pin_config_keys(["lr"]) is None
    with pytest.warns(RunlakeWarning, match=r"kept in logs\.txt"):
        run.write_logs("one\n")
    run.write_logs("two\n")
    assert stored.file("logs.txt").read_text() == "one\ntwo\n"
    run.join(exit_code=3)
    assert stored.state() == ("failed", 3)


def test_a_run_cannot_be_sent_to_another_process(begin):
    with pytest.raises(TypeError, match=r"runlake\.init"):
        pickle.dumps(begin())


# Values


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@given(st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), max_size=6))
def test_the_live_summary_is_what_a_reader_folds(tmp_path_factory, rows):
    layout, path = FolderStore(tmp_path_factory.mktemp("store")), RunPath("ann", "p", "r")
    run = Run(open_run(layout, path, {}), layout, Settings(), config={}, name="n")
    for row in rows:
        if not {"_step", "_timestamp", "_runtime"} & row.keys():
            run.log(row)
    assert run.summary.as_dict() == {k: v for k, v in read_run(layout, path).summary.items() if k != "_wandb"}
    run.finish()


def test_a_dict_may_be_changed_after_it_was_logged(begin, stored):
    run = begin()
    row, deep = {"a": 1}, [1, 2]
    run.log(row)
    row["a"] = 2
    run.log({"list": deep})
    deep.append(3)
    assert (run.summary["a"], run.summary["list"]) == (1, [1, 2])
    assert stored.rows() == [{"_step": 0, "a": 1}, {"_step": 1, "list": [1, 2]}]


# Summary


def test_the_last_value_wins_also_over_an_earlier_manual_set(begin, stored):
    run = begin()
    run.log({"acc": 0.1})
    run.summary["acc"] = 99
    run.summary["note"] = "mine"
    assert run.summary == stored.info().summary == {"acc": 99, "note": "mine"}
    run.log({"acc": 0.2})
    assert run.summary == stored.info().summary == {"acc": 0.2, "note": "mine"}


def test_updating_the_summary_with_a_dict_replaces_it(begin, stored):
    run = begin()
    run.summary.update({"a": {"x": 1, "y": 2}, "b": 1})
    run.summary.update({"a": {"z": 3}})
    assert run.summary == stored.info().summary == {"a": {"z": 3}, "b": 1}
    run.summary["a"]["w"] = 4
    del run.summary["b"]
    assert run.summary == stored.info().summary == {"a": {"z": 3, "w": 4}}


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("min", {"loss": {"min": 1.0}}),
        ("max", {"loss": {"max": 4.0}}),
        ("mean", {"loss": {"mean": 2.5}}),
        ("first", {"loss": {"first": 4.0}}),
        ("last", {"loss": {"last": 3.0}}),
        ("min,max", {"loss": {"min": 1.0, "max": 4.0}}),
        ("copy", {"loss": 3.0}),
        ("none", {}),
    ],
)
def test_aggregates_of_a_metric_live_and_stored(begin, stored, wanted, kept):
    run = begin()
    run.define_metric("loss", summary=wanted)
    for value in (4.0, np.float32(1.0), float("nan"), np.float64(2.0), 3.0):
        run.log({"loss": value})
    assert run.summary == stored.info().summary == kept


def test_of_a_metric_that_is_logged_twice_in_one_row_the_last_value_counts(begin, stored):
    run = begin()
    run.define_metric("loss", summary="min,max,mean,first")
    run.log({"loss": 3})
    run.log({"loss": 1}, commit=False)
    run.log({"loss": 9}, commit=False)
    run.log({"loss": 5})
    run.log({"loss": 0}, commit=False)
    run.log({"loss": "lost"})
    run.log({})
    assert run.summary == stored.info().summary == {"loss": {"min": 3, "max": 5, "mean": 4.0, "first": 3}}


def test_the_best_value_follows_its_goal(begin, stored):
    run = begin()
    run.define_metric("acc", summary="best", goal="maximize")
    for value in (1, 3, 2):
        run.log({"acc": value})
    assert run.summary == stored.info().summary == {"acc": {"best": 3}}


def test_a_glob_names_many_metrics(begin, stored):
    run = begin()
    run.define_metric("val/*", summary="max")
    run.define_metric("val/loss", summary="min")
    run.log({"val/acc": 0.5, "val/loss": 2.0, "acc": 1})
    run.log({"val/acc": 0.25, "val/loss": 3.0, "acc": 0})
    expected = {"val/acc": {"max": 0.5}, "val/loss": {"min": 2.0}, "acc": 0}
    assert run.summary == stored.info().summary == expected


def test_a_step_metric_puts_its_last_value_into_the_rows(begin, stored):
    run = begin()
    run.log({"epoch": 1})
    run.define_metric("epoch", summary="max")
    run.define_metric("loss", step_metric="epoch")
    run.log({"loss": 0.5})
    run.log({"epoch": 2})
    run.log({"loss": 0.4})
    run.log({"loss": 0.3, "epoch": 7})
    run.log({"other": 1})
    assert [{k: v for k, v in row.items() if k != "_step"} for row in stored.rows()] == [
        {"epoch": 1},
        {"loss": 0.5, "epoch": 1},
        {"epoch": 2},
        {"loss": 0.4, "epoch": 2},
        {"loss": 0.3, "epoch": 7},
        {"other": 1},
    ]


def test_a_nested_step_metric_goes_where_it_was_logged(begin, stored):
    run = begin()
    run.define_metric("train.*", step_metric="train.step")
    run.log({"train": {"step": 3}})
    run.log({"train": {"loss": 0.5}})
    assert stored.rows()[1] == {"_step": 1, "train.loss": 0.5, "train.step": 3}


def test_a_step_metric_can_be_drawn_over_without_being_put_into_rows(begin, stored):
    run = begin()
    run.define_metric("loss", step_metric="epoch", step_sync=False)
    run.log({"epoch": 1})
    run.log({"loss": 0.5})
    assert stored.rows()[1] == {"_step": 1, "loss": 0.5}
    assert [rule.step_metric for rule in stored.info().metric_rules] == ["epoch"]


def test_what_is_said_of_a_metric_adds_up_unless_it_is_to_stand_alone(begin, stored):
    run = begin()
    epoch = run.define_metric("epoch")
    run.define_metric("loss", step_metric=epoch, goal="minimize")
    run.define_metric("loss", summary="min")
    run.log({"loss": 2.0, "epoch": 1})
    run.define_metric("loss", summary="max,min", hidden=True)
    whole = MetricRule("loss", "epoch", ("min", "max"), "minimize", True, True)
    assert run.define_metric("loss") == whole
    assert run.summary == stored.info().summary == {"loss": {"min": 2.0, "max": 2.0}, "epoch": 1}
    run.log({"loss": 4.0})
    assert run.summary == stored.info().summary == {"loss": {"min": 2.0, "max": 4.0}, "epoch": 1}
    assert stored.column("epoch") == [1, 1]
    alone = run.define_metric("loss", summary="last", overwrite=True)
    assert alone == MetricRule("loss", None, ("last",), None, False, False)
    assert run.summary == stored.info().summary == {"loss": {"last": 4.0}, "epoch": 1}
    run.log({"loss": 3.0})
    assert run.summary == stored.info().summary == {"loss": {"last": 3.0}, "epoch": 1}
    assert stored.info().metric_rules == (MetricRule("epoch", step_sync=False), alone)


def test_a_metric_with_a_dot_in_its_key_may_be_named_with_a_backslash(begin, stored):
    run = begin()
    run.define_metric("a\\.b", summary="max", step_metric="at\\.step")
    run.define_metric("c\\.*", summary="min")
    run.log({"at.step": 5})
    for value in (3, 1):
        run.log({"a.b": value, "a": {"b": value}, "c.d": value})
    assert (
        run.summary
        == stored.info().summary
        == {
            "at.step": 5,
            "a.b": {"max": 3},
            "a": {"b": 1},
            "c.d": {"min": 1},
        }
    )
    assert stored.column("at\\.step") == [5, 5, 5]


numbers = itertools.count()
defines = st.tuples(
    st.just("define"),
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "a.b", "a\\.b", "c*"])},
        optional={
            "summary": st.lists(st.sampled_from(["min", "max", "last", "first", "copy", "none"])).map(",".join),
            "step_metric": st.sampled_from(["e", "c.e"]),
            "overwrite": st.booleans(),
        },
    ).filter(
        lambda made: (
            not made.get("overwrite") or {"min", "max", "last", "first"} & set(made.get("summary", "").split(","))
        )
    ),
)
"""One that overwrites leaves a rule that counts: without any, what is logged next counts for readers only."""

logs = st.tuples(
    st.just("log"),
    st.dictionaries(st.sampled_from(["a", "a.b", "c1", "c.e", "e"]), st.integers(-5, 5) | st.floats(), min_size=1),
)


@given(st.lists(defines, min_size=1, max_size=3), st.lists(logs | defines, max_size=6))
def test_the_summary_of_the_script_is_the_one_that_is_stored_whatever_is_defined(begin, stored, first, then):
    run_id = f"r{next(numbers)}"
    run = begin(run_id)
    for _, arguments in first:
        run.define_metric(**arguments)
    metrics = {"a", "a.b", "c1", "c.e"}
    for name in metrics:  # what was logged before the first rule of a metric counts for readers only
        run.define_metric(name.replace(".", "\\."), summary="last")
    for what, arguments in then:
        run.log(arguments) if what == "log" else run.define_metric(**arguments)
    run.finish()
    live, read = (sorted(flatten(summary).items()) for summary in (run.summary.as_dict(), stored.info(run_id).summary))
    assert repr(live) == repr(read)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": ""}, "name"),
        ({"name": 5}, "name"),
        ({"name": "a*b"}, r"\*"),
        ({"name": "a", "summary": "median"}, "median"),
        ({"name": "a", "goal": "up"}, "goal"),
        ({"name": "a", "step_metric": 5}, 'step_metric=5 is a int; give a str, like "epoch", or what define_metric'),
        ({"name": "a", "summary": ["min"]}, r"summary=\['min'\] is a list; give a str, like \"min,max\""),
        ({"name": "a", "goal": 1}, "goal=1 is a int"),
        ({"name": "a", "hidden": "no"}, "hidden='no' is a str; give a bool"),
        ({"name": "a", "step_sync": 1}, "step_sync=1 is a int; give a bool"),
        ({"name": "a", "overwrite": 1}, "overwrite=1 is a int; give a bool"),
    ],
)
def test_a_metric_that_is_defined_wrongly_is_refused(begin, arguments, message):
    with pytest.raises(BadValueError, match=message):
        begin().define_metric(**arguments)


def test_a_book_of_rules_forgets_no_rule_over_many_keys():
    book = RuleBook({})
    book.add(make_rule("x*", {"summary": "max"}), {})
    for i in range(11_000):
        assert book.summary_of(f"x{i}", i) == {f"x{i}.max": i}
    book.begin_row()
    assert book.summary_of("x0", -1) == {"x0.max": 0}


# Config


def test_config_keys_are_kept_and_may_not_change(begin, stored):
    run = begin(config={"lr": 0.1, "net": {"layers": (1, 2)}, "_mine": 1, "_wandb": {"x": 1}})
    assert run.config["net"] == {"layers": [1, 2]}
    assert dict(run.config) == {"lr": 0.1, "net": {"layers": [1, 2]}, "_mine": 1}
    run.config["lr"] = 0.1
    run.config.later = "x"
    with pytest.raises(ConfigError, match="allow_val_change"):
        run.config["lr"] = 0.2
    run.config.update({"lr": 0.3}, allow_val_change=True)
    assert stored.info().config == {
        "lr": 0.3,
        "net": {"layers": [1, 2]},
        "_mine": 1,
        "_wandb": {"x": 1},
        "later": "x",
    }


def test_name_notes_and_tags_can_be_set_while_the_run_goes_on(begin, stored):
    run = begin()
    run.name, run.notes, run.tags = "new", "text", ["b", "a", "b"]
    run.tags += ("c",)
    with pytest.raises(LogTypeError, match="tags must be a list"):
        run.tags = "abc"
    info = stored.info()
    assert (info.name, info.notes, info.tags) == ("new", "text", ("b", "a", "c"))
    assert run.tags == ("b", "a", "c")


# Files


def test_a_saved_file_keeps_the_path_it_was_named_by(begin, stored, home):
    out = home / "work" / "out"
    out.mkdir()
    (out / "m.txt").write_text("one")
    run = begin()
    assert run.save("out/m.txt") == [str(stored.file("out/m.txt"))]
    assert run.save("out/m.txt", base_path="out") == [str(stored.file("m.txt"))]
    assert run.save(str(out / "m.txt")) == [str(stored.file("out/m.txt"))]
    assert run.save("out/*", policy="now") == [str(stored.file("out/m.txt"))]
    for nothing in (str(out / "gone.txt"), "nothing/*.txt"):
        with pytest.warns(RunlakeWarning, match=re.escape(f"save: no file matches {nothing!r} in {home / 'work'}")):
            assert run.save(nothing) == []
        assert run.save(nothing) == []
    assert [stored.file(name).read_text() for name in ("out/m.txt", "m.txt")] == ["one", "one"]


def test_a_saved_folder_is_kept_whole_and_what_comes_into_it_later(begin, stored, home):
    out = home / "work" / "out"
    (out / "sub").mkdir(parents=True)
    (out / "a.txt").write_text("a")
    (out / "sub" / "b.txt").write_text("b")
    run = begin()
    names = ["out/a.txt", "out/sub/b.txt"]
    for folder in ("out", "./out/", out):
        assert run.save(folder) == [str(stored.file(name)) for name in names]
    assert run.save(out / "sub", base_path=out, policy="now") == [str(stored.file("sub/b.txt"))]
    assert run.save(out, base_path=out, policy="end") == [str(stored.file(name)) for name in ("a.txt", "sub/b.txt")]
    (out / "sub" / "late.txt").write_text("late")
    run.refresh_files()
    assert stored.file("out/sub/late.txt").read_text() == "late"
    assert not any(stored.file(name).exists() for name in ("a.txt", "sub/late.txt"))
    run.finish()
    assert [stored.file(name).read_text() for name in ("a.txt", "sub/late.txt")] == ["a", "late"]
    with pytest.raises(PathError, match=r"\.\."):
        begin("other").save("..")


def test_a_folder_with_the_store_or_of_the_run_in_it_is_kept_without_it(begin, stored, home, monkeypatch):
    monkeypatch.chdir(home)
    (home / "work" / "a.txt").write_text("a")
    run = begin()
    stored.file("own.txt").write_text("own")
    assert run.save(".") == [str(stored.file("work/a.txt"))]
    assert str(stored.file("own.txt")) in run.save(run.dir)
    before = sorted(Path(run.dir).rglob("*"))
    run.refresh_files()
    assert sorted(Path(run.dir).rglob("*")) == before


@pytest.mark.parametrize("name", ["../secret.txt", "out/../../secret.txt"])
def test_a_file_that_leaves_the_run_is_refused(begin, home, name):
    (home / "secret.txt").write_text("x")
    (home / "work" / "out").mkdir()
    with pytest.raises(PathError):
        begin().save(name)


def test_saving_asks_for_what_it_knows(begin, home):
    (home / "work" / "f").write_text("x")
    with pytest.raises(BadValueError, match="policy"):
        begin().save("f", policy="sometimes")
    with pytest.raises(PathError, match="base_path"):
        begin("other").save("f", base_path="elsewhere")
    with pytest.raises(PathError, match="no local path"):
        begin("third").save("s3://bucket/f")


def test_live_files_are_copied_again_and_end_files_at_the_end(begin, stored, home):
    live, late = home / "work" / "live.txt", home / "work" / "late.txt"
    for file in (live, late):
        file.write_text("1")
    run = begin()
    run.save("live.txt")
    run.save("late.txt", policy="end")
    assert (stored.file("live.txt").read_text(), stored.file("late.txt").exists()) == ("1", False)
    for file in (live, late):
        file.write_text("longer")
    run.refresh_files()
    assert (stored.file("live.txt").read_text(), stored.file("late.txt").exists()) == ("longer", False)
    live.write_text("and longer")
    run.finish()
    assert (stored.file("live.txt").read_text(), stored.file("late.txt").read_text()) == ("and longer", "longer")


def test_a_file_written_into_the_folder_of_the_run_is_there_already(begin, stored):
    run = begin()
    stored.file("model.bin").write_bytes(b"\0\1")
    assert run.save(f"{run.dir}/model.bin", base_path=run.dir) == [str(stored.file("model.bin"))]
    run.finish()
    assert stored.file("model.bin").read_bytes() == b"\0\1"


def test_a_file_that_cannot_be_copied_is_told_once_and_ends_nothing(begin, stored, home):
    source = home / "work" / "f.txt"
    source.write_text("1")
    run = begin()
    run.save("f.txt")
    stored.file("f.txt").unlink()
    stored.file("f.txt").mkdir()
    source.write_text("22")
    with pytest.warns(RunlakeWarning, match=r"'f\.txt' could not be copied"):
        run.refresh_files()
    run.refresh_files()
    run.finish()
    assert stored.state() == ("finished", 0)


# Ends


def test_as_a_context_manager_an_exception_makes_it_failed(begin, stored):
    with begin("ok") as run:
        run.log({"a": 1})
    assert stored.state("ok") == ("finished", 0)
    with pytest.raises(RuntimeError, match="boom"), begin("bad"):
        raise RuntimeError("boom")
    assert stored.state("bad") == ("failed", 1)


@pytest.mark.parametrize(
    ("code", "state"), [(None, ("finished", 0)), (0, ("finished", 0)), (3, ("failed", 3)), ("no", ("failed", 1))]
)
def test_as_a_context_manager_an_exit_is_what_its_code_says(begin, stored, code, state):
    with pytest.raises(SystemExit), begin():
        raise SystemExit(code)
    assert stored.state() == state


def test_helpers_that_fail_at_the_end_do_not_keep_a_run_from_ending(begin, stored):
    run = begin()
    ended = []

    def failing():
        ended.append("asked")
        raise OSError(errno.EIO, "disk on fire")

    run.on_finishing = failing
    run.on_finished = lambda: ended.append("told")
    with pytest.warns(RunlakeWarning, match="disk on fire"):
        run.finish()
    run.finish()
    assert (ended, stored.state()) == (["asked", "told"], ("finished", 0))


def test_a_finish_that_was_broken_off_is_finished_by_the_next(begin, stored):
    run = begin()
    run.log({"a": 1}, commit=False)

    def interrupted():
        raise KeyboardInterrupt

    run.on_finishing = interrupted
    with pytest.raises(KeyboardInterrupt):
        run.finish()
    assert run.state == "running"
    run.end(255)
    assert (stored.state(), stored.rows()) == (("failed", 255), [{"_step": 0, "a": 1}])


def test_a_warning_points_to_the_line_that_led_to_it(begin, monkeypatch):
    def log_lower(log):
        log({"a": 1}, step=3)

    for log in (begin("one").log, call_of_the_active_run("log")):
        monkeypatch.setattr(active.session, "run", run := begin("r"))
        run.log({"a": 1}, step=5)
        run_of_log = getattr(log, "__self__", run)
        run_of_log.log({"a": 1}, step=5)
        with pytest.warns(RunlakeWarning, match="step 3 is lower") as told:
            log_lower(log)
        line = log_lower.__code__.co_firstlineno + 1
        assert [(one.filename, one.lineno) for one in told] == [(__file__, line)]


# Threads


def test_no_row_is_lost_when_many_threads_log_at_once(begin, stored):
    run = begin()
    barrier = threading.Barrier(8)

    def log_many(who):
        barrier.wait()
        for i in range(300):
            run.log({"who": who, "i": i, **({"text": str(i)} if i % 7 == 0 else {})})

    threads = [threading.Thread(target=log_many, args=(who,)) for who in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run.finish()
    rows = stored.rows()
    assert sorted((row["who"], row["i"]) for row in rows) == [(who, i) for who in range(8) for i in range(300)]
    assert [row["_step"] for row in rows] == list(range(2400))


def test_whoever_logs_in_the_midst_of_a_row_gets_a_row_of_its_own(begin, stored):
    run, calls = begin(), []

    class Mischief(float):
        """A value that logs when it is looked at, as a signal handler may do at that very moment."""

        def __float__(self):
            if not calls:
                calls.append(1)
                run.log({"inner": 1})
            return 0.5

    run.log({"outer": 1.0})
    run.log({"outer": Mischief(0.5)})
    run.log({"outer": 2.0})
    assert stored.rows() == [
        {"_step": 0, "outer": 1.0},
        {"_step": 2, "inner": 1},
        {"_step": 1, "outer": 0.5},
        {"_step": 3, "outer": 2.0},
    ]


# Strictness


def test_nothing_is_told_where_nothing_is_wrong(begin):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = begin()
        run.log({"a": 1})
        run.finish()
