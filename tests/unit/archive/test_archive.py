"""What was published stays as it was: the database refuses every change, and editions stand beside each other."""

import datetime as dt
import hashlib

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import translation

from archive.errors import AlreadyOrdered, AlreadyWithdrawn, MonthNotOver, ReasonMissing
from archive.models import Order, Publication, PublishedFile, Withdrawal
from archive.publishing import order, withdraw
from tests.factories.accounts import make_coordinator
from tests.factories.publications import MAY, make_edition

pytestmark = pytest.mark.django_db
TODAY = dt.date(2026, 6, 3)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archive_publication SET reason = 'lain'",
        "DELETE FROM archive_publication",
        "UPDATE archive_publishedfile SET content = 'lain', sha256 = encode(sha256('lain'), 'hex')",
        "UPDATE archive_publishedfile SET content = NULL",
        "UPDATE archive_publishedfile SET name = name || '2'",
        "DELETE FROM archive_publishedfile",
        "TRUNCATE archive_publication CASCADE",
        "TRUNCATE archive_publishedfile",
    ],
)
def test_what_was_published_cannot_be_changed(statement: str) -> None:
    made = make_edition()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
            cursor.execute(statement)
    for file in made.files.all():
        assert hashlib.sha256(bytes(file.content)).hexdigest() == file.sha256
        assert file.size == len(file.content)


def test_a_digest_that_is_not_of_the_bytes_is_refused() -> None:
    made = make_edition()
    file = PublishedFile.of(b"isi", name="lain.pdf", media_type="application/pdf")
    file.publication, file.sha256 = made, "0" * 64
    with pytest.raises(DatabaseError, match="a_digest_is_that_of_the_bytes"), transaction.atomic():
        file.save()


def test_a_correction_stands_beside_the_first_edition() -> None:
    first, second = make_edition(), make_edition(reason="Angka Kaubun keliru")
    assert [one.edition for one in Publication.objects.of_month(MAY)] == [2, 1]
    assert first.files.count() == second.files.count() == 2
    with pytest.raises(DatabaseError, match="a_correction_has_a_reason"), transaction.atomic():
        Publication.objects.create(period=MAY, edition=3, as_of=first.as_of)
    with pytest.raises(DatabaseError, match="an_edition_is_published_once"), transaction.atomic():
        Publication.objects.create(period=MAY, edition=2, reason="lagi", as_of=first.as_of)


def test_a_withdrawn_edition_keeps_its_digests_and_loses_its_bytes() -> None:
    made, other = make_edition(), make_edition(dt.date(2026, 4, 1))
    digests = set(made.files.values_list("sha256", flat=True))
    withdraw(publication=made, reason="Data pribadi dihapus atas permintaan")
    assert set(made.files.values_list("content", flat=True)) == {None}
    assert set(made.files.values_list("sha256", flat=True)) == digests
    assert all(file.content for file in other.files.all())
    with pytest.raises(AlreadyWithdrawn):
        withdraw(publication=made, reason="lagi")
    with pytest.raises(DatabaseError, match="Cannot"), transaction.atomic():
        Withdrawal.objects.all().delete()
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        made.files.update(content=b"kembali")


def test_a_month_is_ordered_when_it_is_over_and_once() -> None:
    coordinator = make_coordinator()
    with pytest.raises(MonthNotOver):
        order(period=dt.date(2026, 6, 1), today=TODAY, by=coordinator)
    made = order(period=MAY, today=TODAY, by=coordinator, reason="tidak perlu")
    assert made.reason == ""  # the first edition corrects nothing
    with pytest.raises(AlreadyOrdered):
        order(period=MAY, today=TODAY, by=None)
    made.delete()
    make_edition()
    with pytest.raises(ReasonMissing):
        order(period=MAY, today=TODAY, by=coordinator, reason="  ")
    assert order(period=MAY, today=TODAY, by=coordinator, reason=" satu \n dua ").reason == "satu dua"
    with pytest.raises(AlreadyOrdered):
        order(period=MAY, today=TODAY, by=coordinator, reason="tiga")
    assert Order.objects.count() == 2


@translation.override("en")
def test_withdrawing_by_command_needs_an_edition_and_a_reason() -> None:
    make_edition()
    for arguments, words in (
        (("2026-05", "--edition=2", "--reason=x"), "no edition 2"),
        (("2026-05", "--edition=1", "--reason= "), "Give a reason"),
        (("Mei", "--edition=1", "--reason=x"), "no month"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("withdraw_monthly_report", *arguments)
    call_command("withdraw_monthly_report", "2026-05", "--edition=1", "--reason=Data pribadi")
    assert Publication.objects.get().is_withdrawn
    with pytest.raises(CommandError, match="withdrawn before"):
        call_command("withdraw_monthly_report", "2026-05", "--edition=1", "--reason=Data pribadi")
