"""A sheet to draw on, as SVG: its colours for light and dark, its letters, and the marks that charts are made of."""

from __future__ import annotations

import html
import re
import unicodedata

LIGHT = ("#2563b8", "#c9540c", "#17804f", "#a3328f", "#8a6a00", "#0b7f8f", "#c22a48", "#6250c4")
DARK = ("#74aaff", "#ff9a5c", "#5fcf94", "#ec95da", "#dcb84a", "#55cad8", "#ff8699", "#ac9dff")
"""Colours of series in the order they are used, told apart by people who see no red or green, with enough contrast."""

_DASHES = ("", "7 4", "2 3", "10 3 2 3")
"""A series beyond the colours takes the first one again, dashed."""

_LIGHT_ROLES = {
    "surface": "#fff", "ink": "#1c2128", "muted": "#59636e", "grid": "#e6e9ed", "axis": "#aab2bc", "on": "#fff"
}  # fmt: skip
_DARK_ROLES = {
    "surface": "#15181d", "ink": "#e8ebef", "muted": "#9aa4b0", "grid": "#2a3038", "axis": "#59636e", "on": "#10141a"
}  # fmt: skip


def _rules(roles: dict[str, str], series: tuple[str, ...]) -> str:
    """The colours as style rules. Without variables, which many programs that show SVG do not know."""
    marks = {
        ".surface": f"fill:{roles['surface']}",
        "text": f"fill:{roles['muted']}",
        ".name,.rlp .title": f"fill:{roles['ink']}",
        ".on": f"fill:{roles['on']}",
        ".empty": f"fill:{roles['grid']}",
        ".grid": f"stroke:{roles['grid']}",
        ".axis,.rlp .chance": f"stroke:{roles['axis']}",
    }
    for place, color in enumerate(series):
        marks |= {f".f{place}": f"fill:{color}", f".s{place}": f"stroke:{color}"}
    return "".join(f".rlp {mark}{{{rule}}}" for mark, rule in marks.items())


_STYLE = (
    ".rlp{font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}.rlp text{font-size:12px}"
    ".rlp .title{font-size:15px;font-weight:600}.rlp .end{text-anchor:end}.rlp .middle{text-anchor:middle}"
    ".rlp path{fill:none}.rlp .chance{stroke-dasharray:4 4}"
    ".rlp .line{stroke-width:2;stroke-linejoin:round;stroke-linecap:round}" + _rules(_LIGHT_ROLES, LIGHT)
)
_DARK_STYLE = f"@media(prefers-color-scheme:dark){{{_rules(_DARK_ROLES, DARK)}}}"

_NOT_IN_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def text_width(text: str, size: float = 12) -> float:
    """About how wide a text is, in pixels: fonts differ, so room is given generously."""
    ems = sum(1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.56 for letter in text)
    return ems * size


def cut(text: str, width: float) -> str:
    """The text, or as much of it as fits with an ellipsis."""
    if text_width(text) <= width:
        return text
    while text and text_width(text + "…") > width:
        text = text[:-1]
    return text.rstrip() + "…"


def escape(text: str) -> str:
    """Any text as text of an XML document."""
    return html.escape(_NOT_IN_XML.sub("�", text))


def px(value: float) -> str:
    """A place on the sheet, to a tenth of a pixel."""
    return f"{value:.1f}".removesuffix(".0")


def fill_of(place: int) -> str:
    """The style that fills with the colour of a series."""
    return f"f{place % len(LIGHT)}"


class Canvas:
    """Marks in the order they are drawn; the later ones lie on top. Places are pixels from the top left."""

    def __init__(self) -> None:
        self._marks: list[str] = []

    def text(self, x: float, y: float, text: str, *, style: str = "", turn: float = 0, full: str = "") -> None:
        """A line of text whose baseline begins at a place; `style` names classes, `full` is shown on pointing."""
        turned = f' transform="rotate({px(turn)} {px(x)} {px(y)})"' if turn else ""
        named = f' class="{style}"' if style else ""
        tip = f"<title>{escape(full)}</title>" if full and full != text else ""
        self._marks.append(f'<text x="{px(x)}" y="{px(y)}"{named}{turned}>{escape(text)}{tip}</text>')

    def line(self, x1: float, y1: float, x2: float, y2: float, style: str) -> None:
        """A straight line."""
        self._marks.append(f'<path class="{style}" d="M{px(x1)} {px(y1)}L{px(x2)} {px(y2)}"/>')

    def path(self, pieces: list[list[tuple[float, float]]], place: int) -> None:
        """The line of a series in pieces, a gap between each two."""
        data = "".join("M" + "L".join(f"{px(x)} {px(y)}" for x, y in piece) for piece in pieces if len(piece) > 1)
        if data:
            dash = _DASHES[place // len(LIGHT) % len(_DASHES)]
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            self._marks.append(f'<path class="line s{place % len(LIGHT)}"{dashed} d="{data}"/>')

    def dot(self, x: float, y: float, style: str, radius: float, tip: str = "", opacity: float = 1) -> None:
        """A round point."""
        faint = f' fill-opacity="{opacity:g}"' if opacity < 1 else ""
        mark = f'<circle cx="{px(x)}" cy="{px(y)}" r="{radius:g}" class="{style}"{faint}'
        self._marks.append(f"{mark}><title>{escape(tip)}</title></circle>" if tip else f"{mark}/>")

    def box(
        self,
        x: float,
        y: float,
        width: float,
        height: float,
        style: str,
        *,
        tip: str = "",
        opacity: float = 1,
        round: float = 0,
    ) -> None:
        """A filled box."""
        faint = f' fill-opacity="{opacity:.3g}"' if opacity < 1 else ""
        corner = f' rx="{round:g}"' if round else ""
        mark = f'<rect x="{px(x)}" y="{px(y)}" width="{px(width)}" height="{px(height)}"{corner} class="{style}"{faint}'
        self._marks.append(f"{mark}><title>{escape(tip)}</title></rect>" if tip else f"{mark}/>")

    def finish(self, width: float, height: float, label: str, *, is_light: bool = False, line_width: float = 2) -> str:
        """The SVG file; `label` is what it is called for those who do not see it. With `is_light` it is never dark."""
        size = f'width="{px(width)}" height="{px(height)}" viewBox="0 0 {px(width)} {px(height)}"'
        style = _STYLE if is_light else _STYLE + _DARK_STYLE
        if line_width != 2:
            style += f".rlp .line{{stroke-width:{line_width:g}}}"
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="rlp" {size} role="img" aria-label="{escape(label)}">'
            f'<style>{style}</style><rect width="100%" height="100%" class="surface"/>'
            + "".join(self._marks)
            + "</svg>\n"
        )
