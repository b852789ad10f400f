"""Arrays of any kind as pixels: uint8[height, width, channels] with 1 to 4 channels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError
from runlake.media.arrays import as_array, is_torch, lowest_and_highest
from runlake.media.left_out import say_once

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

CHANNEL_COUNTS = (1, 2, 3, 4)
"""Grey, grey + alpha, RGB, RGBA."""

_GRID_COLUMN_COUNT, _GRID_GAP = 8, 2


def pixels_of(array: Any, *, normalize: bool = True) -> npt.NDArray[np.uint8]:
    """An array (height × width, or with channels last) or a torch tensor (channels first) as pixels.

    Booleans: true is 255. Whole numbers are 0…255 already. Floats: 0…1 becomes 0…255; a highest value above 1 says that
    they are 0…255 already. Numbers below zero, as normalised network inputs are, or above 255, as 16 bits of a camera:
    lowest…highest is stretched to 0…255, and where that is not what networks do, it is said once.
    With `normalize` off, all numbers are taken as 0…255 and clipped. NaN is black, infinities are the lowest and the
    highest value.
    A tensor with four dimensions is a batch and becomes a grid of eight columns.
    """
    import numpy as np

    values = as_array(array, "an image")
    if is_torch(array):
        values = _channels_last(values)
    shape = values.shape
    if values.ndim == 2:
        values = values[:, :, np.newaxis]
    if values.ndim != 3 or values.shape[2] not in CHANNEL_COUNTS:
        hint = (
            "; channels come last: use array.transpose(1, 2, 0)"
            if len(shape) == 3 and shape[0] in CHANNEL_COUNTS
            else ""
        )
        raise BadValueError(
            f"an image cannot be made of an array of shape {shape}; "
            f"give height × width, or height × width × 1, 3 or 4{hint}"
        )
    if 0 in values.shape:
        raise BadValueError(f"an image cannot be made of an array of shape {shape}: it has no pixels")
    return _samples(values, normalize)


def _channels_last(tensor: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if tensor.ndim == 4:
        return _grid([_channels_last(image) for image in tensor])
    if tensor.ndim == 3 and tensor.shape[0] in CHANNEL_COUNTS:
        return tensor.transpose(1, 2, 0)
    return tensor


def _grid(images: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Images of one shape in rows of eight, two pixels of black around each."""
    import numpy as np

    if not images or images[0].ndim != 3:
        raise BadValueError(f"a batch of {len(images)} tensors cannot be drawn; give count × channels × height × width")
    height, width, channel_count = images[0].shape
    columns = min(_GRID_COLUMN_COUNT, len(images))
    rows = math.ceil(len(images) / columns)
    down, across = height + _GRID_GAP, width + _GRID_GAP
    grid = np.zeros((rows * down + _GRID_GAP, columns * across + _GRID_GAP, channel_count), images[0].dtype)
    for index, image in enumerate(images):
        top, left = _GRID_GAP + index // columns * down, _GRID_GAP + index % columns * across
        grid[top : top + height, left : left + width] = image
    return grid


def _samples(values: npt.NDArray[Any], normalize: bool) -> npt.NDArray[np.uint8]:
    import numpy as np

    if values.dtype == np.uint8:
        return values
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind not in "iufO":
        raise BadValueError(f"an image cannot be made of values of type {values.dtype}; give numbers or booleans")
    try:
        numbers = values.astype(np.float64)
    except (TypeError, ValueError) as error:
        raise BadValueError(f"an image cannot be made of values that are no numbers: {error}") from error
    low, high = lowest_and_highest(numbers)
    numbers = np.nan_to_num(numbers, nan=min(low, 0.0), posinf=max(high, 1.0), neginf=low)
    if normalize and (low < 0 or high > 255):
        if high > 255 or values.dtype.kind in "iu":
            say_once(
                "an image of numbers beyond 0…255 was made visible: the lowest is black, the highest white; "
                "scale them to 0…255 where their size matters"
            )
        # Halves keep the span of the largest float64 values finite.
        span = high / 2 - low / 2
        numbers = (numbers / 2 - low / 2) / (span or 1.0) * 255
    elif normalize and high <= 1 and values.dtype.kind not in "iu":
        numbers = numbers * 255
    return numbers.clip(0, 255).round().astype(np.uint8)
