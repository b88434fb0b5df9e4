"""What a planner asks of /opd/peta/: a question of whole months, how reports stand, how they are drawn, and an area.

    form = PlannerForm(request.GET, scope=scope_of(request.user))
    if form.is_valid():
        asked = form.asked()                # raises NotYours when only other agencies are asked for
    asked.pairs(), asked.query_string()     # canonical, without what is so anyway

Officers ask about their own agencies, whatever the address says; coordinators and the leadership about all.
"""

import datetime as dt
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.gis.geos import GEOSException, Point, Polygon
from django.utils.datastructures import MultiValueDict
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Agency, User
from dashboards.controls import Choice, Select, TypedForm, category_choices
from dashboards.questions import (
    EARLIEST,
    LATEST,
    LEADERSHIP,
    MONTHS,
    Audience,
    Question,
    audience_of,
    months_before,
    today_wita,
)
from geo import hexagons
from geo.models import Desa, Kecamatan
from incidents.counts import OPEN, Selection
from incidents.models.reports import Status
from incidents.rollups import HEAT_LEVELS, RESOLUTIONS

HEXAGONS, SQUARES, SMOOTH, KECAMATAN = "hexagons", "squares", "smooth", "kecamatan"
SHAPES = [
    (HEXAGONS, gettext_lazy("Hexagons")),
    (SQUARES, gettext_lazy("Squares")),
    (SMOOTH, gettext_lazy("Smooth")),
    (KECAMATAN, gettext_lazy("Kecamatan")),
]
MEASURES = [("n", gettext_lazy("number of reports")), ("per_1000", gettext_lazy("reports per 1,000 people"))]
SIZES = [
    ("1", gettext_lazy("very large, about 250 km²")),
    ("2", gettext_lazy("large, about 36 km²")),
    ("3", gettext_lazy("medium, about 5 km²")),
    ("4", gettext_lazy("small, about 0.7 km²")),
]
SIZE_FIRST, SIZE_INSIDE = "2", "3"
"""The size unless told: for the whole regency, and inside a kecamatan or a desa."""
STANDINGS = [
    ("n", gettext_lazy("all that came in")),
    ("open", gettext_lazy("still open")),
    ("overdue", gettext_lazy("overdue")),
    *Status.choices,
]
AGED = {"open", "overdue", *OPEN}
"""Standings that have an age: reports that still wait."""
AGES = (1, 3, 6, 12)
CORNERS_MAX = 100


class NotYours(Exception):
    """Only agencies are asked for that the person does not work for."""


@dataclass(frozen=True)
class Scope:
    """What a person may ask about: everything, or the reports of some agencies."""

    audience: Audience
    agencies: tuple[Agency, ...]

    @property
    def is_everything(self) -> bool:
        return self.audience == LEADERSHIP


def scope_of(user: User) -> Scope:
    """Return what somebody who works at an agency may ask about."""
    return Scope(audience_of(user), tuple(Agency.objects.filter(pk__in=user.agency_ids())))


@dataclass(frozen=True)
class Cell:
    """A hexagon (`name` is its H3 index) or a square (`name` is level-x-y)."""

    name: str
    hexagon: int | None = None
    square: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class Asked:
    """A planner's question. `question` covers whole months; `question.agencies` are never empty for an officer."""

    question: Question
    standing: str = "n"
    age: int = 0
    """Only reports that wait for longer than so many months; 0 for all."""
    shape: str = HEXAGONS
    size: str = SIZE_FIRST
    measure: str = "n"
    within: Polygon | None = None
    """Of EPSG:4326."""
    cell: Cell | None = None
    everything: bool = False
    """Whether the person sees all agencies: then the address names those that are asked for."""

    def selection(self) -> Selection:
        """Return the question as roll-ups take it. It may end before it begins: then nothing is meant."""
        selection = self.question.selection()
        return (
            replace(selection, last=min(selection.last, came_before(self.question.today, self.age)))
            if self.age
            else selection
        )

    @property
    def is_empty(self) -> bool:
        selection = self.selection()
        return selection.first > selection.last

    @property
    def is_narrowed(self) -> bool:
        """Whether a place is chosen whose reports can be listed."""
        return bool(self.within or self.cell or self.question.kecamatan or self.question.desa)

    @property
    def resolution(self) -> int:
        """The H3 resolution of the size asked for."""
        return RESOLUTIONS[int(self.size) - 1]

    @property
    def level(self) -> int:
        """The quadtree's level of the size asked for."""
        return HEAT_LEVELS[int(self.size) - 1]

    def pairs(self, leave_out: Collection[str] = (), **more: str) -> list[tuple[str, str]]:
        """Return the question as (name, text) pairs in canonical order; `more` replaces, an empty text drops."""
        asked = self.question
        found = [("since", f"{asked.since:%Y-%m}"), ("until", f"{asked.until:%Y-%m}")]
        for name, rows in (("kecamatan", asked.kecamatan), ("desa", asked.desa), ("category", asked.categories)):
            found += [(name, code) for code in sorted(row.code for row in rows)]
        found += [("agency", code) for code in sorted(agency.code for agency in asked.agencies)]
        inside = SIZE_INSIDE if asked.kecamatan or asked.desa else SIZE_FIRST
        found += [
            (name, text)
            for name, text, usual in (
                ("standing", self.standing, "n"), ("age", str(self.age or ""), ""), ("shape", self.shape, HEXAGONS),
                ("size", self.size, inside), ("measure", self.measure, "n"), ("within", self._corners(), ""),
                ("cell", self.cell.name if self.cell else "", ""),
            )
            if text != usual
        ]  # fmt: skip
        kept = [pair for pair in found if pair[0] not in leave_out and pair[0] not in more]
        return kept + [(name, text) for name, text in more.items() if text]

    def query_string(self, leave_out: Collection[str] = (), **more: str) -> str:
        """Return `pairs` as a query string without `?`."""
        return urlencode(self.pairs(leave_out, **more), safe=",;")

    def corners(self) -> list[tuple[float, float]]:
        """Return the drawn area's corners (lon, lat), the first not repeated."""
        return [(x, y) for x, y, *_rest in self.within[0][:-1]] if self.within else []

    def _corners(self) -> str:
        return ";".join(f"{lon:.5f},{lat:.5f}" for lon, lat in self.corners())

    def words(self) -> list[str]:
        """Return the conditions in words, the period first."""
        asked = self.question
        found = [period_words(asked.since, asked.until)]
        found += [str(dict(STANDINGS)[self.standing])] if self.standing != "n" else []
        found += [age_words(self.age, asked.today)] if self.age else []
        found += [area.name for area in asked.kecamatan] + [area.name for area in asked.desa]
        found += [category.name for category in asked.categories]
        found += [agency.short_name for agency in asked.agencies] or [_("all agencies")]
        found += [_("inside the area drawn")] if self.within else []
        found += [_("in cell %(name)s") % {"name": self.cell.name}] if self.cell else []
        return found


def period_words(first: dt.date, last: dt.date) -> str:
    """Return a period of whole months in words."""
    ends = {date_format(day, "M Y"): None for day in (first, last)}
    return " – ".join(ends)


def came_before(today: dt.date, months: int) -> dt.date:
    """Return the last day of the last whole month of which every report is older than `months` months."""
    return months_before(today, months) - dt.timedelta(days=1)


def age_words(months: int, today: dt.date) -> str:
    """Return an age in words, with the day that it means."""
    day = date_format(came_before(today, months), "j M Y")
    if months == 1:
        return _("for more than a month (came by %(day)s)") % {"day": day}
    return _("for more than %(months)d months (came by %(day)s)") % {"months": months, "day": day}


class MonthField(forms.DateField):
    """A month as YYYY-MM, or a day in it, from 2000 to 2199; cleans to its first day."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            input_formats=["%Y-%m", "%Y-%m-%d"],
            required=False,
            error_messages={"invalid": gettext_lazy("Write the month as YYYY-MM, such as 2026-06.")},
            **kwargs,
        )

    def clean(self, value: Any) -> dt.date | None:
        day = super().clean(value)
        if day and not EARLIEST <= day < LATEST:
            raise forms.ValidationError(_("Choose a month from 2000 to 2199."))
        return day.replace(day=1) if day else None


class PlannerForm(TypedForm):
    """The parameters of /opd/peta/."""

    since = MonthField(label=gettext_lazy("From month"))  # type: ignore[assignment]
    until = MonthField(label=gettext_lazy("Until month"))  # type: ignore[assignment]
    channel = None  # type: ignore[assignment]  # cells do not know it
    standing = forms.ChoiceField(choices=STANDINGS, required=False, label=gettext_lazy("Which reports"))
    age = forms.TypedChoiceField(
        choices=[(str(months), months) for months in AGES],
        coerce=int,
        empty_value=None,
        required=False,
        label=gettext_lazy("Waiting"),
    )
    shape = forms.ChoiceField(choices=SHAPES, required=False, label=gettext_lazy("Drawn as"))
    size = forms.ChoiceField(choices=SIZES, required=False, label=gettext_lazy("Size of cells"))
    measure = forms.ChoiceField(choices=MEASURES, required=False, label=gettext_lazy("Colour of kecamatan by"))
    within = forms.CharField(required=False, max_length=4_000, label=gettext_lazy("Drawn area"))
    cell = forms.CharField(required=False, max_length=40, label=gettext_lazy("Cell"))

    def __init__(self, data: MultiValueDict[str, str] | None = None, *, scope: Scope, **kwargs: Any) -> None:
        super().__init__(data, **kwargs)
        self.scope = scope
        self.fields["age"].choices = [(str(months), age_words(months, today_wita())) for months in AGES]  # type: ignore[attr-defined]

    def clean_within(self) -> Polygon | None:
        text = self.cleaned_data["within"]
        return polygon(text) if text else None

    def clean_cell(self) -> Cell | None:
        text = self.cleaned_data["cell"]
        return cell(text) if text else None

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if cleaned.get("age") and "standing" in cleaned and cleaned["standing"] not in AGED:
            self.add_error(
                "age", _("Only open reports wait: choose open, overdue or one of the open statuses as well.")
            )
        return cleaned

    @property
    def dates(self) -> list[tuple[str, str, str, list[str]]]:
        return self._dates("since", "until")

    @cached_property
    def selects(self) -> list[Select]:
        agencies = Agency.objects.filter(active=True) if self.scope.is_everything else self.scope.agencies
        kecamatan = self.cleaned_data.get("kecamatan")
        desa = Desa.objects.filter(kecamatan__in=kecamatan or ())
        found = [
            self._select(
                "kecamatan", _("All kecamatan"), [Choice(one.code, one.name) for one in Kecamatan.objects.all()]
            ),
            self._select("desa", _("All desa"), [Choice(one.code, one.name) for one in desa]) if kecamatan else None,
            self._select("category", _("Everything"), list(category_choices())),
            self._select("standing", "", [Choice(name, str(label)) for name, label in STANDINGS], first="n"),
            self._select("age", _("however long"), [Choice(str(k), age_words(k, today_wita())) for k in AGES]),
        ]
        if len(agencies) > 1:
            every = _("All agencies") if self.scope.is_everything else _("All my agencies")
            found.append(self._select("agency", every, [Choice(one.code, one.name) for one in agencies]))
        return [one for one in found if one]

    @property
    def carried(self) -> list[tuple[str, str]]:
        """What the form has no field for and keeps."""
        shown = {select.name for select in self.selects}
        names = [name for name in ("desa", "shape", "size", "measure", "within", "cell") if name not in shown]
        return [(name, text) for name in names for text in self._typed(name) if not self[name].errors]

    def asked(self, *, today: dt.date | None = None) -> Asked:
        """Return the question of a valid form. Raises NotYours."""
        today = today or today_wita()
        given = self.cleaned_data
        agencies = tuple(given["agency"])
        if not self.scope.is_everything:
            own = {agency.pk for agency in self.scope.agencies}
            agencies = tuple(agency for agency in agencies if agency.pk in own) if agencies else self.scope.agencies
            if not agencies:
                raise NotYours
        last = given["until"] or max(today.replace(day=1), given["since"] or today)
        first = given["since"] or months_before(last, MONTHS - 1)
        inside = given["kecamatan"] or given["desa"]
        question = Question(
            since=first,
            until=months_before(last, -1) - dt.timedelta(days=1),
            kecamatan=tuple(given["kecamatan"]),
            desa=tuple(given["desa"]),
            categories=tuple(given["category"]),
            agencies=agencies,
            audience=self.scope.audience,
            today=today,
        )
        return Asked(
            question,
            standing=given["standing"] or "n",
            age=given["age"] or 0,
            shape=given["shape"] or HEXAGONS,
            size=given["size"] or (SIZE_INSIDE if inside else SIZE_FIRST),
            measure=given["measure"] or "n",
            within=given["within"],
            cell=given["cell"],
            everything=self.scope.is_everything,
        )

    def foreign_agencies(self) -> list[str]:
        """Return the short names of the agencies that were asked for and are not the person's own."""
        if self.scope.is_everything:
            return []
        own = {agency.pk for agency in self.scope.agencies}
        return [agency.short_name for agency in self.cleaned_data.get("agency") or () if agency.pk not in own]


def polygon(text: str) -> Polygon:
    """Return the area with the corners `lon,lat;lon,lat;...` (EPSG:4326). Raises ValidationError."""
    wrong = forms.ValidationError(_("The drawn area cannot be read. Draw it again."))
    try:
        corners = [tuple(float(number) for number in corner.split(",")) for corner in text.split(";") if corner]
    except ValueError:
        raise wrong from None
    if not 3 <= len(corners) <= CORNERS_MAX:
        raise forms.ValidationError(
            _("An area needs 3 to %(most)d corners, and this one has %(n)d.") % {"most": CORNERS_MAX, "n": len(corners)}
        )
    if not all(len(corner) == 2 and -180 <= corner[0] <= 180 and -85 <= corner[1] <= 85 for corner in corners):
        raise wrong
    try:
        found = Polygon([*corners, corners[0]], srid=4326)
    except (GEOSException, ValueError):
        raise wrong from None
    if not found.valid or found.area == 0:
        raise forms.ValidationError(_("The lines of the drawn area cross. Draw it again, corner by corner around it."))
    return found


def cell(text: str) -> Cell:
    """Return the cell that is called `text`. Raises ValidationError."""
    from h3.api import basic_int

    wrong = forms.ValidationError(_("There is no cell “%(name)s” here."), params={"name": text})
    if "-" in text:
        parts = text.split("-")
        if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 9 for part in parts):
            raise wrong
        level, x, y = (int(part) for part in parts)
        if level not in HEAT_LEVELS or not (x < 1 << level and y < 1 << level):
            raise wrong
        return Cell(f"{level}-{x}-{y}", square=(level, x, y))
    if len(text) != 15 or set(text) - set("0123456789abcdef"):
        raise wrong
    number = int(text, 16)
    if not basic_int.is_valid_cell(number) or hexagons.resolution(number) not in RESOLUTIONS:
        raise wrong
    return Cell(text, hexagon=number)


def middle(corners: Sequence[tuple[float, float]]) -> Point:
    """Return the middle of a cell's corners."""
    return Point(sum(x for x, _y in corners) / len(corners), sum(y for _x, y in corners) / len(corners), srid=4326)
