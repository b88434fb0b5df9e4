"""What a dashboard is asked: one `Question`, read from a query string by one form with clear errors.

    form = QuestionForm(request.GET)
    if form.is_valid():
        question = form.question(audience=PUBLIC)           # or audience_of(request.user)
    form.unknown_parameters()                               # names that are no part of a question
    question.query_string()                                 # canonical; equal questions give equal strings

Days are days in WITA, both ends included. Without `since` and `until` a question is about this month and the eleven
before it.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib.auth.models import AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext_lazy as _

from accounts.models import Agency, User
from geo.models import Desa, Kecamatan
from incidents.clock import WITA
from incidents.counts import Selection
from incidents.filters import CodesField, leaf_ids
from incidents.models import Category, Report

MONTHS = 12
"""How many months, the current one included, a question is about unless told."""
EARLIEST, LATEST = dt.date(2000, 1, 1), dt.date(2200, 1, 1)


@dataclass(frozen=True)
class Audience:
    """Who reads: `name` is public, agency or leadership; an agency's people also see their own confidential reports."""

    name: str
    agency_ids: tuple[int, ...] = ()

    @property
    def is_public(self) -> bool:
        return self.name == "public"


PUBLIC = Audience("public")
LEADERSHIP = Audience("leadership")


def audience_of(user: User | AnonymousUser) -> Audience:
    """Return as whom `user` reads: leadership and coordinators see all, officers their agencies, others the public."""
    if not isinstance(user, User) or not user.works_at_desk():
        return PUBLIC
    if user.is_coordinator or user.only_leads:
        return LEADERSHIP
    return Audience("agency", tuple(sorted(user.agency_ids())))


@dataclass(frozen=True)
class Question:
    """Reports received from `since` to `until` (days in WITA, both included), in these places and categories.

    Empty tuples mean all. `categories` are as asked: a group stands for its children. `today` is the day in WITA on
    which it is asked: what is overdue depends on it.
    """

    since: dt.date
    until: dt.date
    kecamatan: tuple[Kecamatan, ...] = ()
    desa: tuple[Desa, ...] = ()
    categories: tuple[Category, ...] = ()
    agencies: tuple[Agency, ...] = ()
    channels: tuple[str, ...] = ()
    audience: Audience = PUBLIC
    today: dt.date = dt.date.min

    @property
    def is_sensitive(self) -> bool:
        """Whether sensitive categories were asked for by name: small counts are then hidden from the public."""
        return any(category.sensitive for category in self._leaves())

    def selection(self) -> Selection:
        """Return the same question as the roll-ups take it."""
        return Selection(
            first=self.since,
            last=self.until,
            today=self.today,
            kecamatan=tuple(sorted(area.pk for area in self.kecamatan)),
            desa=tuple(sorted(area.pk for area in self.desa)),
            categories=tuple(leaf_ids(self.categories)),
            agencies=tuple(sorted(agency.pk for agency in self.agencies)),
            channels=self.channels,
            confidential_of=None if self.audience.name == "leadership" else self.audience.agency_ids,
        )

    def over(self, since: dt.date, until: dt.date) -> "Question":
        """Return the same question about another period."""
        return replace(self, since=since, until=until)

    def pairs(self) -> list[tuple[str, str]]:
        """Return the question as (name, text) pairs in canonical order, as a query string carries them."""
        found = [("since", self.since.isoformat()), ("until", self.until.isoformat())]
        for name, rows in (
            ("kecamatan", self.kecamatan), ("desa", self.desa), ("category", self.categories), ("agency", self.agencies)
        ):  # fmt: skip
            found += [(name, code) for code in sorted(row.code for row in rows)]
        return found + [("channel", channel) for channel in self.channels]

    def query_string(self) -> str:
        """Return the question as a canonical query string without `?`."""
        return urlencode(self.pairs())

    def _leaves(self) -> list[Category]:
        if not any(category.parent_id is None for category in self.categories):
            return list(self.categories)
        return list(Category.objects.filter(pk__in=leaf_ids(self.categories)))


def today_wita() -> dt.date:
    """Return the day it is now in WITA."""
    return timezone.now().astimezone(WITA).date()


class DayField(forms.DateField):
    """A day as YYYY-MM-DD, from 2000 to 2200."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            input_formats=["%Y-%m-%d"],
            required=False,
            validators=[MinValueValidator(EARLIEST), MaxValueValidator(LATEST)],
            error_messages={"invalid": _("Write the day as YYYY-MM-DD, such as 2026-06-30.")},
            **kwargs,
        )


def codes_field(model: Any, label: Any) -> CodesField:
    """Return a field for rows of `model` by their codes."""
    return CodesField(queryset=model.objects.all(), to_field_name="code", required=False, label=label)


class QuestionForm(forms.Form):
    """The parameters of a question. Places, categories and agencies are given by code, each as often as wanted."""

    since = DayField(label=_("From"))
    until = DayField(label=_("Until"))
    kecamatan = codes_field(Kecamatan, _("Kecamatan"))
    desa = codes_field(Desa, _("Desa"))
    category = codes_field(Category, _("What about"))
    agency = codes_field(Agency, _("Agency"))
    channel = forms.MultipleChoiceField(choices=Report.Channel.choices, required=False, label=_("Channel"))

    def __init__(self, data: MultiValueDict[str, str] | None = None, **kwargs: Any) -> None:
        full = {name: [text for text in (data or {}).getlist(name) if text.strip()] for name in data or {}}  # type: ignore[union-attr]
        super().__init__(MultiValueDict({name: texts for name, texts in full.items() if texts}), **kwargs)

    def unknown_parameters(self, allowed: Collection[str] = ()) -> list[str]:
        """Return the names that are no part of a question and not in `allowed`, in the order given."""
        return [name for name in self.data if name not in self.base_fields and name not in allowed]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        since, until = cleaned.get("since"), cleaned.get("until")
        if since and until and since > until:
            self.add_error("until", _("The period ends before it begins."))
        within = {area.pk for area in cleaned.get("kecamatan") or ()}
        for desa in cleaned.get("desa") or ():
            if within and desa.kecamatan_id not in within:
                self.add_error("desa", _("%(desa)s does not lie in the kecamatan asked for.") % {"desa": desa.name})
        return cleaned

    def question(self, *, audience: Audience, today: dt.date | None = None) -> Question:
        """Return the question of a valid form."""
        today = today or today_wita()
        given = self.cleaned_data
        until = given["until"] or max(today, given["since"] or today)
        return Question(
            since=given["since"] or months_before(until, MONTHS - 1),
            until=until,
            kecamatan=tuple(given["kecamatan"]),
            desa=tuple(given["desa"]),
            categories=tuple(given["category"]),
            agencies=tuple(given["agency"]),
            channels=tuple(sorted(given["channel"])),
            audience=audience,
            today=today,
        )


def months_before(day: dt.date, months: int) -> dt.date:
    """Return the first day of the month that lies `months` before that of `day`."""
    count = day.year * 12 + day.month - 1 - months
    return dt.date(count // 12, count % 12 + 1, 1)
