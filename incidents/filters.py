"""The one query over reports that list, map, tiles and API share.

    found = ReportFilter(request.GET, queryset=Report.objects.public())
    found.qs, found.errors, found.unknown_parameters(), found.query_string(), found.chips()

The caller gives the queryset that the person may see; a filter only narrows it. Dates are days in WITA, `bbox` is
west,south,east,north in degrees (EPSG:4326).
"""

import datetime as dt
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

import django_filters
from django import forms
from django.contrib.gis.geos import Polygon
from django.contrib.postgres.search import SearchQuery
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db.models import Q
from django.utils.datastructures import MultiValueDict
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.models import Agency
from geo.errors import ParameterError
from geo.models import Desa, Kecamatan
from geo.params import BBox, parse_bbox
from incidents import tickets
from incidents.clock import WITA
from incidents.errors import MistypedTicket
from incidents.models import Category, Report
from incidents.models.categories import Kind
from incidents.models.reports import Status

MERCATOR_LAT = 85.06
"""Degrees; EPSG:3857 ends there."""


UNKNOWN = _("There is no “%(value)s” here.")
CHOICES: dict[str, Any] = {"distinct": False, "error_messages": {"invalid_choice": UNKNOWN}}


class BBoxField(forms.CharField):
    """`west,south,east,north` in degrees; cleans to a `BBox`, or None when empty."""

    def to_python(self, value: Any) -> BBox | None:  # type: ignore[override]
        text = super().to_python(value)
        try:
            return parse_bbox(text) if text else None
        except ParameterError as error:
            raise forms.ValidationError(str(error), code="bbox") from None


class BBoxFilter(django_filters.Filter):
    field_class = BBoxField

    def filter(self, qs: Any, value: BBox | None) -> Any:
        if value is None:
            return qs
        west, south, east, north = value
        box = Polygon.from_bbox((west, max(south, -MERCATOR_LAT), east, min(north, MERCATOR_LAT)))
        box.srid = 4326  # the lookup transforms this literal, never the indexed column
        return qs.filter(geom_3857__bboverlaps=box)


class CodesField(forms.ModelMultipleChoiceField):
    """Rows by their codes; an unknown code is an error that names it."""

    default_error_messages = {"invalid_choice": UNKNOWN}

    def clean(self, value: Any) -> list[Any]:  # type: ignore[override]
        for text in value or ():
            if "\x00" in str(text):  # the database driver refuses it with an error of its own
                raise forms.ValidationError(self.error_messages["invalid_choice"], "invalid_choice", {"value": "\\0"})
        return list(super().clean(value))


class CodesFilter(django_filters.ModelMultipleChoiceFilter):
    field_class = CodesField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, distinct=False, to_field_name="code", **kwargs)

    def filter(self, qs: Any, value: Collection[Any]) -> Any:
        return qs.filter(**{f"{self.field_name}__in": [row.pk for row in value]}) if value else qs


class CategoryFilter(CodesFilter):
    """Categories by their codes; a group stands for its children."""

    def filter(self, qs: Any, value: Collection[Category]) -> Any:
        return qs.filter(category__in=leaf_ids(value)) if value else qs


DAYS: dict[str, Any] = {
    "input_formats": ["%Y-%m-%d"],
    "error_messages": {"invalid": _("This is no day. Write year, month and day, such as 2026-11-30.")},
    "validators": [MinValueValidator(dt.date(1900, 1, 1)), MaxValueValidator(dt.date(2200, 1, 1))],
}


@dataclass(frozen=True)
class Chip:
    """One active condition in words, and the query string that remains without it."""

    name: str
    text: str
    without: str


class Conditions(forms.Form):
    """The conditions together."""

    def clean(self) -> dict[str, Any]:
        since, until = self.cleaned_data.get("since"), self.cleaned_data.get("until")
        if since and until and until < since:
            self.add_error("until", gettext("The period ends before it begins."))
        return self.cleaned_data


class ReportFilter(django_filters.FilterSet):
    """Conditions on reports; see the module's docstring."""

    q = django_filters.CharFilter(method="search", label=_("Search"), max_length=200)
    category = CategoryFilter(queryset=lambda _request: Category.objects.all(), label=_("What about"))
    status = django_filters.MultipleChoiceFilter(choices=Status.choices, label=_("Status"), **CHOICES)
    kecamatan = CodesFilter(queryset=lambda _request: Kecamatan.objects.all(), label=_("Kecamatan"))
    desa = CodesFilter(queryset=lambda _request: Desa.objects.all(), label=_("Desa"))
    agency = CodesFilter(queryset=lambda _request: Agency.objects.all(), label=_("Agency"))
    kind = django_filters.MultipleChoiceFilter(choices=Kind.choices, label=_("Kind"), **CHOICES)
    since = django_filters.DateFilter(method="from_day", label=_("From"), **DAYS)
    until = django_filters.DateFilter(method="to_day", label=_("Until"), **DAYS)
    overdue = django_filters.ChoiceFilter(method="late_only", choices=[("1", _("Overdue only"))], label=_("Overdue"))
    bbox = BBoxFilter(label=_("Part of the map"))

    class Meta:
        model = Report
        fields: list[str] = []
        form = Conditions

    def __init__(self, data: MultiValueDict[str, str] | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(None if data is None else _without_blanks(data), *args, **kwargs)

    # What each condition does.

    def search(self, qs: Any, _name: str, value: str) -> Any:
        """Match words of the title and description, or a ticket (whole, or its beginning)."""
        condition = Q(search=SearchQuery(value, config="indonesian", search_type="websearch"))
        try:
            condition |= Q(ticket=tickets.parse(value))
        except MistypedTicket:
            if value.upper().startswith("KT-"):
                condition |= Q(ticket__startswith=value.upper())
        return qs.filter(condition)

    def from_day(self, qs: Any, _name: str, value: dt.date) -> Any:
        return qs.filter(created_at__gte=_midnight(value))

    def to_day(self, qs: Any, _name: str, value: dt.date) -> Any:
        return qs.filter(created_at__lt=_midnight(value + dt.timedelta(days=1)))

    def late_only(self, qs: Any, _name: str, value: str) -> Any:
        return qs.overdue() if value else qs

    # What callers ask about the whole.

    @cached_property
    def values(self) -> dict[str, Any]:
        """The valid conditions that were given, by name, in the order above."""
        if not self.form.is_bound:
            return {}
        self.form.is_valid()
        cleaned = self.form.cleaned_data
        return {name: cleaned[name] for name in self.base_filters if cleaned.get(name)}

    def unknown_parameters(self, allowed: Collection[str] = ()) -> list[str]:
        """Return the names of parameters that are no filter and not in `allowed`, in the order given."""
        return [name for name in self.data if name not in self.base_filters and name not in allowed]

    def refuse_wrong(self, allowed: Collection[str] = ()) -> None:
        """Raise ParameterError for the first condition that is unknown (and not in `allowed`) or wrong."""
        for name in self.unknown_parameters(allowed):
            raise ParameterError(
                name, self.data[name], gettext("There is no parameter “%(name)s” here.") % {"name": name}
            )
        for name, messages in self.errors.items():
            raise ParameterError(name, self.data.get(name), str(messages[0]))

    @property
    def is_default(self) -> bool:
        """Whether nothing is narrowed but the part of the map."""
        return not self.values.keys() - {"bbox"} and not self.errors

    @property
    def extent(self) -> BBox | None:
        """The part of the map asked for (`bbox`)."""
        return self.values.get("bbox")

    def pairs(self, *, leave_out: Collection[str] = ()) -> Iterator[tuple[str, str]]:
        """Yield the conditions as (name, text) in canonical order: one pair for each value."""
        for name, value in self.values.items():
            if name not in leave_out:
                yield from ((name, text) for text in sorted(_texts(value)))

    def query_string(self, *, leave_out: Collection[str] = ()) -> str:
        """Return the conditions as a canonical query string without `?`; equal questions give equal strings."""
        return urlencode(list(self.pairs(leave_out=leave_out)))

    def chips(self) -> list[Chip]:
        """Return each active condition in words (the part of the map aside), with what remains without it."""
        every = list(self.pairs(leave_out={"bbox"}))
        labels = {name: _labels(name, value) for name, value in self.values.items()}
        return [
            Chip(name, labels[name].get(text, text), urlencode([pair for pair in every if pair != (name, text)]))
            for name, text in every
        ]

    def cell_keys(self, *, leave_out: Collection[str] = ()) -> tuple[list[int], list[str]] | None:
        """Return (category ids, statuses) if the roll-up can answer this query, else None.

        Empty lists mean all. The roll-up knows category and status; every other condition needs the reports.
        """
        if self.errors or self.values.keys() - {"category", "status", *leave_out}:
            return None
        return leaf_ids(self.values.get("category", ())), sorted(self.values.get("status", ()))

    # For the form.

    def category_groups(self) -> list[dict[str, Any]]:
        """Return the active groups with their categories, each with whether it is chosen: for check boxes."""
        chosen = {category.pk for category in self.values.get("category", ())}
        rows = list(Category.objects.filter(active=True))
        return [
            {
                "group": group,
                "chosen": group.pk in chosen,
                "children": [(row, row.pk in chosen) for row in rows if row.parent_id == group.pk],
                "open": any(row.pk in chosen for row in rows if row.parent_id == group.pk),
            }
            for group in rows
            if group.parent_id is None
        ]

    def kecamatan_options(self) -> list[tuple[Kecamatan, bool]]:
        """Return every kecamatan with whether it is chosen."""
        chosen = {row.pk for row in self.values.get("kecamatan", ())}
        return [(row, row.pk in chosen) for row in Kecamatan.objects.all()]

    def status_options(self) -> list[tuple[str, str, bool]]:
        """Return every status as (value, label, whether it is chosen)."""
        chosen = self.values.get("status", ())
        return [(value, str(label), value in chosen) for value, label in Status.choices]


def _without_blanks(data: MultiValueDict[str, str]) -> MultiValueDict[str, str]:
    """Return `data` without the fields that a form sends empty."""
    full = {name: [value for value in data.getlist(name) if value.strip()] for name in data}
    return MultiValueDict({name: values for name, values in full.items() if values})


def leaf_ids(categories: Collection[Category]) -> list[int]:
    """Return the sorted ids of `categories`; a group comes with all its children."""
    groups = [category.pk for category in categories if category.parent_id is None]
    ids = {category.pk for category in categories}
    if groups:
        ids |= set(Category.objects.filter(parent__in=groups).values_list("pk", flat=True))
    return sorted(ids)


def _midnight(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(), WITA)


def _texts(value: Any) -> list[str]:
    """Return a cleaned value as the texts that a query string carries."""
    if isinstance(value, dt.date):
        return [value.isoformat()]
    if isinstance(value, tuple):
        return [",".join(f"{number:.6f}".rstrip("0").rstrip(".") for number in value)]
    if isinstance(value, str):
        return [value]
    return [getattr(item, "code", item) for item in value]


def _labels(name: str, value: Any) -> dict[str, str]:
    """Return how each text of a condition reads to people."""
    told: dict[str, Callable[[], dict[str, str]]] = {
        "q": lambda: {value: f"“{value}”"},
        "since": lambda: {value.isoformat(): str(_("from %(day)s") % {"day": date_format(value, "j M Y")})},
        "until": lambda: {value.isoformat(): str(_("until %(day)s") % {"day": date_format(value, "j M Y")})},
        "overdue": lambda: {"1": str(_("Overdue only"))},
        "status": lambda: {key: str(Status(key).label) for key in value},
        "kind": lambda: {key: str(Kind(key).label) for key in value},
    }
    if name in told:
        return told[name]()
    if name == "agency":
        return {row.code: row.short_name for row in value}
    return {row.code: row.name for row in value} if name != "bbox" else {}
