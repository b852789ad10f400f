"""Comparison of runs through every way to a store."""

from runlake.comparison.comparison import Comparison, Difference, compare_runs
from runlake.comparison.curves import CurveDistance, Curves
from runlake.comparison.gates import Verdict, parse_gate
from runlake.model import RunPath

A, B = RunPath("ann", "mnist", "a"), RunPath("ann", "mnist", "b")


def test_what_differs_how_far_curves_are_apart_and_which_condition_holds(service, train):
    train("a").log(loss=2.0).log(loss=2.0).finish()
    train("b").log(loss=3.0).log(loss=3.0).log(loss=3.0).finish()
    found = compare_runs(service, [A, B], curves=True, gates=[parse_gate("loss > +10%"), parse_gate("loss > 4")])
    held = "loss > +10%: loss of ann/mnist/b is 3, which is > 2.2"
    passed = "loss > 4: loss of ann/mnist/b is 3, which is not > 4"
    assert found == Comparison(
        paths=(A, B),
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
