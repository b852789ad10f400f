"""Comparison of runs through every way to a store."""

import pytest

from runlake.comparison.comparison import Comparison, Difference, compare_runs
from runlake.comparison.curves import CurveDistance, Curves
from runlake.comparison.gates import Verdict, parse_gate
from runlake.comparison.picture import read_picture
from runlake.errors import NotFoundError
from runlake.model import RunPath
from runlake.plot.drawing import Trace
from runlake.plot.multiples import Multiples, Panel

A, B = RunPath("ann", "mnist", "a"), RunPath("ann", "mnist", "b")


def test_what_differs_how_far_curves_are_apart_and_which_condition_holds(service, train):
    train("a").log(loss=2.0).log(loss=2.0).finish()
    train("b").log(loss=3.0).log(loss=3.0).log(loss=3.0).finish()
    found = compare_runs(service, [A, B], curves=True, gates=[parse_gate("loss > +10%"), parse_gate("loss > 4")])
    held = "loss > +10%: loss of ann/mnist/b is 3, which is > 2.2"
    passed = "loss > 4: loss of ann/mnist/b is 3, which is not > 4"
    assert found == Comparison(
        paths=(A, B),
        states=("finished", "finished"),
        differences=(Difference(section="summary", path="loss", values=(2.0, 3.0), is_missing=(False, False)),),
        curves=Curves(distances=(CurveDistance(key="loss", run=B, rms=1.0, largest=1.0, at_step=0.002),)),
        verdicts=(
            Verdict(gate="loss > +10%", run=B, is_broken=True, value=3.0, limit=2.2, sentence=held),
            Verdict(gate="loss > 4", run=B, is_broken=False, value=3.0, limit=4.0, sentence=passed),
        ),
    )


def test_curves_of_runs_without_steps_in_common_have_no_distance(service, train):
    train("a").log(loss=2.0).finish()
    train("b").log(acc=3.0).log(loss=3.0).finish()
    assert compare_runs(service, [A, B], keys=["loss"]).curves == Curves(
        distances=(CurveDistance(key="loss", run=B, rms=None, largest=None, at_step=None),)
    )


def test_curves_that_are_shared_are_drawn_a_panel_each(service, train):
    train("a", name="base").log(loss=2.0, acc=0.5, mine=1).log(loss=1.0).finish()
    train("b", name="base").log(loss=3.0, acc=0.25).log(loss=float("nan")).log(loss=2.5).finish()
    found = read_picture(service, compare_runs(service, [A, B]))
    assert found.drawing.names == ["base (a)", "base (b)"]
    assert [panel.title for panel in found.drawing.panels] == ["loss", "acc"]
    first, second = found.drawing.panels[0].traces
    assert first == Trace("", [0.0, 1.0], [2.0, 1.0])
    assert (second.xs, str(second.ys)) == ([0.0, 1.0, 2.0], "[3.0, nan, 2.5]")
    assert ("summary", "loss", "1", "2.5") in found.rows
    assert read_picture(service, compare_runs(service, [A, B]), ["acc"]).drawing == Multiples(
        title="2 runs of ann/mnist",
        x_label="step",
        names=["base (a)", "base (b)"],
        panels=[Panel("acc", [Trace("", [0.0], [0.5]), Trace("", [0.0], [0.25])])],
    )
    train("c").log(other=1.0).finish()
    with pytest.raises(NotFoundError, match="have no numbers in common to draw"):
        read_picture(service, compare_runs(service, [A, RunPath("ann", "mnist", "c")]))
