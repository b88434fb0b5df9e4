"""The ways on from a planner's question: its form, other shapes, sizes and periods, and each condition taken away."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlencode

from django.utils.translation import gettext as _

from dashboards.controls import Way
from dashboards.planner_questions import (
    HEXAGONS,
    KECAMATAN,
    MEASURES,
    SHAPES,
    SIZES,
    STANDINGS,
    Asked,
    age_words,
    period_words,
)
from dashboards.questions import MONTHS, months_before


@dataclass(frozen=True)
class Controls:
    asked: Asked

    @property
    def query(self) -> str:
        return self.asked.query_string()

    @property
    def period(self) -> str:
        return period_words(self.asked.question.since, self.asked.question.until)

    @property
    def shapes(self) -> list[Way]:
        return [
            Way(str(label), self.asked.query_string(shape="" if name == HEXAGONS else name), name == self.asked.shape)
            for name, label in SHAPES
        ]

    @property
    def sizes(self) -> list[Way]:
        """Sizes of cells; none where kecamatan are coloured."""
        if self.asked.shape == KECAMATAN:
            return []
        return [Way(str(label), self.asked.query_string(size=name), name == self.asked.size) for name, label in SIZES]

    @property
    def measures(self) -> list[Way]:
        """What kecamatan are coloured by; none for cells, whose population nobody knows."""
        if self.asked.shape != KECAMATAN:
            return []
        return [
            Way(str(label), self.asked.query_string(measure="" if name == "n" else name), name == self.asked.measure)
            for name, label in MEASURES
        ]

    @property
    def periods(self) -> list[Way]:
        today = self.asked.question.today
        usual = [
            (_("This month"), today),
            (_("3 months"), months_before(today, 2)),
            (_("12 months"), months_before(today, MONTHS - 1)),
            (_("24 months"), months_before(today, 2 * MONTHS - 1)),
        ]
        now = f"{self.asked.question.since:%Y-%m}", f"{self.asked.question.until:%Y-%m}"
        return [self._period(label, first, today, now) for label, first in usual]

    @property
    def conditions(self) -> list[Way]:
        """Each active condition in words, with what remains without it."""
        asked, question = self.asked, self.asked.question
        rows = []
        for name, areas in (("kecamatan", question.kecamatan), ("desa", question.desa)):
            rows += [(name, area.code, area.name) for area in areas]
        rows += [("category", one.code, one.name) for one in question.categories]
        if asked.everything:
            rows += [("agency", agency.code, agency.short_name) for agency in question.agencies]
        if asked.standing != "n":
            rows += [("standing", asked.standing, str(dict(STANDINGS)[asked.standing]))]
        if asked.age:
            rows += [("age", str(asked.age), age_words(asked.age, question.today))]
        if asked.within:
            rows += [("within", "", _("inside the area drawn"))]
        if asked.cell:
            rows += [("cell", asked.cell.name, _("in cell %(name)s") % {"name": asked.cell.name})]
        return [Way(label, self._without(name, code)) for name, code, label in rows]

    def _without(self, name: str, code: str) -> str:
        leave_out = {name, "age"} if name == "standing" else {name} if name in {"within", "cell"} else set()
        if name == "kecamatan":
            leave_out |= {"desa"}
        return urlencode([pair for pair in self.asked.pairs(leave_out) if pair != (name, code)], safe=",;")

    def _period(self, label: str, first: dt.date, last: dt.date, now: tuple[str, str]) -> Way:
        months = f"{first:%Y-%m}", f"{last:%Y-%m}"
        return Way(label, self.asked.query_string(since=months[0], until=months[1]), now == months)
