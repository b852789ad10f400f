"""Masks and boxes drawn over a picture, as HTML for notebooks."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Any

from runlake.media.png import encode_png

if TYPE_CHECKING:
    from runlake.media.annotations import Annotations, BoundingBoxes2D, ImageMask

COLORS = ("#4878a8", "#e08030", "#3c9a5f", "#c94f4f", "#8a6bb8", "#8c6d4f", "#d06fa8", "#7f9a1f", "#2fa5b5")
"""A class has the colour at its number; class 0 of a mask, which is the background in most, is not drawn."""

_MASK_ALPHA = 130


def over_picture(picture: str, annotations: Annotations, width: int, height: int) -> str:
    """The HTML of a picture of this size with its annotations over it; `picture` itself where there are none."""
    layers = "".join(_mask_layer(mask, width, height) for mask in annotations.masks.values())
    layers += "".join(_box_layer(boxes, width, height) for boxes in annotations.boxes.values())
    if not layers:
        return picture
    return (
        f'<div style="position:relative;display:inline-block">{picture}<svg viewBox="0 0 {width} {height}" '
        f'preserveAspectRatio="none" style="position:absolute;left:0;top:0;width:100%;height:100%">{layers}</svg></div>'
    )


def color_of(class_id: Any) -> str:
    """The colour of a class."""
    return COLORS[class_id % len(COLORS)] if isinstance(class_id, int) else COLORS[0]


def _mask_layer(mask: ImageMask, width: int, height: int) -> str:
    import numpy as np

    classes = mask.mask_data
    palette = np.array([[*bytes.fromhex(color[1:]), _MASK_ALPHA] for color in COLORS], np.uint8)
    pixels = palette[classes % len(COLORS)]
    pixels[classes == 0] = 0
    png = encode_png(pixels.tobytes(), classes.shape[1], classes.shape[0], 4)
    return (
        f'<image width="{width}" height="{height}" preserveAspectRatio="none" style="image-rendering:pixelated" '
        f'href="data:image/png;base64,{base64.b64encode(png).decode()}"/>'
    )


def _box_layer(boxes: BoundingBoxes2D, width: int, height: int) -> str:
    parts = []
    for box in boxes.box_data:
        is_in_pixels = box.get("domain") == "pixel"
        left, top, right, bottom = _edges(box["position"])
        across, down = (1, 1) if is_in_pixels else (width, height)
        color = color_of(box.get("class_id"))
        name = box.get("box_caption") or boxes.class_labels.get(box.get("class_id", -1), "")
        parts.append(
            f'<rect x="{left * across:.4g}" y="{top * down:.4g}" width="{(right - left) * across:.4g}" '
            f'height="{(bottom - top) * down:.4g}" fill="none" stroke="{color}" stroke-width="2" '
            f'vector-effect="non-scaling-stroke"><title>{html.escape(str(name))}</title></rect>'
            f'<text x="{left * across:.4g}" y="{top * down:.4g}" dy="-0.2em" fill="{color}" '
            f'font-size="{max(height / 20, 1):.4g}" font-family="sans-serif">{html.escape(str(name))}</text>'
        )
    return "".join(parts)


def _edges(position: dict[str, Any]) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of either form of a position."""
    if "middle" in position:
        (x, y), width, height = position["middle"], position["width"], position["height"]
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
    return position["minX"], position["minY"], position["maxX"], position["maxY"]
