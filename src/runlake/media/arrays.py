"""Whatever holds numbers as a numpy array: lists, arrays, tensors of torch and of others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlake.errors import BadValueError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def is_torch(data: Any) -> bool:
    """Whether this is a tensor of torch, which puts channels first."""
    return hasattr(data, "detach")


def as_array(data: Any, what: str) -> npt.NDArray[Any]:
    """`data` as an array of any shape and type; `what` is for messages.

    A tensor is taken off its graph and its device; bfloat16, which numpy lacks, becomes float32, which holds it.
    Raises `BadValueError` where rows are of unequal length, and for what numpy cannot take.
    """
    import numpy as np

    if is_torch(data):
        data = data.detach().cpu()
        if str(data.dtype) == "torch.bfloat16":
            data = data.float()
        data = data.numpy()
    try:
        array = np.asarray(data)
        # An array of objects, as a column of a frame is one, holds numbers as well.
        return np.array(array.tolist()) if array.dtype == object else array
    except (ValueError, TypeError, OverflowError) as error:
        raise BadValueError(f"{what} cannot be made of a {type(data).__name__}: {error}") from error


def plain(data: Any) -> Any:
    """Arrays and tensors as lists; everything else as it is."""
    if is_torch(data):
        data = as_array(data, "a list")
    return data.tolist() if hasattr(data, "tolist") else data


def is_empty(data: Any) -> bool:
    """Whether there is nothing in it: None, or something of length 0, arrays and tensors too."""
    return data is None or (hasattr(data, "__len__") and len(data) == 0)


def lowest_and_highest(numbers: npt.NDArray[np.float64]) -> tuple[float, float]:
    """Of the finite numbers; 0 and 1 where there is none."""
    import numpy as np

    finite = numbers[np.isfinite(numbers)]
    return (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
