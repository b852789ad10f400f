"""Smooth lines, over all rows: what is drawn of them is chosen afterwards.

With rows i = 0 … n-1 at x_i with finite values y_i (others are left out, and stay gaps):

``ema``       s_i = Σ_{j≤i} a^((x_i - x_j)/d) y_j  /  Σ_{j≤i} a^((x_i - x_j)/d)
              a is the amount, d the median of the distances above 0 between neighbours: a row that lies d back weighs
              a, one that lies 2d back a². Of rows at even distances that is the EMA with the weight a for what was,
              rid of the bias towards 0 that it has in the beginning. Neither window nor zoom has a part in it. With
              an amount of 0 the line stays as it is.
``gaussian``  s_i = Σ_j w_ij y_j / Σ_j w_ij,  w_ij = exp(-(i - j)²/(2σ²)) for |i - j| ≤ 4σ, else 0
              σ is the amount, in rows. Where it is above 32, the means of stretches of σ/16 rows are smoothed, and
              what lies between their middles is interpolated.
``mean``      s_i = the mean of the rows i - ⌊(w-1)/2⌋ … i + ⌊w/2⌋ that there are; w is the amount in whole rows
"""

from __future__ import annotations

import math

import numpy as np

from runlake.query.tiles.question import Smoothing
from runlake.store.series import Float64s, Int64s

_DEVIATIONS = 4
_LARGEST_DEVIATION = 32.0
_STRETCHES_A_DEVIATION = 16
_BLOCK_ROWS = 256


def smoothed(x: Float64s, y: Float64s, finite: Int64s | None, smoothing: Smoothing) -> Float64s:
    """The smooth values of points with ascending `x`, float64[n]; values that are not finite stay as they are.

    `finite` are the places of the finite ones, None for all.
    """
    values = y if finite is None else y[finite]
    if smoothing.kind == "ema":
        found = ema(x if finite is None else x[finite], values, smoothing.amount)
    elif smoothing.kind == "gaussian":
        found = gaussian(values, smoothing.amount)
    else:
        found = running_mean(values, int(smoothing.amount))
    if finite is None:
        return found
    whole = y.copy()
    whole[finite] = found
    return whole


def ema(x: Float64s, y: Float64s, amount: float) -> Float64s:
    """See the head of this file; x ascending, y finite."""
    if amount <= 0 or len(y) < 2:
        return y
    distances = np.diff(x)
    # The sum of weights of a row is 1 + its decay times that of the row before; each smooth value lies between the one
    # before and the row's own, so nothing can overflow.
    if distances[0] > 0 and distances.min() == distances.max():
        weight = -np.expm1(np.arange(1, len(y) + 1) * math.log(amount)) / (1 - amount)
    else:
        apart = distances[distances > 0]
        typical = float(np.median(apart)) if len(apart) else 1.0
        with np.errstate(under="ignore", over="ignore"):
            decay = np.exp(distances * (math.log(amount) / typical))
        weight = _recurrence(np.append(0.0, decay), np.ones(len(y)))
    share = 1.0 / weight
    return _recurrence(1.0 - share, share * y)


def _recurrence(factor: Float64s, added: Float64s) -> Float64s:
    """s_i = factor_i s_{i-1} + added_i with s_{-1} = 0, and factors from 0 to 1; each row in turn, blocks side by side.

    The rows of a block follow each other as in a loop, only all blocks take each step at once; then what stands at the
    end of each block goes into the next, times the product of factors since.
    """
    count = len(added)
    width = min(_BLOCK_ROWS, max(1, math.isqrt(count)))
    block_count = -(-count // width)
    padding = block_count * width - count
    factors = np.ascontiguousarray(np.append(factor, np.zeros(padding)).reshape(block_count, width).T)
    sums = np.ascontiguousarray(np.append(added, np.zeros(padding)).reshape(block_count, width).T)
    step = np.empty(block_count)
    with np.errstate(under="ignore"):
        for row in range(1, width):
            np.multiply(factors[row], sums[row - 1], out=step)
            sums[row] += step
            factors[row] *= factors[row - 1]
        carried = np.zeros(block_count)
        ends, products = sums[-1].tolist(), factors[-1].tolist()
        carry = 0.0
        for block in range(1, block_count):
            carry = ends[block - 1] + products[block - 1] * carry
            carried[block] = carry
        sums += factors * carried
    return np.ascontiguousarray(sums.T).reshape(-1)[:count]


def gaussian(y: Float64s, deviation: float) -> Float64s:
    """See the head of this file; y finite."""
    if deviation <= 0 or len(y) < 2:
        return y
    if deviation <= _LARGEST_DEVIATION:
        return _gaussian_of_rows(y, None, deviation)
    width = int(deviation // _STRETCHES_A_DEVIATION)
    begins = np.arange(0, len(y), width)
    sizes = np.diff(np.append(begins, len(y))).astype(np.float64)
    means = np.add.reduceat(y / width, begins) * (width / sizes)
    smooth = _gaussian_of_rows(means, sizes / width, deviation / width)
    found: Float64s = np.interp(np.arange(len(y)), begins + (sizes - 1) / 2, smooth)
    return found


def _gaussian_of_rows(y: Float64s, sizes: Float64s | None, deviation: float) -> Float64s:
    """`sizes` is how much each value weighs, None for all alike."""
    count = len(y)
    reach = max(1, min(math.ceil(_DEVIATIONS * deviation), count - 1))
    weights = np.exp(-0.5 * (np.arange(-reach, reach + 1) / deviation) ** 2)
    largest = max(float(np.abs(y).max()), 1e-300)
    if sizes is not None:
        total = _weighted_sums(sizes, weights, reach)
        return largest * (_weighted_sums(y / largest * sizes, weights, reach) / total)
    # On either side of a row, the weights of as many rows as there are, at most `reach`.
    side = np.append(0.0, np.cumsum(weights[reach + 1 :]))
    before = np.full(count, side[-1])
    before[: len(side)] = side[:count]
    found: Float64s = largest * (_weighted_sums(y / largest, weights, reach) / (1.0 + before + before[::-1]))
    return found


def _weighted_sums(values: Float64s, weights: Float64s, reach: int) -> Float64s:
    """Σ_k weights[k] values[i + k - reach] of each i, zero beyond the ends: blocks of values times a banded matrix."""
    count = len(values)
    width = max(64, 2 * reach)
    block_count = -(-count // width)
    padded = np.zeros(block_count * width + 2 * reach)
    padded[reach : reach + count] = values
    windows = np.lib.stride_tricks.sliding_window_view(padded, width + 2 * reach)[::width]
    band = np.zeros((width + 2 * reach, width))
    for place in range(width):
        band[place : place + len(weights), place] = weights
    found: Float64s = (np.ascontiguousarray(windows) @ band).reshape(-1)
    return found[:count]


def running_mean(y: Float64s, width: int) -> Float64s:
    """See the head of this file; y finite.

    Sums from the left and from the right within blocks as wide as the window are added and never subtracted: a spike
    leaves no trace behind the window.
    """
    count = len(y)
    width = min(width, 2 * count)
    if width < 2 or count < 2:
        return y
    before, after = (width - 1) // 2, width // 2
    block_count = -(-(count + width - 1) // width)
    padded = np.zeros(block_count * width)
    padded[before : before + count] = y / width
    blocks = padded.reshape(block_count, width)
    sums = np.ascontiguousarray(np.cumsum(blocks[:, ::-1], axis=1)[:, ::-1]).reshape(-1)[:count]
    from_left = np.cumsum(blocks, axis=1)
    from_left[:, -1] = 0.0  # a window that is a block is whole from the right
    sums += from_left.reshape(-1)[width - 1 : width - 1 + count]
    begins = np.arange(count)
    sizes = np.minimum(begins + after, count - 1) - np.maximum(begins - before, 0) + 1
    found: Float64s = sums * (width / sizes)
    return found
