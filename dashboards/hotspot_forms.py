"""What the reader of the page on concentration can set: the question, the cells, what is compared, and the ways on."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Agency
from dashboards.concentration import Asked, facilities
from dashboards.controls import Choice, Pairs, Select, TypedForm, Way, category_choices
from dashboards.questions import MONTHS, Audience, DayField, Question, codes_field, months_before
from dashboards.study_area import FIRST_GRID, GRIDS
from incidents.models import Category

COUNTS, SMOOTH, SPOTS, DEVELOPMENT = VIEWS = ("counts", "smooth", "spots", "development")
VIEW_TITLES = {
    COUNTS: gettext_lazy("Reports in each cell"),
    SMOOTH: gettext_lazy("Smoothed"),
    SPOTS: gettext_lazy("Hot and cold spots"),
    DEVELOPMENT: gettext_lazy("Emerging, lasting, fading"),
}
BANDWIDTHS_KM = (10, 5, 20)
"""The first is meant unless told."""


class HotspotForm(TypedForm):
    """A question about cells. Cells are places of the whole regency, so areas and channels are no conditions here."""

    kecamatan = None  # type: ignore[assignment]
    desa = None  # type: ignore[assignment]
    channel = None  # type: ignore[assignment]
    view = forms.ChoiceField(choices=list(VIEW_TITLES.items()), required=False, label=gettext_lazy("Map shows"))
    grid = forms.ChoiceField(
        choices=[(name, grid.title) for name, grid in GRIDS.items()], required=False, label=gettext_lazy("Cells")
    )
    bandwidth = forms.TypedChoiceField(
        choices=[(km, f"{km} km") for km in BANDWIDTHS_KM],
        coerce=int,
        required=False,
        label=gettext_lazy("Smoothed over"),
    )
    with_since = DayField(label=gettext_lazy("Beside it, from"))
    with_until = DayField(label=gettext_lazy("Beside it, until"))
    with_category = codes_field(Category, gettext_lazy("Beside it, what about"))
    facility = forms.CharField(required=False, max_length=60, label=gettext_lazy("Distance to the nearest of"))
    side = forms.ChoiceField(choices=[("b", "b")], required=False, label=gettext_lazy("Which of two maps"))

    def __init__(self, data: MultiValueDict[str, str] | None = None, *, audience: Audience, **kwargs: Any) -> None:
        self.audience = audience
        super().__init__(data, **kwargs)

    def clean_agency(self) -> Any:
        given = self.cleaned_data["agency"]
        if self.audience.name == "agency":
            for agency in given:
                if agency.pk not in self.audience.agency_ids:
                    self.add_error("agency", _("%(agency)s is not yours.") % {"agency": agency.short_name})
        return given

    def clean_facility(self) -> Any:
        slug = self.cleaned_data["facility"]
        if not slug:
            return None
        layer = None if "\x00" in slug else facilities().filter(slug=slug).first()
        if layer is None:
            raise forms.ValidationError(
                _("There is no public layer “%(slug)s”.") % {"slug": slug.replace("\x00", "\\0")}
            )
        return layer

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        first, last = cleaned.get("with_since"), cleaned.get("with_until")
        if first and last and first > last:
            self.add_error("with_until", _("The period ends before it begins."))
        elif bool(first) != bool(last) and not self.errors:
            self.add_error("with_until" if first else "with_since", _("Give both days of the other period."))
        return cleaned

    def question(self, *, audience: Audience, today: dt.date | None = None) -> Question:
        self.cleaned_data |= {"kecamatan": (), "desa": (), "channel": ()}
        question = super().question(audience=audience, today=today)
        if audience.name == "agency" and not question.agencies:
            question = replace(question, agencies=tuple(Agency.objects.filter(pk__in=audience.agency_ids)))
        return question

    def asked(self, today: dt.date | None = None) -> tuple[Asked, Asked | None]:
        """Return what is asked, and what is beside it. The form must be valid."""
        given = self.cleaned_data
        question = self.question(audience=self.audience, today=today)
        one = Asked(question, GRIDS[given["grid"] or FIRST_GRID], given["bandwidth"] or BANDWIDTHS_KM[0])
        if not given["with_since"] and not given["with_category"]:
            return one, None
        beside = question.over(given["with_since"], given["with_until"]) if given["with_since"] else question
        if given["with_category"]:
            beside = replace(beside, categories=tuple(given["with_category"]))
        return one, replace(one, question=beside)

    # What the form's template reads.

    @property
    def carried(self) -> Pairs:
        return [("view", text) for text in self._typed("view")]

    @property
    def dates(self) -> list[tuple[str, str, str, list[str]]]:
        return self._dates("since", "until")

    @property
    def other_dates(self) -> list[tuple[str, str, str, list[str]]]:
        return self._dates("with_since", "with_until")

    @cached_property
    def selects(self) -> list[Select]:
        agencies = Agency.objects.filter(active=True)
        if self.audience.name == "agency":
            agencies = agencies.filter(pk__in=self.audience.agency_ids)
        return [
            self._select("category", _("Everything"), list(category_choices())),
            self._select("agency", _("All agencies"), [Choice(one.code, one.name) for one in agencies]),
            self._select(
                "grid",
                str(GRIDS[FIRST_GRID].title),
                [Choice(name, str(grid.title)) for name, grid in GRIDS.items() if name != FIRST_GRID],
            ),
            self._select(
                "bandwidth", f"{BANDWIDTHS_KM[0]} km", [Choice(str(km), f"{km} km") for km in sorted(BANDWIDTHS_KM[1:])]
            ),
        ]

    @cached_property
    def other_selects(self) -> list[Select]:
        return [self._select("with_category", _("The same"), list(category_choices()))]

    @cached_property
    def facility_select(self) -> list[Select]:
        layers = [Choice(layer.slug, layer.title) for layer in facilities()]
        return [self._select("facility", _("Not measured"), layers)]


@dataclass(frozen=True)
class HotspotControls:
    """The ways on from what is asked and shown."""

    one: Asked
    other: Asked | None
    view: str
    facility: str

    def pairs(self) -> Pairs:
        """Return all that is asked as (name, text), in canonical order, without what is meant anyway."""
        found = self.one.question.pairs()
        if self.one.grid.name != FIRST_GRID:
            found.append(("grid", self.one.grid.name))
        if self.one.bandwidth_km != BANDWIDTHS_KM[0]:
            found.append(("bandwidth", str(self.one.bandwidth_km)))
        if self.other:
            mine, theirs = self.one.question, self.other.question
            if (mine.since, mine.until) != (theirs.since, theirs.until):
                found += [("with_since", theirs.since.isoformat()), ("with_until", theirs.until.isoformat())]
            if mine.categories != theirs.categories:
                found += [("with_category", code) for code in sorted(one.code for one in theirs.categories)]
        return [*found, *([("facility", self.facility)] if self.facility else [])]

    def query(self, pairs: Iterable[tuple[str, str]] | None = None, **more: str) -> str:
        """Return the query string of these pairs (unless told, all that is asked), in the present view."""
        kept = self.pairs() if pairs is None else list(pairs)
        shown = {"view": self.view} | more
        if shown["view"] == COUNTS:
            del shown["view"]
        return urlencode([*((name, text) for name, text in kept if name not in more), *shown.items()])

    @property
    def views(self) -> list[Way]:
        return [Way(str(title), self.query(view=name), name == self.view) for name, title in VIEW_TITLES.items()]

    @property
    def grids(self) -> list[Way]:
        rest = [pair for pair in self.pairs() if pair[0] != "grid"]
        return [
            Way(
                str(grid.title),
                self.query([*rest, ("grid", name)] if name != FIRST_GRID else rest),
                grid == self.one.grid,
            )
            for name, grid in GRIDS.items()
        ]

    @property
    def periods(self) -> list[Way]:
        today = self.one.question.today
        usual = [
            (_("3 months"), months_before(today, 2)),
            (_("12 months"), months_before(today, MONTHS - 1)),
            (_("24 months"), months_before(today, 2 * MONTHS - 1)),
        ]
        now = (self.one.question.since, self.one.question.until)
        rest = [pair for pair in self.pairs() if pair[0] not in {"since", "until", "with_since", "with_until"}]
        return [
            Way(
                label,
                self.query([("since", since.isoformat()), ("until", today.isoformat()), *rest]),
                now == (since, today),
            )
            for label, since in usual
        ]

    @property
    def conditions(self) -> list[Way]:
        """Each active condition in words, with what remains without it."""
        asked = self.one.question
        rows = [("category", one.code, one.name) for one in asked.categories]
        if asked.audience.name != "agency":
            rows += [("agency", one.code, one.short_name) for one in asked.agencies]
        every = self.pairs()
        return [Way(label, self.query(pair for pair in every if pair != (name, code))) for name, code, label in rows]

    @property
    def a_year_before(self) -> str:
        """The query that puts the same months of the year before beside."""
        months = self.one.months
        since = months.since.replace(year=months.since.year - 1)
        end = months_before(months.until, 11) - dt.timedelta(days=1)
        rest = [pair for pair in self.pairs() if not pair[0].startswith("with_")]
        return self.query([*rest, ("with_since", since.isoformat()), ("with_until", end.isoformat())])

    @property
    def alone(self) -> str:
        """The query without what is beside."""
        return self.query(pair for pair in self.pairs() if not pair[0].startswith("with_"))

    @property
    def asked_query(self) -> str:
        """The question for other dashboards."""
        return self.one.question.query_string()

    def reports(self, *more: tuple[str, str]) -> str:
        """Return the query of the list of reports (/laporan/) behind a figure."""
        return urlencode([*self.one.months.pairs(), *more])


def period(asked: Asked) -> str:
    """Return the months in words."""
    months = asked.months
    first, last = (date_format(day, "M Y") for day in (months.since, months.until))
    return first if first == last else _("%(first)s to %(last)s") % {"first": first, "last": last}
