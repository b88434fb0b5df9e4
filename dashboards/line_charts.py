"""Charts of lines and bands over time, as shapes for a template (docs/adr/0060): the flow summed up, the forecast."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from dashboards.charts import SIDE
from dashboards.charts import _axis as axis

LABELS = 6
"""At most so many moments carry a label, which may be a day."""

Span = tuple[float, float] | None
"""The lower and the upper end of a band, or None where there is none."""


@dataclass(frozen=True)
class Moment:
    """One step of time: its label below the chart, the heights of lines, and a band's ends. None: nothing there."""

    label: str
    lines: tuple[float | None, ...]
    band: Span = None


@dataclass(frozen=True)
class LineChart:
    """What a template draws: the pieces of each line, and the band, as points of SVG shapes."""

    lines: list[list[str]]
    band: str
    ticks: list[int]
    labels: list[str]

    @property
    def grid(self) -> list[float]:
        """The heights of the axis' numbers."""
        return [round(SIDE * step / (len(self.ticks) - 1), 2) for step in range(len(self.ticks))]


def lines(moments: Sequence[Moment]) -> LineChart:
    """Return the chart of some moments (one at least), from 0 up; moments stand in the middle of their step."""
    told = [height for one in moments for height in (*one.lines, *(one.band or ())) if height is not None]
    top, steps = axis(math.ceil(max(told, default=0)))
    width = SIDE / len(moments)

    def point(place: int, height: float) -> str:
        return f"{(place + 0.5) * width:.2f},{SIDE - SIDE * height / top:.2f}"

    drawn: list[list[str]] = []
    for number in range(len(moments[0].lines)):
        pieces: list[list[str]] = [[]]
        for place, one in enumerate(moments):
            height = one.lines[number]
            if height is None:
                pieces.append([])
            else:
                pieces[-1].append(point(place, height))
        drawn.append([" ".join(piece) for piece in pieces if len(piece) > 1])
    banded = [(place, one.band) for place, one in enumerate(moments) if one.band]
    edge = [point(place, band[1]) for place, band in banded] + [point(place, band[0]) for place, band in banded[::-1]]
    every = math.ceil(len(moments) / LABELS)
    return LineChart(
        lines=drawn,
        band=" ".join(edge) if len(banded) > 1 else "",
        ticks=[top - top * step // steps for step in range(steps + 1)],
        labels=[one.label if place % every == 0 else "" for place, one in enumerate(moments)],
    )
