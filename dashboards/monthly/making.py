"""Making editions: who orders them, the worker that makes them, and the child process that sets the type.

`make_next` takes one order at a time under a row lock that it holds until the edition is kept, in one transaction:
two workers never make the same one, and a worker that dies leaves the order to the next. (docs/monthly-report.md)
"""

import datetime as dt
import json
import logging
import os
import subprocess
import sys

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from archive.errors import AlreadyOrdered, ReasonMissing
from archive.models import Order, Publication, PublishedFile
from archive.publishing import next_edition, order, publish
from dashboards.monthly.document import html_of
from dashboards.monthly.figures import figures_of, monthly_question
from dashboards.monthly.press import NO_PANGO
from dashboards.monthly.workbook import MEDIA_TYPE as XLSX
from dashboards.monthly.workbook import workbook_of
from dashboards.questions import Question, months_before, today_wita
from geo.models import BoundaryEdition
from incidents.clock import WITA
from incidents.models import Report

log = logging.getLogger(__name__)

WALL_S = 600
"""How long setting one PDF may take."""
RETRY = dt.timedelta(minutes=1)
RETRY_MAX = dt.timedelta(hours=1)
PANGO_PACKAGES = ("libpango-1.0-0", "libpangoft2-1.0-0", "libharfbuzz-subset0", "fonts-liberation")
"""Debian's names; bin/lib/system_packages.sh installs the same."""
MEND = f"sudo apt-get install -y --no-install-recommends {' '.join(PANGO_PACKAGES)}"
CHILD_NEEDS = (
    "PATH",
    "HOME",
    "LANG",
    "LC_ALL",
    "FONTCONFIG_FILE",
    "FONTCONFIG_PATH",
    "LD_LIBRARY_PATH",
    "XDG_CACHE_HOME",
)


class CannotPrint(Exception):
    """No PDF was made. The message tells why, and how to mend it."""


def order_last_month() -> bool:
    """Order the report of the month that is over, once; return whether it was ordered now. Called each hour.

    A system without a report in or before that month has nothing to tell.
    """
    today = today_wita()
    month = months_before(today, 1)
    if Order.objects.filter(period=month).exists() or Publication.objects.of_month(month).exists():
        return False
    over = dt.datetime.combine(today.replace(day=1), dt.time(), WITA)
    if not Report.objects.filter(created_at__lt=over).exists():
        return False
    try:
        order(period=month, today=today, by=None)
    except (AlreadyOrdered, ReasonMissing):  # another worker was quicker
        return False
    return True


def make_ordered() -> bool:
    """Have a child process make what was ordered; return whether there was anything. Called again and again.

    Class breaks load scipy, which the worker need not keep in its memory for the rest of the month.
    """
    if not Order.objects.filter(publication=None, due_at__lte=Now()).exists():
        return False
    try:
        subprocess.run(
            [sys.executable, "manage.py", "make_monthly_report", "--ordered"],
            stdin=subprocess.DEVNULL,
            cwd=settings.BASE_DIR,
            timeout=2 * WALL_S + 60,
            check=True,
        )
    except subprocess.SubprocessError as error:  # killed, or too slow: it could not tell so itself
        _try_later(Order.objects.filter(publication=None, due_at__lte=Now()).order_by("due_at", "pk")[:1], error)
        return False
    return True


@translation.override(settings.LANGUAGE_CODE)
def make_next() -> Publication | None:
    """Make the edition that has waited longest and return it; None where none is due or its making failed.

    What went wrong is kept in the site's language: coordinators read it on the page.
    """
    waiting = Order.objects.none()
    try:
        with transaction.atomic():
            one_moment()
            found = (
                Order.objects.select_for_update(skip_locked=True)
                .filter(publication=None, due_at__lte=Now())
                .order_by("due_at", "pk")
                .first()
            )
            if found is None:
                return None
            waiting = Order.objects.filter(pk=found.pk, publication=None)
            return make(found)
    except Exception as error:  # noqa: BLE001  whatever went wrong is shown to the coordinators and tried again
        if not connection.in_atomic_block:
            connection.close_if_unusable_or_obsolete()
        _try_later(waiting, error)
        return None


def _try_later(waiting: QuerySet[Order], error: Exception) -> None:
    for late in waiting:
        wait = min(RETRY * 2 ** min(late.attempts, 10), RETRY_MAX)
        Order.objects.filter(pk=late.pk, publication=None).update(
            attempts=late.attempts + 1, due_at=timezone.now() + wait, error=str(error)[:1_000]
        )
        log.warning("monthly report not made, tried again in %s: %s", wait, error)


def make(order: Order) -> Publication:
    """Make the edition that was ordered and keep it. Raise CannotPrint."""
    edition, as_of = next_edition(order.period), timezone.now()
    boundaries = BoundaryEdition.objects.active().first()
    return publish(
        order=order,
        edition=edition,
        as_of=as_of,
        boundaries=f"{boundaries.name} ({boundaries.slug})" if boundaries else "",
        files=files_of(monthly_question(order.period, today_wita()), as_of=as_of, edition=edition, reason=order.reason),
    )


def files_of(question: Question, *, as_of: dt.datetime, edition: int, reason: str) -> list[PublishedFile]:
    """Return the files of an edition, not yet kept: PDF and XLSX in each language, and JSON.

    Figures are read for each language, because names come with them; in one transaction they are the same.
    """
    stem = f"laporan-bulanan-{question.since:%Y-%m}-e{edition}"
    found = []
    for language, _name in settings.LANGUAGES:
        with translation.override(language):
            figures = figures_of(question, as_of=as_of)
            page = html_of(figures, edition=edition, reason=reason)
            book = workbook_of(figures, edition=edition, reason=reason)
        name = f"{stem}-{language}"
        found += [
            PublishedFile.of(printed(page), name=f"{name}.pdf", media_type="application/pdf", language=language),
            PublishedFile.of(book, name=f"{name}.xlsx", media_type=XLSX, language=language),
        ]
    told = {"edition": edition, "reason": reason, "language": language, **figures.as_json()}
    text = json.dumps(told, ensure_ascii=False, indent=1, default=str)
    return [*found, PublishedFile.of(text.encode(), name=f"{stem}.json", media_type="application/json")]


def printed(html: str) -> bytes:
    """Return the PDF of a page, set by a child process with nothing of ours in its environment. Raise CannotPrint."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "dashboards.monthly.press"],
            input=html.encode(),
            capture_output=True,
            cwd=settings.BASE_DIR,
            env={name: os.environ[name] for name in CHILD_NEEDS if name in os.environ} | {"PYTHONUTF8": "1"},
            timeout=WALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise CannotPrint(_("The PDF was not made within %(seconds)d seconds.") % {"seconds": WALL_S}) from error
    if done.returncode == NO_PANGO:
        raise CannotPrint(
            _("The PDF cannot be made: this machine lacks Pango, which sets its type. Mend it with: %(command)s")
            % {"command": MEND}
        )
    if done.returncode != 0 or not done.stdout.startswith(b"%PDF-"):
        log.error("the press ended with %s: %s", done.returncode, done.stderr[-2_000:].decode("utf-8", "replace"))
        raise CannotPrint(_("The PDF was not made; the worker's log says why."))
    return done.stdout


def one_moment() -> None:
    """Have the whole transaction see one moment, so that figures agree. In a test's own transaction there is no way."""
    if len(connection.savepoint_ids) == 0:
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
