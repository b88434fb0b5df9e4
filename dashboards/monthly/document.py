"""The printed report as HTML: the words and pictures of its pages, before they are set (press.py)."""

from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from dashboards import numbers
from dashboards.charts import SIDE, Bin, Chart, columns_and_line
from dashboards.choropleth import MEASURES, Choropleth, choropleth
from dashboards.monthly.figures import CHANGE_DAYS, Figures
from dashboards.monthly.outlines import Outlines, outlines_of
from dashboards.monthly.press import STYLES
from dashboards.monthly.words import conditions_of, dictionary, period_of
from dashboards.numbers import RANKED_FROM, WEEKS_BEFORE
from geo import maps
from geo.models import Kecamatan

CATEGORIES = 12
"""How many categories are printed; the workbook has all."""
PROMISES = 10
CHART_WIDTH, CHART_HEIGHT = 1_000.0, 250.0
CODE_LENGTH = 8
"""Of a kecamatan's code, with which the codes of its desa begin."""
COLUMNS, HEAD_LINES = 3, 2
"""Of the desa's page: how many columns, and how many lines a heading takes."""


@dataclass(frozen=True)
class Area:
    """A kecamatan's row, its number on the map, and the colour of its class."""

    number: int
    row: numbers.AreaRow
    year: numbers.AreaRow
    fill: str
    dark: bool
    """Whether its number must be light to be read."""
    path: str = ""
    x: float = 0.0
    y: float = 0.0


@dataclass(frozen=True)
class Key:
    fill: str
    label: str


@dataclass(frozen=True)
class Map:
    title: str
    areas: list[Area]
    key: list[Key]
    outlines: Outlines | None
    scale_km: int
    scale: float
    """The length of `scale_km` in the map's units."""


@dataclass(frozen=True)
class Picture:
    """A chart for paper: columns as (x, y, width, height), the line, its dots, the axis and the labels."""

    columns: list[tuple[float, float, float, float]]
    lines: list[str]
    dots: list[tuple[float, float]]
    ticks: list[tuple[float, int]]
    labels: list[tuple[float, str]]


@dataclass(frozen=True)
class Desa:
    row: numbers.AreaRow
    in_period: int | None


@dataclass(frozen=True)
class DesaGroup:
    kecamatan: str
    rows: list[Desa]


def html_of(figures: Figures, *, edition: int, reason: str = "") -> str:
    """Return the report as HTML, in the language in use. Everything a person typed in it is escaped."""
    return render_to_string("dashboards/monthly/document.html", context_of(figures, edition=edition, reason=reason))


def context_of(figures: Figures, *, edition: int, reason: str) -> dict[str, Any]:
    """Return what the template tells."""
    most = max((row.n or 0 for row in figures.categories), default=0)
    areas = maps.active_areas()
    return {
        "figures": figures,
        "language": get_language(),
        "regency": settings.REGENCY_NAME,
        "site": settings.SITE_URL.rstrip("/"),
        "title": title_of(figures),
        "period": period_of(figures.question),
        "period_before": period_of(figures.before),
        "period_last_year": period_of(figures.last_year),
        "period_year": _("%(first)s to %(last)s")
        % {"first": date_format(figures.year.since, "M Y"), "last": date_format(figures.year.until, "M Y")},
        "conditions": conditions_of(figures.question),
        "edition": edition,
        "reason": reason,
        "areas": areas,
        "map": map_of(figures, areas),
        "trend": picture([Bin(date_format(one.first, "M"), one.n, one.last_year) for one in figures.trend]),
        "flow": picture([Bin(date_format(one.first, "M"), one.came, one.went) for one in figures.flow]),
        "categories": [
            (row, round(100 * (row.n or 0) / most) if most else 0) for row in figures.categories[:CATEGORIES]
        ],
        "categories_more": len(figures.categories) - CATEGORIES,
        "months": list(zip_longest(figures.trend, figures.flow)),
        "promises": figures.promises[:PROMISES],
        "ranked": [row for row in figures.agencies if row.rank is not None],
        "unranked": [row for row in figures.agencies if row.rank is None],
        "desa": desa_of(figures),
        "population_sources": sorted({row.population_source for row in figures.kecamatan if row.population_source}),
        "dictionary": dictionary(),
        "ranked_from": RANKED_FROM,
        "change_days": CHANGE_DAYS,
        "times_before": WEEKS_BEFORE,
        "with_received": sum(1 for row in figures.kecamatan if row.n),
    }


def title_of(figures: Figures) -> str:
    """Return the report's title."""
    return _("Citizens' reports, %(period)s") % {"period": period_of(figures.question)}


def map_of(figures: Figures, areas: maps.Areas | None) -> Map:
    """Return the map of the period's reports: classes and words as on the screen, numbered by name."""
    coloured: Choropleth = choropleth(figures.kecamatan, MEASURES["count"])
    points = {one["code"]: (one["lon"], one["lat"]) for one in areas.kecamatan} if areas else {}
    outlines = outlines_of(figures.boundaries, points)
    paths = {one.code: one for one in outlines.areas} if outlines else {}
    colours = tokens()
    year = {row.code: row for row in figures.kecamatan_year}
    rows = []
    for number, row in enumerate(figures.kecamatan, 1):
        token = coloured.colours[row.code].token
        drawn = paths.get(row.code)
        rows.append(
            Area(
                number,
                row,
                year[row.code],
                colours[token],
                token in {"scale-4", "scale-5"},
                *((drawn.path, drawn.x, drawn.y) if drawn else ()),
            )
        )
    return Map(
        title=str(coloured.measure.title),
        areas=rows,
        key=[Key(colours[one.token], one.label) for one in coloured.classes],
        outlines=outlines,
        scale_km=50,
        scale=round(50 * 1_000 / outlines.km, 1) if outlines else 0.0,
    )


def picture(bins: list[Bin]) -> Picture | None:
    """Return a chart (charts.py) stretched to paper; None without bins."""
    if not bins:
        return None
    chart: Chart = columns_and_line(bins)
    across, down = CHART_WIDTH / SIDE, CHART_HEIGHT / SIDE

    def at(x: float, y: float) -> tuple[float, float]:
        return round(x * across, 1), round(y * down, 1)

    return Picture(
        columns=[(*at(one.x, one.y), *at(one.width, one.height)) for one in chart.columns],
        lines=[
            " ".join("{},{}".format(*at(*(float(text) for text in corner.split(",")))) for corner in line.split())
            for line in chart.lines
        ],
        dots=[at(x, y) for x, y in chart.dots],
        ticks=[(round(y * down, 1), tick) for y, tick in zip(chart.grid, chart.ticks, strict=True)],
        labels=[
            (round((place + 0.5) * CHART_WIDTH / len(bins), 1), text) for place, text in enumerate(chart.labels) if text
        ],
    )


def desa_of(figures: Figures) -> list[list[DesaGroup]]:
    """Return the desa by kecamatan, by name, in three columns of about equal length; those without a desa come last."""
    names = dict(Kecamatan.objects.values_list("code", "name"))
    groups: dict[str, list[Desa]] = {}
    for row in figures.desa:
        groups.setdefault(row.code[:CODE_LENGTH], []).append(Desa(row, figures.desa_period.get(row.code, 0)))
    last = groups.pop("", None)
    found = [DesaGroup(names[code], rows) for code, rows in groups.items()]
    found.sort(key=lambda group: group.kecamatan)
    if last:
        found.append(DesaGroup(_("Without a desa"), last))
    return _in_columns(found)


def _in_columns(groups: list[DesaGroup]) -> list[list[DesaGroup]]:
    """Fill columns with whole groups, in order: each up to its share of the lines."""
    share = sum(len(group.rows) + HEAD_LINES for group in groups) / COLUMNS
    columns: list[list[DesaGroup]] = [[] for _column in range(COLUMNS)]
    lines = 0.0
    for group in groups:
        length = len(group.rows) + HEAD_LINES
        columns[min(COLUMNS - 1, int((lines + length / 2) / share))].append(group)
        lines += length
    return [column for column in columns if column]


def tokens() -> dict[str, str]:
    """Return the colours of paper by name: those of tokens.css, where they are named once."""
    light = (STYLES / "tokens.css").read_text(encoding="utf-8").partition("}")[0]
    pairs = (line.strip().rstrip(";").partition(":") for line in light.splitlines() if line.strip().startswith("--"))
    return {name[2:]: value.partition("/*")[0].strip(" ;") for name, _colon, value in pairs}
