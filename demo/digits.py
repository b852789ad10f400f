"""The data: 1,797 handwritten digits of 8 × 8 pixels that ship inside scikit-learn, split once and for all."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LABELS = np.arange(10)


@dataclass(frozen=True)
class Digits:
    """Pixels float64[n, 64] from 0 to 1, and the digit int64[n] that each row shows."""

    pixels: NDArray[np.float64]
    digit: NDArray[np.int64]

    def batches(self, size: int, random: np.random.Generator) -> Iterator[Digits]:
        """All digits once, shuffled, `size` at a time."""
        order = random.permutation(len(self.digit))
        for start in range(0, len(order), size):
            chosen = order[start : start + size]
            yield Digits(self.pixels[chosen], self.digit[chosen])


def load_digits() -> tuple[Digits, Digits]:
    """Three quarters to train on, one to validate with."""
    from sklearn.datasets import load_digits as load

    data = load()
    pixels = data.data / 16.0
    order = np.random.default_rng(0).permutation(len(pixels))
    cut = len(order) * 3 // 4
    train, validation = order[:cut], order[cut:]
    return Digits(pixels[train], data.target[train]), Digits(pixels[validation], data.target[validation])
