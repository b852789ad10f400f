"""What a model got wrong: as a picture and as a table."""

from __future__ import annotations

from typing import Any

import runlake
from demo.digits import LABELS, Digits


def confusion_figure(model: Any, digits: Digits, title: str) -> runlake.Image:
    """How often each digit was read as each."""
    from matplotlib.figure import Figure
    from sklearn.metrics import ConfusionMatrixDisplay, confusion_matrix

    counts = confusion_matrix(digits.digit, model.predict(digits.pixels), labels=LABELS)
    figure = Figure(figsize=(4.5, 4.5), layout="tight")
    axes = figure.subplots()
    ConfusionMatrixDisplay(counts, display_labels=LABELS).plot(ax=axes, colorbar=False, cmap="Blues")
    axes.set_title(title)
    return runlake.Image(figure, caption=f"{title}: which digit was read as which")


def mistakes_table(model: Any, digits: Digits) -> runlake.Table:
    """Each digit that was misread, with its picture, the surest mistake first."""
    chances = model.predict_proba(digits.pixels)
    read = chances.argmax(axis=1)
    wrong = [row for row in range(len(read)) if read[row] != digits.digit[row]]
    wrong.sort(key=lambda row: -chances[row, read[row]])
    table = runlake.Table(columns=["picture", "is", "read_as", "confidence"])
    for row in wrong:
        picture = runlake.Image(digits.pixels[row].reshape(8, 8))
        table.add_data(picture, int(digits.digit[row]), int(read[row]), float(chances[row, read[row]]))
    return table
