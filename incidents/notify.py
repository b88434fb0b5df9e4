"""What the outbox delivers: letters by e-mail to the reporter and to the agency's officers."""

from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation

from accounts.models import Membership, User
from incidents import clock
from incidents.duplicates import told_by
from incidents.models import Report, ReportEvent
from incidents.models.outbox import OutboxMessage
from incidents.models.reports import Status
from incidents.moves import until_when
from incidents.outbox import handles
from incidents.secrets import secret_of
from incidents.timeline import note_of


@handles("report_received")
def report_received(message: OutboxMessage) -> None:
    """Send the receipt with the secret link to the reporter, and the news to the agency's officers."""
    report = Report.objects.with_places().get(pk=message.payload["report_id"])
    _letter_to_reporter(message, report, "received")
    _letters_to_officers(message, report, "for_agency")


@handles("report_moved")
def report_moved(message: OutboxMessage) -> None:
    """Tell the reporter what the agency did; tell the agency what the reporter said, and of a report handed to it."""
    event = ReportEvent.objects.select_related("agency").get(pk=message.payload["event_id"])
    report = Report.objects.with_places().get(pk=message.payload["report_id"])
    if event.by_reporter:
        _letters_to_officers(message, report, "moved_for_agency", event=event)
        return
    _letter_to_reporter(message, report, "moved", event=event)
    if event.type in {ReportEvent.Type.HANDED_OVER, ReportEvent.Type.ROUTED}:
        _letters_to_officers(message, report, "for_agency")


@handles("report_followed")
def report_followed(message: OutboxMessage) -> None:
    """Tell the reporter of a duplicate what happened to the report that is worked on in its stead."""
    event = ReportEvent.objects.select_related("agency", "report").get(pk=message.payload["event_id"])
    report = Report.objects.with_places().get(pk=message.payload["report_id"])
    if report.status == Status.DUPLICATE and not event.report.confidential:
        _letter_to_reporter(message, report, "followed", event=event)


def _letters_to_officers(message: OutboxMessage, report: Report, kind: str, event: ReportEvent | None = None) -> None:
    """Write to those who work for the report's agency; to the coordinators while it has none."""
    if report.agency_id is None:
        staff = User.objects.filter(memberships__role=Membership.Role.COORDINATOR)
    else:
        staff = User.objects.filter(memberships__agency=report.agency_id)
    officers = staff.filter(is_active=True).exclude(email="")
    for address in officers.order_by("email").values_list("email", flat=True).distinct():
        link = _url("desk_report", ticket=report.ticket)
        _send(message, report, kind, address, "id", link=link, event=event)


def _letter_to_reporter(message: OutboxMessage, report: Report, kind: str, event: ReportEvent | None = None) -> None:
    contact = getattr(report, "contact", None)
    if contact is None or not contact.email:
        return
    link = _url("report_key", ticket=report.ticket, secret=secret_of(report.ticket))
    _send(message, report, kind, contact.email, report.language, link=link, event=event)


def _send(
    message: OutboxMessage,
    report: Report,
    kind: str,
    address: str,
    language: str,
    *,
    link: str,
    event: ReportEvent | None = None,
) -> None:
    """Send one plain-text letter. Its Message-ID is the outbox row's, so a second delivery is the same letter."""
    with translation.override(language):
        words: dict[str, Any] = {
            "report": report,
            "event": event,
            "note": note_of(event) if event else "",
            "link": link,
            "regency": settings.REGENCY_NAME,
        }
        if event and event.report_id != report.pk:
            words["followed_link"] = _url("report_detail", ticket=event.report.ticket)
        if event and event.type == ReportEvent.Type.MERGED and (ticket := told_by(event)):
            words["original_link"] = _url("report_detail", ticket=ticket)
            words["object_until"] = until_when(event.created_at)
        if event and event.type == ReportEvent.Type.ANSWERED:
            words["silent_days"] = clock.rules().working_days(clock.Step.CLOSE)
        subject = " ".join(render_to_string(f"incidents/mail/{kind}_subject.txt", words).split())
        body = render_to_string(f"incidents/mail/{kind}.txt", words)
    EmailMessage(
        subject=subject,
        body=body,
        to=[address],
        headers={"Message-ID": f"<outbox-{message.pk}-{kind}@kutim-pintar>", "Auto-Submitted": "auto-generated"},
    ).send()


def _url(name: str, **kwargs: str) -> str:
    return settings.SITE_URL.rstrip("/") + reverse(name, kwargs=kwargs)
