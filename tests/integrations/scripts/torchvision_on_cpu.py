"""Lets torchvision be imported beside a PyTorch for CPUs alone.

The wheels of torchvision that package registries have are built for GPUs, and their compiled operators do not load
then; torchvision fails at its import, where it describes the operator ``nms`` to the tracer. Here it is in Python.
"""

import torch

OPERATORS = torch.library.Library("torchvision", "DEF")
for name in ("nms", "qnms"):
    OPERATORS.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


def nms(boxes, scores, iou_threshold):
    """The boxes to keep, best first: each that overlaps a better one by more than the threshold goes."""
    order = scores.argsort(descending=True, stable=True)
    kept = []
    while len(order):
        best, rest = order[0], order[1:]
        kept.append(best)
        low = torch.maximum(boxes[best, :2], boxes[rest, :2])
        high = torch.minimum(boxes[best, 2:], boxes[rest, 2:])
        common = (high - low).clamp(min=0).prod(1)
        areas = (boxes[:, 2:] - boxes[:, :2]).prod(1)
        order = rest[common / (areas[best] + areas[rest] - common) <= iou_threshold]
    return torch.stack(kept) if kept else torch.zeros(0, dtype=torch.long)


OPERATORS.impl("nms", nms, "CPU")

import torchvision.extension  # noqa: E402 (what it describes must be there)

torchvision.extension._has_ops = lambda: True
