"""Which reports this browser may follow as their reporter: the tickets whose secret it showed, kept in its session."""

from django.contrib.auth.models import AnonymousUser
from django.contrib.sessions.backends.base import SessionBase

from accounts.models import User
from incidents.models import Report
from incidents.querysets import ReportQuerySet

KEY = "tickets"
KEPT = 200
"""Tickets that one session remembers (a village head sends for many); the oldest goes first."""


def remember(session: SessionBase, ticket: str) -> None:
    """Keep `ticket` in the session, newest first."""
    session[KEY] = [ticket, *(kept for kept in tickets_in(session) if kept != ticket)][:KEPT]


def tickets_in(session: SessionBase) -> list[str]:
    """Return the tickets that the session keeps, newest first."""
    return list(session.get(KEY, []))


def holds(session: SessionBase, ticket: str) -> bool:
    """Whether the session belongs to the reporter of `ticket`."""
    return ticket in tickets_in(session)


def readable(user: User | AnonymousUser, session: SessionBase) -> ReportQuerySet:
    """Return the reports that this person in this session may read: as everybody, at the desk, or as reporter."""
    return Report.objects.visible_to(user) | Report.objects.filter(ticket__in=tickets_in(session))
