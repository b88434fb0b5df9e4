"""Words that the PDF and the workbook share: the name of the period, and what each figure is."""

from dataclasses import dataclass

from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from dashboards.controls import FIRST_MEASURE, Controls
from dashboards.monthly.figures import CHANGE_DAYS, is_month
from dashboards.numbers import RANKED_FROM, SMALLEST_SHOWN, WEEKS_BEFORE
from dashboards.questions import Question


def period_of(question: Question) -> str:
    """Return the period in words: October 2026, or 3 Oct 2026 to 9 Nov 2026."""
    if is_month(question):
        return date_format(question.since, "F Y")
    return Controls(question, FIRST_MEASURE, wall=False).period


def conditions_of(question: Question) -> list[str]:
    """Return the question's conditions in words."""
    return [way.label for way in Controls(question, FIRST_MEASURE, wall=False).conditions]


@dataclass(frozen=True)
class Definition:
    """What a figure is. `unit` is what its numbers count."""

    name: str
    unit: str
    text: str


def dictionary() -> list[Definition]:
    """Return the definition of every figure in a report, in the order in which a reader meets them."""
    reports, share, days = _("reports"), _("percent"), _("days of 24 hours")
    return [
        Definition(
            _("Received"),
            reports,
            _("All public reports received in the period, archived ones and duplicates too."),
        ),
        Definition(
            pgettext("reports", "Open"),
            reports,
            _("Received, forwarded, in progress, on hold or reopened, at the time of making."),
        ),
        Definition(
            _("Overdue"),
            reports,
            _("Open, not on hold, and the day by which to resolve it has passed. Holds move that day."),
        ),
        Definition(_("Overdue share"), share, _("Overdue, of the open ones.")),
        Definition(
            _("In time"),
            share,
            _(
                "Answered by the promised day, of all promises that have fallen due: answered in time, answered late,"
                " and open and overdue."
            ),
        ),
        Definition(
            _("Interval (95 percent)"),
            share,
            _("Wilson's interval: where the share would lie by chance alone. It says nothing of reports never sent."),
        ),
        Definition(
            _("Days, median"),
            days,
            _(
                "Half of the answers took at most so long, from arrival, weekends and holds included; of the whole"
                " months that the period touches. Right within 10%."
            ),
        ),
        Definition(
            _("per 1,000 people"),
            _("reports per 1,000 people"),
            _("Received in the period, by registered people; for some kecamatan an estimate."),
        ),
        Definition(
            _("In, out"),
            reports,
            _("Received; answered or archived, on the day of that, whenever received."),
        ),
        Definition(
            _("Waiting at its end"), reports, _("In less out since the beginning: what waited for an answer then.")
        ),
        Definition(_("A year before"), reports, _("The same month of the last year, cut at the same days.")),
        Definition(
            _("By chance"),
            reports,
            _(
                "Where the count of the last %(days)d days would lie, from the %(times)d times as many days before,"
                " with 95%% certainty for all comparisons together (negative binomial, Bonferroni)."
            )
            % {"days": CHANGE_DAYS, "times": WEEKS_BEFORE},
        ),
        Definition(
            _("Rank"),
            _("place"),
            _("By the share in time. Agencies with fewer than %(n)d promises due are shown, not ranked.")
            % {"n": RANKED_FROM},
        ),
        Definition(
            f"<{SMALLEST_SHOWN}",
            "–",
            _("Hidden: a small count about a sensitive category, or a row that would give one away."),
        ),
    ]
