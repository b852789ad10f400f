"""Bayesian search: a Gaussian process of the runs so far, and the point from which it expects the greatest improvement.

What keeps it from going astray:

- The first runs are points of a Sobol sequence, which fills the cube evenly.
- Values far worse than the median count as just that bad: one loss of 1e30 does not flatten all others.
- A run that failed, or logged nothing or NaN, counts like the worst where others near it failed too, more than did not:
  the search stays away from there. Otherwise it tells nothing.
- A run that still goes counts with the value that is expected of it, so two agents are not sent to one place.
- Of very many runs, the best, the newest and some of the others are learned from: the time is bounded.
- No point is tried twice as long as there are others.

The same library versions on the same kind of machine give the same answer; others may differ in the last digits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runlake.errors import NotSupportedError
from runlake.search.plan import SweepPlan
from runlake.search.space import Floats, Named, Space
from runlake.search.trial import Trial

FIRST_COUNT = 6
"""With fewer values than this there is nothing to learn from."""
SHAPE_COUNT, LEARNED_COUNT = 64, 128
"""No more runs than this say how the metric depends on which parameter, and what it is where."""
STEP_COUNT = 8
"""Steps towards the most plausible shape; measured, more of them find no better runs."""
FRESH_COUNT, NEAR_COUNT = 1000, 500
"""Candidates from everywhere, and candidates near the best runs."""
SCALES = (0.05, 0.02, 0.005)
"""How far from the best candidates better ones are looked for, in turn."""
LONE = 1.5
"""A run that failed and has less than half another such run near it failed by chance, for all that is known."""
APART = 1e-3
"""Runs that go on at once differ at least this much along some axis."""
TRIED_OUT = 1024
"""A space of no more points than this is looked at whole."""


def propose_by_model(plan: SweepPlan, number: int, trials: Sequence[Trial], *, seed: int) -> dict[str, Any]:
    """What `propose` answers for method bayes."""
    _check_installed()
    from threadpoolctl import threadpool_limits

    space = Space(plan.parameters)
    if not space.axes:
        return space.decode(np.empty(0))
    known, losses, failed, running = _learnable(plan, space, trials)
    if len(known) < FIRST_COUNT:
        return space.decode(_sobol_point(space, number, seed))
    generator = np.random.default_rng(Random(f"{seed}:{number}").getrandbits(64))
    with threadpool_limits(1, user_api="blas"):  # the matrices are small, and other work has its cores
        hopeless = failed[np.maximum(_crowd(failed, known), LONE) < _crowd(failed, failed)]
        tamed = _tamed(losses)
        worst = np.full(len(hopeless), tamed.max())
        expect = _improvement(np.vstack([known, hopeless]), np.concatenate([tamed, worst]), running)
        candidates = _candidates(space, known[np.argsort(losses, kind="stable")], expect, generator)
    tried = {*_marks(known), *_marks(failed)}
    apart = [np.abs(candidates - point).max(axis=1) > APART for point in running]
    unseen = (i for i, mark in enumerate(_marks(candidates)) if mark not in tried and all(far[i] for far in apart))
    return space.decode(candidates[next(unseen, 0)])


def _check_installed() -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise NotSupportedError(
            "method: bayes needs scikit-learn, which is not installed; run: pip install 'runlake[sweeps]', "
            "or use method: random"
        ) from None


# What is known --------------------------------------------------------------------------------------------


def _learnable(plan: SweepPlan, space: Space, trials: Sequence[Trial]) -> tuple[Floats, Floats, Floats, Floats]:
    """Points and losses of the runs that have one, the points of those that failed, and of those that go on.

    Runs with parameters that this sweep could not have chosen are left out.
    """
    assert plan.metric is not None  # no configuration is without
    sign = 1.0 if plan.metric.goal == "minimize" else -1.0
    known, losses, failed, running = [], [], [], []
    for trial in sorted(trials, key=lambda trial: trial.number):
        point = space.encode(trial.params)
        if point is None:
            continue
        if trial.state == "running":
            running.append(point)
        elif trial.state == "failed" or trial.value is None or not math.isfinite(trial.value):
            failed.append(point)
        else:
            known.append(point)
            losses.append(sign * trial.value)
    return _matrix(space, known), np.array(losses), _matrix(space, failed), _matrix(space, running)


def _matrix(space: Space, points: Sequence[Sequence[float]]) -> Floats:
    return np.array(points, dtype=np.float64).reshape(len(points), space.column_count)


def _marks(points: Floats) -> Iterator[bytes]:
    """The same for points that cannot be told apart."""
    return (point.tobytes() for point in np.round(points + 0.0, 9))


def _most_telling(losses: Floats, count: int) -> NDArray[np.intp]:
    """So many of the runs: half of them the best, a quarter the newest, a quarter evenly from the rest."""
    if len(losses) <= count:
        return np.arange(len(losses))
    best = np.argsort(losses, kind="stable")[: count // 2]
    rest = np.setdiff1d(np.arange(len(losses)), best)
    newest, rest = rest[-(count // 4) :], rest[: -(count // 4)]
    left = count - len(best) - len(newest)
    evenly = rest[np.linspace(0, len(rest) - 1, min(left, len(rest))).astype(np.intp)]
    chosen: NDArray[np.intp] = np.sort(np.concatenate([best, newest, evenly]))
    return chosen


def _tamed(losses: Floats) -> Floats:
    """Losses on a scale that the best and the middle decide about, not the worst."""
    with np.errstate(over="ignore"):
        middle, best = float(np.median(losses / 2)), float(losses.min() / 2)
        limit = 2 * (middle + 3 * (middle - best)) if middle > best else math.inf
    tamed = np.minimum(losses, limit) / 2
    scaled = tamed - tamed.min()
    scaled = scaled / scaled.max() if scaled.max() > 0 else scaled
    spread = float(scaled.std())
    centred: Floats = scaled - scaled.mean()
    return centred / spread if spread > 0 else centred


def _crowd(points: Floats, others: Floats) -> Floats:
    """How many of the others are near to each point; those farther away count less."""
    if not len(points) or not len(others):
        return np.zeros(len(points))
    from scipy.spatial.distance import cdist

    length = _usual_length(points.shape[1]) / 5
    crowd: Floats = np.exp(-0.5 * (cdist(points, others) / length) ** 2).sum(axis=1)
    return crowd


# The model ------------------------------------------------------------------------------------------------


def _improvement(points: Floats, losses: Floats, running: Floats) -> Callable[[Floats], Floats]:
    """How much better than the best run a point can be expected to be."""
    from scipy.linalg import solve_triangular
    from scipy.special import ndtr
    from sklearn.gaussian_process.kernels import ConstantKernel, Matern, WhiteKernel

    columns = points.shape[1]
    lengths = np.full(columns, _usual_length(columns))
    smooth = ConstantKernel(1.0, (1e-2, 1e2)) * Matern(lengths, (1e-2, 1e2), nu=2.5)
    kept = _most_telling(losses, SHAPE_COUNT)
    model = _fitted(smooth + WhiteKernel(1e-4, (1e-6, 1.0)), points[kept], losses[kept])
    kept = _most_telling(losses, LEARNED_COUNT)
    points, losses = points[kept], losses[kept]
    model = _fitted(model.kernel_.clone_with_theta(_most_plausible(model)), points, losses)
    best = float((model.kernel_.k1(points) @ model.alpha_).min())
    if len(running):
        expected = model.kernel_.k1(running, points) @ model.alpha_
        model = _fitted(model.kernel_, np.vstack([points, running]), np.concatenate([losses, expected]))

    def expect(candidates: Floats) -> Floats:
        covariance = model.kernel_.k1(candidates, model.X_train_)
        mean = covariance @ model.alpha_
        explained = solve_triangular(model.L_, covariance.T, lower=True, check_finite=False)
        variance = model.kernel_.k1.diag(candidates) - np.einsum("ij,ij->j", explained, explained)
        deviation = np.sqrt(np.maximum(variance, 1e-18))
        gain = (best - mean) / deviation
        density = np.exp(-0.5 * gain**2) / math.sqrt(2 * math.pi)
        improvement: Floats = deviation * (gain * ndtr(gain) + density)
        return improvement

    return expect


def _usual_length(columns: int) -> float:
    """How far one has to go along a column for things to change: further, the more columns there are."""
    return 0.5 * math.sqrt(columns)


def _fitted(kernel: Any, points: Floats, losses: Floats) -> Any:
    from sklearn.gaussian_process import GaussianProcessRegressor

    return GaussianProcessRegressor(kernel, alpha=1e-8, optimizer=None).fit(points, losses)


def _most_plausible(model: Any) -> Floats:
    """The kernel's parameters that explain the runs best, drawn towards usual ones: a few runs tell little about them.

    They are logarithms: of the height, of a length for each column, of the noise.
    """
    from scipy.optimize import minimize

    usual: Floats = model.kernel_.theta
    weight = np.ones_like(usual)
    weight[0], weight[-1] = 0.0, 1 / 9

    def loss(parameters: Floats) -> tuple[float, Floats]:
        likelihood, slope = model.log_marginal_likelihood(parameters, eval_gradient=True, clone_kernel=False)
        away = parameters - usual
        return float(0.5 * (weight * away**2).sum() - likelihood), weight * away - slope

    bounds = model.kernel_.bounds
    found = minimize(loss, usual.copy(), jac=True, bounds=bounds, method="L-BFGS-B", options={"maxiter": STEP_COUNT})
    likely: Floats = found.x
    return likely


# Points ---------------------------------------------------------------------------------------------------


def _sobol_point(space: Space, number: int, seed: int) -> Floats:
    from scipy.stats import qmc

    generator = np.random.default_rng(Random(f"{seed}").getrandbits(64))
    sequence = qmc.Sobol(len(space.axes), scramble=True, rng=generator)
    if number:
        sequence.fast_forward(number)
    point: Floats = space.spread(sequence.random(1))[0]
    return point


def _candidates(space: Space, best_first: Floats, expect: Callable[[Floats], Floats], generator: Any) -> Floats:
    """Points to try, from the most promising on."""
    every = space.every_point(at_most=TRIED_OUT)
    if every is not None:
        return every[np.argsort(-expect(every), kind="stable")]
    fresh = space.spread(generator.random((FRESH_COUNT, len(space.axes))))
    top = best_first[:5]
    near = _near(space, np.repeat(top, NEAR_COUNT // len(top), axis=0), 0.1, generator)
    points = np.vstack([fresh, near])
    improvement = expect(points)
    for scale in SCALES:
        top = points[np.argsort(-improvement, kind="stable")[:10]]
        near = _near(space, np.repeat(top, 20, axis=0), scale, generator)
        points = np.vstack([points, near])
        improvement = np.concatenate([improvement, expect(near)])
    return points[np.argsort(-improvement, kind="stable")]


def _near(space: Space, points: Floats, scale: float, generator: Any) -> Floats:
    """Each point with some of its axes changed: numbers by a little, the others to any value."""
    moved = points.copy()
    changed_share = max(0.5, 2 / len(space.axes))
    for axis, columns in space.axes:
        changes = generator.random(len(points)) < changed_share
        if isinstance(axis, Named):
            changes &= generator.random(len(points)) < 0.3
            moved[changes, columns] = axis.spread(generator.random(int(changes.sum())))
        else:
            moved[changes, columns] += generator.normal(0.0, scale, (int(changes.sum()), axis.width))
    return space.snap(np.clip(moved, 0.0, 1.0))
