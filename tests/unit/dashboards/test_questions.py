import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict
from django.utils import translation

from accounts.models import Membership, User
from dashboards.questions import LEADERSHIP, PUBLIC, QuestionForm, audience_of, months_before
from tests.factories.map_reports import Place

TODAY = dt.date(2026, 6, 17)
pytestmark = pytest.mark.django_db


def form(query: str = "") -> QuestionForm:
    return QuestionForm(QueryDict(query))


def test_question_is_about_this_month_and_eleven_before_unless_told() -> None:
    asked = form()
    assert asked.is_valid()
    question = asked.question(audience=PUBLIC, today=TODAY)
    assert (question.since, question.until) == (dt.date(2025, 7, 1), TODAY)


def test_question_reads_every_parameter_and_gives_it_back() -> None:
    Place()
    query = (
        "since=2026-01-05&until=2026-05-31&kecamatan=64.08.04&desa=64.08.04.1001&category=jalan&agency=dlh"
        "&channel=api&channel=web"
    )
    asked = form(query)
    assert asked.is_valid(), asked.errors
    question = asked.question(audience=PUBLIC, today=TODAY)
    assert question.query_string() == query
    assert [category.code for category in question.categories] == ["jalan"]
    assert len(question.selection().categories) == 3  # the group, which carries none, and its two children
    assert asked.unknown_parameters() == []


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ("since=yesterday", "since", "YYYY-MM-DD"),
        ("since=1999-12-31", "since", "2000"),
        ("since=2026-05-02&until=2026-05-01", "until", "ends before it begins"),
        ("kecamatan=64.08.99", "kecamatan", "64.08.99"),
        ("kecamatan=64.08.06&desa=64.08.04.1001", "desa", "Teluk Lingga"),
        ("category=%00", "category", "\\0"),
        ("channel=pigeon", "channel", "pigeon"),
    ],
)
def test_wrong_parameter_is_named(query: str, field: str, words: str) -> None:
    Place()
    with translation.override("en"):
        asked = form(query)
        assert not asked.is_valid()
        assert words in str(asked.errors[field])


def test_unknown_parameters_are_told() -> None:
    assert form("since=2026-05-02&colour=red").unknown_parameters() == ["colour"]


def test_blank_parameters_are_as_if_not_given() -> None:
    asked = form("since=&kecamatan=&channel=")
    assert asked.is_valid()


def test_audience_is_what_the_person_may_see() -> None:
    place = Place()
    officer, leader, both = (User.objects.create(username=name) for name in ("officer", "leader", "both"))
    Membership.objects.create(user=officer, agency=place.agency)
    Membership.objects.create(user=leader, agency=place.agency, role=Membership.Role.LEADER)
    Membership.objects.create(user=both, agency=place.agency, role=Membership.Role.COORDINATOR)
    assert audience_of(AnonymousUser()) == PUBLIC
    assert audience_of(User.objects.create(username="citizen")) == PUBLIC
    assert audience_of(officer).agency_ids == (place.agency.pk,)
    assert audience_of(both) == LEADERSHIP


def test_months_before_counts_over_new_year() -> None:
    assert months_before(dt.date(2026, 1, 31), 1) == dt.date(2025, 12, 1)
    assert months_before(dt.date(2026, 1, 31), 13) == dt.date(2024, 12, 1)
