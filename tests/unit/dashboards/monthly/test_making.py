"""Who orders a monthly report, that it is made once, and what happens when it cannot be made."""

import datetime as dt
import json
import threading
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone, translation

from archive.models import Order, Publication
from dashboards.monthly import making, press
from dashboards.questions import months_before, today_wita
from incidents import audit
from incidents.models import DayMark
from tests.factories.map_reports import Place
from tests.factories.publications import make_edition
from tests.unit.dashboards.test_numbers import report

pytestmark = pytest.mark.django_db


def last_month() -> dt.date:
    return months_before(today_wita(), 1)


@pytest.fixture
def quick_press(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Print nothing: keep the pages that were to be printed."""
    pages: list[str] = []

    def printed(page: str) -> bytes:
        pages.append(page)
        return f"%PDF-1.7 {len(pages)}".encode()

    monkeypatch.setattr(making, "printed", printed)
    return pages


def test_last_month_is_ordered_once_and_only_where_there_is_something_to_tell() -> None:
    assert not making.order_last_month()
    place = Place()
    report(place, today_wita())
    assert not making.order_last_month()  # nothing before this month
    report(place, last_month() + dt.timedelta(days=3))
    assert making.order_last_month()
    assert not making.order_last_month()
    assert Order.objects.get().period == last_month()


def test_a_month_that_is_published_is_not_ordered_again() -> None:
    report(Place(), last_month() + dt.timedelta(days=3))
    make_edition(last_month())
    assert not making.order_last_month()


def test_an_order_becomes_an_edition_with_files_in_both_languages(quick_press: list[str]) -> None:
    place = Place()
    for _ in range(3):
        report(place, last_month() + dt.timedelta(days=3))
    report(place, last_month() + dt.timedelta(days=3), confidential=True)
    making.order_last_month()
    made = making.make_next()
    assert made is not None
    assert (made.edition, made.period, made.by) == (1, last_month(), None)
    assert making.make_next() is None
    stem = f"laporan-bulanan-{last_month():%Y-%m}-e1"
    files = {file.name: file for file in made.files.all()}
    assert set(files) == {f"{stem}-id.pdf", f"{stem}-id.xlsx", f"{stem}-en.pdf", f"{stem}-en.xlsx", f"{stem}.json"}
    told = json.loads(bytes(files[f"{stem}.json"].content))
    assert told["totals"]["n"] == 3  # never the confidential one
    assert told["question"]["query"].startswith(f"since={last_month().isoformat()}")
    indonesian, english = quick_press
    assert 'lang="id"' in indonesian
    assert "Jalan rusak" in indonesian
    assert 'lang="en"' in english
    assert "Broken road" in english


def test_a_report_that_cannot_be_printed_waits_with_the_command_that_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    report(Place(), last_month() + dt.timedelta(days=3))
    making.order_last_month()

    def without_pango(*args: Any, **kwargs: Any) -> Any:
        return making.subprocess.CompletedProcess(args, press.NO_PANGO, b"", b"cannot load library 'libpango-1.0-0'")

    monkeypatch.setattr(making.subprocess, "run", without_pango)
    assert making.make_next() is None
    waiting = Order.objects.get()
    assert "sudo apt-get install" in waiting.error
    assert "libpango-1.0-0" in waiting.error
    assert waiting.attempts == 1
    assert waiting.due_at > timezone.now()
    assert not Publication.objects.exists()  # no half edition
    with pytest.raises(CommandError, match="apt-get install"):
        call_command("make_monthly_report", f"{last_month():%Y-%m}")


@translation.override("en")
def test_the_command_makes_what_waits_and_corrects_with_a_reason(quick_press: list[str], capsys: Any) -> None:
    report(Place(), last_month() + dt.timedelta(days=3))
    month = f"{last_month():%Y-%m}"
    making.order_last_month()
    call_command("make_monthly_report", month)
    told = capsys.readouterr().out
    for file in Publication.objects.get().files.all():
        assert f"{file.sha256}  {file.name}" in told
    with pytest.raises(CommandError, match="Say why"):
        call_command("make_monthly_report", month)
    call_command("make_monthly_report", month, reason="Angka <b>keliru</b>")
    assert [one.edition for one in Publication.objects.all()] == [2, 1]
    assert "Angka &lt;b&gt;keliru&lt;/b&gt;" in quick_press[-1]
    for wrong in ("2026-13", "kemarin", f"{today_wita():%Y-%m}"):
        with pytest.raises(CommandError):
            call_command("make_monthly_report", wrong)
    with pytest.raises(CommandError, match="Give a month"):
        call_command("make_monthly_report")


def test_a_day_has_one_mark_that_verifies_later() -> None:
    long_ago = timezone.now() - dt.timedelta(hours=2)
    made = report(Place(), today_wita())
    made.events.create(type="received", to_status="received", created_at=long_ago)
    assert audit.mark_day()
    assert not audit.mark_day()
    mark = DayMark.objects.get()
    assert str(mark) == str(audit.mark(mark.upto))
    assert mark.digest


@pytest.mark.django_db(transaction=True)
def test_two_workers_make_one_edition_and_a_dead_one_leaves_its_order(monkeypatch: pytest.MonkeyPatch) -> None:
    report(Place(), last_month() + dt.timedelta(days=3))
    making.order_last_month()
    begun, go_on = threading.Event(), threading.Event()

    def slow(page: str) -> bytes:
        begun.set()
        assert go_on.wait(60)
        return b"%PDF-1.7"

    def worker() -> None:
        made.append(making.make_next())
        connection.close()

    made: list[Publication | None] = []
    monkeypatch.setattr(making, "printed", slow)
    first = threading.Thread(target=worker)
    first.start()
    assert begun.wait(60)
    assert making.make_next() is None  # locked by the first
    with connection.cursor() as cursor:  # which dies
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state = 'idle in transaction'"
        )
    go_on.set()
    first.join(60)
    assert not Publication.objects.exists()
    Order.objects.update(due_at=timezone.now())
    assert making.make_next() is not None
    assert making.make_next() is None
    assert Publication.objects.count() == 1
