"""Many people move one report at the same moment: one wins, nothing is doubled, the chain of events stays whole."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.db import connection

from accounts.models import User
from incidents import audit, moves
from incidents.errors import MoveIncomplete, MoveNotAllowed
from incidents.models import Report
from incidents.models.reports import Status
from incidents.workflow import Party
from tests.factories.accounts import make_agency, make_officer
from tests.factories.incidents import make_report, make_standards

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 8


def all_at_once(act: Callable[[int], Any]) -> list[Any]:
    """Call `act` with each number below AT_ONCE, in threads of their own; return the results or refusals."""
    barrier = Barrier(AT_ONCE)

    def one(number: int) -> Any:
        barrier.wait(timeout=20)
        try:
            return act(number)
        except (MoveIncomplete, MoveNotAllowed) as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_the_same_words_at_once_are_stored_once() -> None:
    make_standards()
    report, officer = make_report(), make_officer(make_agency("dpu-pupr"))

    def write(_number: int) -> Any:
        mine = Report.objects.get(pk=report.pk)
        by = User.objects.get(pk=officer.pk)
        return moves.make("comment", report=mine, by=by, seen_at=report.changed_at, text="Sudah kami cek.")

    results = all_at_once(write)
    assert len({event.pk for event in results}) == 1
    assert report.events.filter(type="commented").count() == 1


def test_yes_and_no_at_once_end_in_one_of_them() -> None:
    make_standards()
    report = make_report(status=Status.ANSWERED)

    def decide(number: int) -> Any:
        mine = Report.objects.get(pk=report.pk)
        name, words = ("confirm", "") if number % 2 else ("reopen", f"Belum {number}")
        return moves.make(name, report=mine, by=Party.REPORTER, seen_at=report.changed_at, text=words)

    all_at_once(decide)
    report.refresh_from_db()
    decided = report.events.filter(type__in=["confirmed", "reopened"])
    assert decided.count() == 1
    assert report.status == decided.get().to_status
    assert audit.verify().problem is None


def test_many_words_at_once_keep_the_chain_whole() -> None:
    make_standards()
    report, officer = make_report(), make_officer(make_agency("dpu-pupr"))

    def write(number: int) -> Any:
        mine = Report.objects.get(pk=report.pk)
        return moves.comment(report=mine, by=User.objects.get(pk=officer.pk), text=f"Catatan {number}", public=False)

    assert all(not isinstance(result, MoveNotAllowed) for result in all_at_once(write))
    assert report.events.count() == 2 + AT_ONCE
    assert audit.verify() == audit.Verdict(events=2 + AT_ONCE, reports=1, problem=None)


def test_two_reports_at_once_do_not_become_each_others_duplicates() -> None:
    make_standards()
    pair, officer = [make_report(), make_report()], make_officer(make_agency("dpu-pupr"))

    def merge(number: int) -> Any:
        mine = Report.objects.get(pk=pair[number % 2].pk)
        by = User.objects.get(pk=officer.pk)
        return moves.make("duplicate", report=mine, by=by, original=pair[(number + 1) % 2].ticket)

    all_at_once(merge)
    assert sorted(Report.objects.values_list("status", flat=True)) in (["duplicate", "routed"], ["routed", "routed"])
