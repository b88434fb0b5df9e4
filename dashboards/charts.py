"""Charts as shapes for a template: columns beside a line, over time. The server draws them (docs/adr/0060).

Shapes lie in a square of 100 by 100 that the page stretches; words stand around it as HTML and keep their size.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

SIDE = 100.0
"""Width and height of the square."""
GAP = 0.28
"""How much of a bin's width stays empty."""
LABELS = 13
"""At most so many bins carry a label."""


@dataclass(frozen=True)
class Bin:
    """One step of time: its label below the chart, and two counts; None where a count is not told."""

    label: str
    column: int | None
    line: int | None


@dataclass(frozen=True)
class Rectangle:
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Chart:
    """What a template draws. `ticks` are the axis' numbers from the top down; `labels` has one text for each bin."""

    columns: list[Rectangle]
    lines: list[str]
    """Pieces of the line as the points of SVG polylines: a new piece begins after a count that is not told."""
    dots: list[tuple[float, float]]
    ticks: list[int]
    labels: list[str]

    @property
    def grid(self) -> list[float]:
        """The heights of the axis' numbers."""
        return [round(SIDE * step / (len(self.ticks) - 1), 2) for step in range(len(self.ticks))]


def columns_and_line(bins: Sequence[Bin]) -> Chart:
    """Return the chart of some bins (one at least): columns for the first count, a line for the second."""
    told = [n for one in bins for n in (one.column, one.line) if n is not None]
    top, steps = _axis(max(told, default=0))
    width = SIDE / len(bins)
    columns, dots = [], []
    pieces: list[list[tuple[float, float]]] = [[]]
    for place, one in enumerate(bins):
        if one.column:
            height = SIDE * one.column / top
            left = place * width + width * GAP / 2
            columns.append(Rectangle(*(round(x, 2) for x in (left, SIDE - height, width * (1 - GAP), height))))
        if one.line is None:
            pieces.append([])
            continue
        dot = (round((place + 0.5) * width, 2), round(SIDE - SIDE * one.line / top, 2))
        pieces[-1].append(dot)
        dots.append(dot)
    every = math.ceil(len(bins) / LABELS)
    return Chart(
        columns=columns,
        lines=[" ".join(f"{x},{y}" for x, y in piece) for piece in pieces if len(piece) > 1],
        dots=dots,
        ticks=[top - top * step // steps for step in range(steps + 1)],
        labels=[one.label if place % every == 0 else "" for place, one in enumerate(bins)],
    )


def _axis(highest: int) -> tuple[int, int]:
    """Return where the axis ends (1, 2 or 5 times a power of ten, or 4 of them) and in how many steps."""
    power = 1
    while True:
        for factor, steps in ((2, 2), (4, 4), (5, 5), (10, 5)):
            if highest <= factor * power:
                return factor * power, steps
        power *= 10
