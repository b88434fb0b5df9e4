"""What a dashboard's reader can set: the form with what was typed, the usual periods, and the active conditions."""

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from django import forms
from django.utils.datastructures import MultiValueDict
from django.utils.formats import date_format
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Agency
from dashboards.choropleth import MEASURES
from dashboards.questions import MONTHS, Question, QuestionForm, months_before
from geo.models import Kecamatan
from incidents.models import Category, Report

FIRST_MEASURE = next(iter(MEASURES))
CARRIED = ("desa", "channel", "measure", "layar", "putar")
TURNS = ("15", "30", "60")
"""Seconds after which a wall shows its next parts."""
Pairs = list[tuple[str, str]]


@dataclass(frozen=True)
class Choice:
    value: str
    label: str
    group: str = ""


@dataclass(frozen=True)
class Select:
    name: str
    label: str
    every: str
    """What stands for no choice."""
    choices: list[Choice]
    chosen: frozenset[str]
    errors: list[str]

    @property
    def several(self) -> bool:
        return len(self.chosen) > 1


class TypedForm(QuestionForm):
    """A question's form that is shown again as it was typed (templates/dashboards/fields.html)."""

    def _typed(self, name: str) -> list[str]:
        return cast("MultiValueDict[str, str]", self.data).getlist(name)

    def _dates(self, *names: str) -> list[tuple[str, str, str, list[str]]]:
        """Return name, label, text as typed and errors of days or months."""
        return [
            (name, str(self.fields[name].label), self.data.get(name, ""), [str(error) for error in self[name].errors])
            for name in names
        ]

    def _select(self, name: str, every: str, choices: list[Choice], first: str = "") -> Select:
        """Return a field's select; what is chosen unless told is `first`, and an unknown code stays as it was typed."""
        typed = self._typed(name) or ([first] if first else [])
        known = {choice.value for choice in choices}
        strange = [Choice(text, text) for text in typed if text not in known]
        errors = [str(error) for error in self[name].errors]
        return Select(name, str(self.fields[name].label), every, [*choices, *strange], frozenset(typed), errors)


class DashboardForm(TypedForm):
    """A question, and how it is shown: the map's measure, and whether for a wall."""

    measure = forms.ChoiceField(
        choices=[(name, measure.title) for name, measure in MEASURES.items()],
        required=False,
        label=gettext_lazy("Map shows"),
    )
    layar = forms.ChoiceField(choices=[("1", gettext_lazy("For a wall"))], required=False, label=gettext_lazy("Screen"))
    putar = forms.ChoiceField(
        choices=[(seconds, seconds) for seconds in TURNS], required=False, label=gettext_lazy("Turns every (seconds)")
    )

    @property
    def dates(self) -> list[tuple[str, str, str, list[str]]]:
        return self._dates("since", "until")

    @cached_property
    def selects(self) -> list[Select]:
        kecamatan = [Choice(area.code, area.name) for area in Kecamatan.objects.all()]
        agencies = [Choice(agency.code, agency.name) for agency in Agency.objects.filter(active=True)]
        return [
            self._select("kecamatan", _("All kecamatan"), kecamatan),
            self._select("category", _("Everything"), list(category_choices())),
            self._select("agency", _("All agencies"), agencies),
        ]

    @property
    def carried(self) -> Pairs:
        """What the form has no field for and keeps."""
        return [(name, text) for name in CARRIED for text in self._typed(name)]


@dataclass(frozen=True)
class Way:
    """A link to another view of the same figures. `query` is its query string."""

    label: str
    query: str
    here: bool = False


@dataclass(frozen=True)
class Controls:
    """The ways on from a question as it is shown."""

    question: Question
    measure: str
    wall: bool
    turn: str = ""

    def query(self, pairs: Iterable[tuple[str, str]] | None = None, **more: str) -> str:
        """Return the query string of these conditions (unless told, the question's), shown in the same manner."""
        shown = {"measure": self.measure if self.measure != FIRST_MEASURE else "", "layar": "1" if self.wall else ""}
        shown |= {"putar": self.turn if self.wall else ""} | more
        kept = self.question.pairs() if pairs is None else pairs
        return urlencode([*kept, *((name, text) for name, text in shown.items() if text)])

    @property
    def measures(self) -> list[Way]:
        return [
            Way(
                str(measure.title),
                self.query(measure=name if name != FIRST_MEASURE else ""),
                name == self.measure,
            )
            for name, measure in MEASURES.items()
        ]

    @property
    def periods(self) -> list[Way]:
        """The usual periods, each until today; the present one is marked."""
        today = self.question.today
        usual = [
            (_("30 days"), today - dt.timedelta(days=29)),
            (_("3 months"), months_before(today, 2)),
            (_("12 months"), months_before(today, MONTHS - 1)),
            (_("This year"), today.replace(month=1, day=1)),
        ]
        now = (self.question.since, self.question.until)
        return [Way(label, self._over(since, today), now == (since, today)) for label, since in usual]

    @property
    def conditions(self) -> list[Way]:
        """Each active condition in words, with what remains without it."""
        asked = self.question
        rows = [("kecamatan", area.code, area.name) for area in asked.kecamatan]
        rows += [("desa", area.code, area.name) for area in asked.desa]
        rows += [("category", category.code, category.name) for category in asked.categories]
        rows += [("agency", agency.code, agency.short_name) for agency in asked.agencies]
        rows += [("channel", name, str(Report.Channel(name).label)) for name in asked.channels]
        every = asked.pairs()
        return [
            Way(label, self.query(pair for pair in every if pair != (name, code) and not _within(pair, name, code)))
            for name, code, label in rows
        ]

    @property
    def on_a_wall(self) -> str:
        """The same for a wall, turning."""
        return self.query(layar="1", putar=self.turn or TURNS[1])

    def only(self, name: str, code: str) -> str:
        """Return the query with one value in the place of all of this name; a kecamatan drops the desa."""
        dropped = {name, "desa"} if name == "kecamatan" else {name}
        return self.query([*(pair for pair in self.question.pairs() if pair[0] not in dropped), (name, code)])

    def reports(self, *more: tuple[str, str]) -> str:
        """Return the query of the list of reports (/laporan/) that a figure counts, with further conditions."""
        named = {name for name, _text in more}
        kept = [pair for pair in self.question.pairs() if pair[0] not in {"channel", *named}]
        return urlencode([*kept, *more])

    @property
    def period(self) -> str:
        """The period in words."""
        first, last = (date_format(day, "j M Y") for day in (self.question.since, self.question.until))
        return _("%(first)s to %(last)s") % {"first": first, "last": last}

    def _over(self, since: dt.date, until: dt.date) -> str:
        return self.query(self.question.over(since, until).pairs())


def _within(pair: tuple[str, str], name: str, code: str) -> bool:
    """Whether the condition `pair` is a desa in the kecamatan `code`, whose codes begin alike."""
    return name == "kecamatan" and pair[0] == "desa" and pair[1].startswith(code)


def category_choices() -> Iterator[Choice]:
    """Yield the active categories under their groups, and each group as a whole."""
    rows = list(Category.objects.filter(active=True))
    for group in rows:
        if group.parent_id is not None:
            continue
        children = [row for row in rows if row.parent_id == group.pk]
        yield Choice(group.code, _("%(group)s: all") % {"group": group.name} if children else group.name, group.name)
        yield from (Choice(row.code, row.name, group.name) for row in children)
