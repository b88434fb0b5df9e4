"""Proof that nobody rewrote history: every event's hash is computed anew, in the database, from the one before it.

A changed event, one taken out of the middle and one slipped in break the chain at that place. A cut-off end leaves a
report whose status is not the one of its last event; that is found too.
"""

import datetime as dt
from dataclasses import dataclass

from django.db import connection
from django.utils import timezone

from incidents.clock import WITA
from incidents.models import DayMark

_BROKEN_LINK = """
    WITH chained AS (
        SELECT e AS event, e.id, e.report_id, e.hash,
               lag(e.hash) OVER (PARTITION BY e.report_id ORDER BY e.id) AS previous
        FROM incidents_reportevent e
    )
    SELECT c.id, r.ticket FROM chained c JOIN incidents_report r ON r.id = c.report_id
    WHERE c.hash IS DISTINCT FROM event_hash(COALESCE(c.previous, ''), c.event)
    ORDER BY c.id LIMIT 1
"""
_DIGEST = """
    SELECT encode(sha256(convert_to(string_agg(e.hash, '' ORDER BY e.id), 'UTF8')), 'hex')
    FROM incidents_reportevent e WHERE e.id <= %s
"""
_CUT_END = """
    SELECT r.ticket FROM incidents_report r
    LEFT JOIN LATERAL (
        SELECT e.to_status FROM incidents_reportevent e WHERE e.report_id = r.id ORDER BY e.id DESC LIMIT 1
    ) last ON true
    WHERE r.status IS DISTINCT FROM last.to_status
    ORDER BY r.id LIMIT 1
"""


SETTLED = dt.timedelta(hours=1)
"""Events older than this are all there: no transaction takes longer."""


@dataclass(frozen=True)
class Mark:
    """A digest over the hashes of all events up to the one numbered `upto`; None when there was none."""

    upto: int
    digest: str | None

    def __str__(self) -> str:
        return f"{self.upto}:{self.digest or '-'}"


def mark(upto: int | None = None) -> Mark:
    """Return the digest of the events up to the number `upto`, or up to the newest that is settled.

    Kept outside of this database (on paper, in a letter), it finds later what the chains alone cannot tell: that
    somebody with all rights over the database removed events together with their reports, or made the chains anew.
    """
    with connection.cursor() as cursor:
        if upto is None:
            settled = timezone.now() - SETTLED
            cursor.execute("SELECT coalesce(max(id), 0) FROM incidents_reportevent WHERE created_at < %s", [settled])
            upto = cursor.fetchone()[0]
        cursor.execute(_DIGEST, [upto])
        return Mark(upto or 0, cursor.fetchone()[0])


def mark_day() -> bool:
    """Publish today's mark (WITA) if there is none yet; return whether one was made. The worker calls it each hour."""
    day = timezone.now().astimezone(WITA).date()
    if DayMark.objects.filter(day=day).exists():
        return False
    taken = mark()
    # Another worker may have been quicker: the day is the key, and the first mark stays.
    DayMark.objects.bulk_create([DayMark(day=day, upto=taken.upto, digest=taken.digest or "")], ignore_conflicts=True)
    return True


@dataclass(frozen=True)
class Verdict:
    """How many events of how many reports were checked, and the first thing that is wrong (None: nothing)."""

    events: int
    reports: int
    problem: str | None


def verify() -> Verdict:
    """Check every event of every report."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*), count(DISTINCT report_id) FROM incidents_reportevent")
        events, reports = cursor.fetchone()
        cursor.execute(_BROKEN_LINK)
        if broken := cursor.fetchone():
            event, ticket = broken
            return Verdict(events, reports, f"Event {event} of {ticket} does not fit the event before it.")
        cursor.execute(_CUT_END)
        if cut := cursor.fetchone():
            return Verdict(events, reports, f"{cut[0]} has another status than its last event says.")
    return Verdict(events, reports, None)
