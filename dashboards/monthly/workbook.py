"""The workbook: every number of a report, a sheet for each table. Numbers are numbers, shares 0 to 1 shown as percent.

Texts are written as texts, so that none is a formula; what is hidden is the text that the screen shows, what there is
no number for is empty.
"""

import datetime as dt
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter

from dashboards import numbers
from dashboards.monthly.document import CODE_LENGTH, title_of
from dashboards.monthly.figures import Figures
from dashboards.monthly.words import conditions_of, dictionary, period_of
from dashboards.statistics import Share
from dashboards.templatetags.figures import decimal, listed, shown
from incidents.clock import WITA

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CELL_MAX = 32_000
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_HEAD = Font(bold=True, color="FFFFFF")
_FOREST = PatternFill("solid", fgColor="0F5C4A")
WIDTHS = (8, 12, 60)
"""Characters: of a number's column at least, of a text's, and of any at most."""


@dataclass(frozen=True)
class Column:
    """A heading, and how a row tells its cell."""

    heading: str
    value: Callable[[Any], Any]
    form: str = ""
    """Excel's number format, such as 0.0%."""


@dataclass(frozen=True)
class Sheet:
    title: str
    columns: Sequence[Column]
    rows: Sequence[Any]
    about: str = ""
    """What the rows count, above them."""
    names: dict[str, str] = field(default_factory=dict)


def workbook_of(figures: Figures, *, edition: int, reason: str = "") -> bytes:
    """Return the workbook as XLSX, in the language in use."""
    book = Workbook(write_only=True)
    book.properties.title = title_of(figures)
    book.properties.creator = settings.REGENCY_NAME
    book.properties.created = book.properties.modified = figures.as_of.replace(tzinfo=None)
    _about(book, figures, edition, reason)
    for sheet in sheets_of(figures):
        _write(book, sheet)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def sheets_of(figures: Figures) -> list[Sheet]:
    """Return the sheets with figures, in the order of the pages."""
    period, year = period_of(figures.question), period_of(figures.year)
    return [
        Sheet(
            _("Main figures"),
            [Column(_("Figure"), lambda row: row[0])]
            + [
                Column(heading, lambda row, place=place: row[place])  # type: ignore[misc]
                for place, heading in enumerate(
                    (period, period_of(figures.before), period_of(figures.last_year), year), 1
                )
            ],
            list(_main(figures)),
            _("Each column: reports received in that time, and where they stand now."),
        ),
        Sheet(_("Kecamatan"), _area_columns(), figures.kecamatan, period),
        Sheet(_("Kecamatan, 12 months"), _area_columns(), figures.kecamatan_year, year),
        Sheet(_("Trend"), _trend_columns(), figures.trend, year),
        Sheet(_("In and out"), _flow_columns(), figures.flow, year),
        Sheet(_("Categories"), _category_columns(), figures.categories, period),
        Sheet(_("Changes"), _change_columns(), _changes(figures.changes), _changes_about(figures.changes)),
        Sheet(_("Agencies"), _agency_columns(), figures.agencies, year),
        Sheet(_("Broken promises"), _promise_columns(), figures.promises, year),
        Sheet(_("Desa"), _desa_columns(figures), figures.desa, year),
    ]


# What is told of each kind of row.


def _main(figures: Figures) -> list[tuple[Any, ...]]:
    every = (figures.totals, figures.totals_before, figures.totals_last_year, figures.totals_year)

    def row(name: str, tell: Callable[[numbers.Totals], Any]) -> tuple[Any, ...]:
        return (name, *(tell(totals) for totals in every))

    names = {
        "n": _("Received"),
        "open": pgettext("reports", "Open"),
        "on_hold": _("of them on hold"),
        "overdue": _("of them overdue"),
        "answered": pgettext("reports", "Answered"),
        "closed": pgettext("reports", "Closed"),
        "rejected": pgettext("reports", "Archived"),
        "duplicate": _("Duplicates"),
    }
    found = [row(name, lambda one, key=key: _count(getattr(one, key))) for key, name in names.items()]  # type: ignore[misc]
    for key, name in (("overdue_share", _("Overdue share")), ("on_time", _("Answered in time"))):
        for part, label in (
            ("rate", "%"),
            ("k", "k"),
            ("n", "n"),
            ("low", _("Interval, from")),
            ("high", _("Interval, to")),
        ):
            found.append(
                row(f"{name}, {label}", lambda one, key=key, part=part: _part(getattr(one, key), part))  # type: ignore[misc]
            )
    steps = {
        "verify": _("Days to forwarding"),
        "respond": _("Days to the first response"),
        "resolve": _("Days to the answer"),
    }
    for key, name in steps.items():
        for part, label in (("median_days", _("median")), ("p90_days", _("nine of ten within")), ("n", "n")):
            found.append(
                row(f"{name}, {label}", lambda one, key=key, part=part: getattr(getattr(one, key), part, None))  # type: ignore[misc]
            )
    return found


def _share_columns(name: str, tell: Callable[[Any], Share]) -> list[Column]:
    return [
        Column(name, lambda row: _part(tell(row), "rate"), "0.0%"),
        Column(f"{name}: k", lambda row: _part(tell(row), "k")),
        Column(f"{name}: n", lambda row: _part(tell(row), "n")),
        Column(f"{name}: {_('Interval, from')}", lambda row: _part(tell(row), "low"), "0.0%"),
        Column(f"{name}: {_('Interval, to')}", lambda row: _part(tell(row), "high"), "0.0%"),
    ]


def _resolve_columns() -> list[Column]:
    return [
        Column(_("Days, median"), lambda row: row.resolve.median_days if row.resolve else None, "0.0"),
        Column(_("Days, nine of ten within"), lambda row: row.resolve.p90_days if row.resolve else None, "0.0"),
        Column(_("n answered"), lambda row: row.resolve.n if row.resolve else None),
    ]


def _counts() -> list[Column]:
    return [
        Column(_("Received"), lambda row: _listed(row.n)),
        Column(pgettext("reports", "Open"), lambda row: _beside(row.n, row.open)),
        Column(_("Overdue"), lambda row: _beside(row.n, row.overdue)),
    ]


def _area_columns() -> list[Column]:
    return [
        Column(_("Code"), lambda row: row.code),
        Column(_("Name"), lambda row: row.name),
        *_counts(),
        *_share_columns(_("Overdue share"), lambda row: row.overdue_share),
        Column(_("People"), lambda row: row.population),
        Column(_("Source of the people"), lambda row: row.population_source),
        Column(_("per 1,000 people"), lambda row: row.per_1000, "0.0"),
        *_resolve_columns(),
    ]


def _trend_columns() -> list[Column]:
    return [
        Column(_("From"), lambda row: row.first),
        Column(_("Until"), lambda row: row.last),
        Column(_("Received"), lambda row: _listed(row.n)),
        Column(_("A year before"), lambda row: _count(row.last_year)),
    ]


def _flow_columns() -> list[Column]:
    return [
        Column(_("From"), lambda row: row.first),
        Column(_("Until"), lambda row: row.last),
        Column(pgettext("reports", "In"), lambda row: row.came),
        Column(pgettext("reports", "Out"), lambda row: row.went),
        Column(_("Waiting at its end"), lambda row: row.backlog),
    ]


def _category_columns() -> list[Column]:
    return [
        Column(_("Code"), lambda row: row.code),
        Column(_("Category"), lambda row: row.name),
        Column(_("Group"), lambda row: row.group),
        Column(_("Received"), lambda row: _count(row.n)),
        *_share_columns(pgettext("share", "of all"), lambda row: row.share),
        Column(_("A year before"), lambda row: _count(row.last_year)),
        Column(pgettext("reports", "Open"), lambda row: _count(row.open)),
        Column(_("Overdue"), lambda row: _count(row.overdue)),
    ]


def _changes(changes: numbers.Changes) -> list[numbers.Change]:
    return ([changes.total] if changes.total else []) + changes.rows


def _changes_about(changes: numbers.Changes) -> str:
    return _(
        "From %(first)s to %(last)s, against the times before; %(compared)d compared, dispersion %(spread)s. The"
        " first row is all together."
    ) % {
        "first": changes.first.isoformat(),
        "last": changes.last.isoformat(),
        "compared": changes.compared,
        "spread": decimal(changes.dispersion),
    }


def _change_columns() -> list[Column]:
    return [
        Column(_("Kind"), lambda row: row.kind),
        Column(_("Code"), lambda row: row.code),
        Column(_("Name"), lambda row: row.name),
        Column(_("Received"), lambda row: row.n),
        Column(_("before, each time"), lambda row: row.mean, "0.0"),
        Column(_("By chance, from"), lambda row: row.low),
        Column(_("By chance, to"), lambda row: row.high),
        Column(_("Direction"), lambda row: row.direction),
    ]


def _agency_columns() -> list[Column]:
    return [
        Column(_("Rank"), lambda row: row.rank),
        Column(_("Code"), lambda row: row.code),
        Column(_("Short name"), lambda row: row.short_name),
        Column(_("Agency"), lambda row: row.name),
        *_counts(),
        *_share_columns(_("In time"), lambda row: row.on_time),
        *_resolve_columns(),
    ]


def _promise_columns() -> list[Column]:
    return [
        Column(_("Ticket"), lambda row: row.ticket),
        Column(_("Subject"), lambda row: row.title),
        Column(_("Category"), lambda row: row.category),
        Column(_("Kecamatan"), lambda row: row.kecamatan),
        Column(_("Desa"), lambda row: row.desa),
        Column(_("Agency"), lambda row: row.agency),
        Column(_("Received"), lambda row: row.received),
        Column(_("Promised until"), lambda row: row.due),
        Column(_("Working days late"), lambda row: row.late_days),
    ]


def _desa_columns(figures: Figures) -> list[Column]:
    return [
        Column(_("Code"), lambda row: row.code),
        Column(_("Kecamatan code"), lambda row: row.code[:CODE_LENGTH]),
        Column(_("Desa"), lambda row: row.name or _("without a desa")),
        Column(period_of(figures.question), lambda row: _listed(figures.desa_period.get(row.code, 0))),
        *_counts(),
        *_share_columns(_("Overdue share"), lambda row: row.overdue_share),
    ]


# How cells are written.


def _count(n: int | None) -> int | str:
    return shown(None) if n is None else n


def _listed(n: int | None) -> int | str:
    return listed(None) if n is None else n


def _beside(n: int | None, count: int | None) -> int | str:
    """Return a count that stands in the row of `n`: hidden with it."""
    return listed(None) if n is None else _count(count)


def _part(share: Share, name: str) -> float | None:
    """Return a share's part; None where there is nothing to divide by, or where it is hidden."""
    return getattr(share, name) if share.n else None


def _write(book: Workbook, sheet: Sheet) -> None:
    made = book.create_sheet(_fitting_title(sheet.title))
    made.freeze_panes = "A3"
    cells = [[column.value(row) for column in sheet.columns] for row in sheet.rows]
    for place, column in enumerate(sheet.columns):
        texts = [str(row[place]) for row in cells if isinstance(row[place], str)]
        least = WIDTHS[1] if texts else WIDTHS[0]
        longest = max([least, min(len(column.heading), 24), *(len(text) + 1 for text in texts)])
        made.column_dimensions[get_column_letter(place + 1)].width = min(longest, WIDTHS[2])
    made.append([_cell(made, sheet.about)])
    made.append([_head(made, column.heading) for column in sheet.columns])
    for row in cells:
        made.append([_cell(made, value, column.form) for value, column in zip(row, sheet.columns, strict=True)])


def _about(book: Workbook, figures: Figures, edition: int, reason: str) -> None:
    made = book.create_sheet(_fitting_title(_("Read first")))
    made.column_dimensions["A"].width, made.column_dimensions["B"].width = 28, 24
    made.column_dimensions["C"].width = 100
    edition_of = figures.boundaries
    facts = [
        (_("Title"), title_of(figures)),
        (_("Regency"), settings.REGENCY_NAME),
        (_("Period"), period_of(figures.question)),
        (_("12 months"), period_of(figures.year)),
        (_("Only"), ", ".join(conditions_of(figures.question)) or "–"),
        (_("Question"), figures.question.query_string()),
        (_("The same question now"), figures.address),
        (_("Figures as of"), figures.as_of.astimezone(WITA).isoformat(timespec="seconds")),
        (_("Edition"), edition),
        (_("Reason"), reason or "–"),
        (_("Boundaries"), f"{edition_of.name} ({edition_of.licence})" if edition_of else "–"),
        (_("Counted"), _("Public reports only; confidential ones are not among them.")),
        (_("Empty cells"), _("There is nothing to divide by, or the figure is hidden with its count.")),
    ]
    for name, value in facts:
        made.append([_cell(made, name, bold=True), _cell(made, value)])
    made.append([])
    made.append([_head(made, text) for text in (_("Figure"), _("Unit"), _("What it is"))])
    for one in dictionary():
        made.append([_cell(made, text) for text in (one.name, one.unit, one.text)])


def _fitting_title(title: str) -> str:
    return re.sub(r"[\[\]:*?/\\]", " ", title)[:31]


def _head(sheet: Any, text: str) -> Any:
    made = _cell(sheet, text)
    made.font, made.fill, made.alignment = _HEAD, _FOREST, Alignment(wrap_text=True, vertical="top")
    return made


def _cell(sheet: Any, value: Any, form: str = "", *, bold: bool = False) -> Any:
    """Return a cell: numbers and days as such, everything else as text, whatever it begins with."""
    if isinstance(value, str):
        made = WriteOnlyCell(sheet, _CONTROL.sub("", value)[:CELL_MAX])
        made.data_type = "s"
    else:
        made = WriteOnlyCell(sheet, value)
        if form and isinstance(value, (int, float)):
            made.number_format = form
        elif isinstance(value, dt.date):
            made.number_format = "yyyy-mm-dd"
    if bold:
        made.font = Font(bold=True)
    return made
