"""The table of moves, exhaustively: every move from every status by everybody."""

import datetime as dt
from typing import Any

import pytest
from django.utils import timezone

from incidents import moves
from incidents.errors import MoveNotAllowed
from incidents.models.reports import Status
from incidents.workflow import MOVES, Party, Who
from tests.factories.accounts import make_agency, make_coordinator, make_leader, make_officer, make_user
from tests.factories.incidents import make_report, make_standards

pytestmark = pytest.mark.django_db

R, F, P, A, C, H, X, D, O = (  # noqa: E741
    Status.RECEIVED,
    Status.ROUTED,
    Status.IN_PROGRESS,
    Status.ANSWERED,
    Status.CLOSED,
    Status.ON_HOLD,
    Status.REJECTED,
    Status.DUPLICATE,
    Status.REOPENED,
)
EVERY = set(Status)
EXPECTED: dict[str, tuple[set[Status], Status | None, Who]] = {
    "route": ({R}, F, Who.COORDINATOR),
    "take": ({F, O}, P, Who.OFFICER),
    "answer": ({F, P, O}, A, Who.OFFICER),
    "hold": ({P}, H, Who.OFFICER),
    "resume": ({H}, P, Who.OFFICER),
    "hand_over": ({F, P, O}, F, Who.OFFICER),
    "reject": ({R, F, P, O}, X, Who.OFFICER),
    "duplicate": ({R, F, P, O}, D, Who.OFFICER),
    "separate": ({D}, F, Who.OFFICER),
    "comment": (EVERY, None, Who.OFFICER),
    "conceal": (EVERY, None, Who.OFFICER),
    "confirm": ({A}, C, Who.REPORTER),
    "reopen": ({A, C}, O, Who.REPORTER),
    "other_matter": ({D}, F, Who.REPORTER),
    "reply": (EVERY - {X, D}, None, Who.REPORTER),
    "close_silent": ({A}, C, Who.SYSTEM),
    "resume_held": ({H}, P, Who.SYSTEM),
}
"""The workflow written a second time, by hand: from which status, to which, by whom."""

PEOPLE = ["officer", "other_officer", "coordinator", "leader", "retired", "nobody", "reporter", "system"]
MAY = {
    Who.OFFICER: {"officer", "coordinator"},
    Who.COORDINATOR: {"coordinator"},
    Who.REPORTER: {"reporter"},
    Who.SYSTEM: {"system"},
}


def make_person(name: str) -> Any:
    agency = make_agency("dpu-pupr")
    return {
        "officer": lambda: make_officer(agency),
        "other_officer": lambda: make_officer(make_agency("dlh")),
        "coordinator": make_coordinator,
        "leader": make_leader,
        "retired": lambda: make_officer(agency, is_active=False),
        "nobody": make_user,
        "reporter": lambda: Party.REPORTER,
        "system": lambda: Party.SYSTEM,
    }[name]()


def given(name: str) -> dict[str, Any]:
    """Return what the service of the move `name` needs."""
    return {
        "route": {"agency": make_agency("dlh")},
        "answer": {"text": "Selesai.", "no_photo_reason": "Kamera rusak"},
        "hold": {"text": "Menunggu aspal.", "until": timezone.localdate() + dt.timedelta(days=7)},
        "hand_over": {"text": "Bukan kami.", "agency": make_agency("dishub")},
        "reject": {"text": "Uji coba.", "reason_code": "test"},
        "duplicate": {"original": make_report(title="Laporan yang lebih dulu").ticket},
        "separate": {"text": "Lubangnya lain."},
        "other_matter": {"text": "Lubang saya di seberang."},
        "comment": {"text": "Catatan."},
        "conceal": {"text": "Menyebut nama orang."},
        "reopen": {"text": "Belum."},
        "reply": {"text": "Tambahan."},
    }.get(name, {})


BY_THE_SYSTEM: dict[str, Any] = {"close_silent": moves.close_silent, "resume_held": moves.resume_held}


def make_move(name: str, report: Any, by: Any) -> Any:
    if name in BY_THE_SYSTEM:
        return BY_THE_SYSTEM[name](report=report)
    return moves.SERVICES[name](report=report, by=by, **given(name))


def report_in(status: Status) -> Any:
    """Return a report in `status` at the desk of DPU/PUPR; a received one has no agency."""
    return make_report(status=status, agency=None if status == R else make_agency("dpu-pupr"))


def test_table_names_the_expected_moves() -> None:
    assert {n: (set(m.start), m.to, m.who) for n, m in MOVES.items()} == EXPECTED


@pytest.mark.parametrize("person", PEOPLE)
@pytest.mark.parametrize("name", EXPECTED)
def test_move_allowed_exactly_as_in_the_table(name: str, person: str) -> None:
    make_standards()
    start, to, who = EXPECTED[name]
    by = make_person(person)
    for status in Status:
        report = report_in(status)
        may = status in start and person in MAY[who]
        if person == "officer" and status == R:
            may = False  # a received report lies at no agency's desk yet
        assert (MOVES[name] in moves.allowed(report, by=by)) is may, f"{name} from {status} by {person}"
        before = report.events.count()
        if name in BY_THE_SYSTEM and person != "system":
            continue  # the service takes nobody: only the system calls it
        if may:
            event = make_move(name, report, by)
            report.refresh_from_db()
            assert report.status == (to or status)
            assert (event.from_status, event.to_status, event.type) == (status, report.status, MOVES[name].event)
            assert report.events.count() == before + 1
        else:
            with pytest.raises(MoveNotAllowed):
                make_move(name, report, by)
            report.refresh_from_db()
            assert (report.status, report.events.count()) == (status, before)


def test_every_status_can_be_reached_or_left() -> None:
    reached = {to for _start, to, _who in EXPECTED.values() if to}
    assert reached == EVERY - {R}
