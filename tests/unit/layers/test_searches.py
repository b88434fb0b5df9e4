import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.test import Client
from django.utils import timezone

from accounts.models import User
from layers import searches
from layers.models import Access, CatalogueSearch, Layer
from layers.search import Search, Wanted
from tests.factories.accounts import make_officer
from tests.factories.layers import make_layer

pytestmark = [pytest.mark.django_db]
TODAY = dt.date(2026, 6, 3)


@pytest.fixture(autouse=True)
def _nothing_waits() -> None:
    searches.forget()


def search(q: str, user: User | None = None, **more: str) -> None:
    searches.note(Search(Wanted.read({"q": q, **more}), user or AnonymousUser()))


def kept() -> dict[str, tuple[int, int, int]]:
    searches.flush()
    return {row.text: (row.n, row.nothing, row.partly) for row in CatalogueSearch.objects.all()}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("  Jalan   RUSAK ", "jalan rusak"),
        ("ｐｕｓｋｅｓｍａｓ", "puskesmas"),
        ("ibu hamil", "ibu hamil"),
        ("sekolah 2024", "sekolah 2024"),
        ("ab", ""),
        ("12 34", ""),
        ("6408041204850001", ""),
        ("6408-0412-0485", ""),
        ("0812 3456 789", ""),
        ("nama@contoh.id", ""),
        ("ktp 123", ""),
        ("pak budi", ""),
        ("siti binti ahmad", ""),
        ("https://contoh.id/x", ""),
        ("satu dua tiga empat lima enam tujuh delapan sembilan", ""),
        ("x" * 81, ""),
    ],
)
def test_normal_keeps_subjects_and_no_personal_data(text: str, expected: str) -> None:
    assert searches.normal(text) == expected


def test_a_search_is_counted_with_what_it_found() -> None:
    make_layer("faskes", title_id="Puskesmas")
    search("Puskesmas")
    search("puskesmas ")
    search("puskesmas terbang")
    search("mercusuar")
    assert kept() == {"puskesmas": (2, 0, 0), "puskesmas terbang": (1, 0, 1), "mercusuar": (1, 1, 0)}
    search("mercusuar")
    assert kept()["mercusuar"] == (2, 2, 0)


def test_filters_and_further_pages_are_no_new_search() -> None:
    search("jalan", page="2")
    search("jalan", theme="batas")
    search("")
    assert kept() == {}


def test_a_private_layer_is_not_betrayed_by_its_steward() -> None:
    layer = make_layer("rahasia", title_id="Gudang senjata", access=Access.AGENCY)
    officer = make_officer(layer.agency)
    assert Search(Wanted(q="gudang senjata"), officer).count == 1
    search("gudang senjata", officer)
    assert kept() == {}
    search("gudang senjata")
    assert kept() == {"gudang senjata": (1, 1, 0)}


def test_often_shows_no_rare_texts_and_none_of_one_day() -> None:
    day = dt.timedelta(days=1)
    for text, days, n in (("kapal", 2, 3), ("perahu", 1, 50), ("sampan", 2, 2), ("jalan", 3, 4)):
        for ago in range(days):
            missed = 0 if text == "jalan" else n
            CatalogueSearch.objects.create(day=TODAY - ago * day, text=text, n=n, nothing=missed, partly=0)
    found = searches.often(TODAY - 30 * day, TODAY)
    assert [(one.text, one.n, one.missed, one.last) for one in found] == [
        ("kapal", 6, 6, TODAY),
        ("jalan", 12, 0, TODAY),
    ]
    assert searches.often(TODAY, TODAY) == []
    assert searches.total(TODAY - 30 * day, TODAY) == (6 + 50 + 4 + 12, 60)


def test_old_and_rare_texts_are_deleted() -> None:
    day = dt.timedelta(days=1)
    for text, ago, n in (("jalan", 0, 9), ("jalan", 60, 9), ("jalan", 400, 9), ("kapal", 40, 99), ("sampan", 10, 1)):
        CatalogueSearch.objects.create(day=TODAY - ago * day, text=text, n=n, nothing=0, partly=0)
    assert searches.clear_old(TODAY) == 2
    assert sorted(CatalogueSearch.objects.values_list("text", "day")) == [
        ("jalan", TODAY - 60 * day), ("jalan", TODAY), ("sampan", TODAY - 10 * day)
    ]  # fmt: skip


def test_a_flood_of_texts_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "TEXTS_A_DAY", 1)
    search("kapal")
    searches.flush()
    search("perahu")
    assert set(kept()) == {"kapal"}
    monkeypatch.setattr(searches, "WAITING_MAX", 1)
    search("sampan")
    search("rakit")
    assert len(searches._sums.rows) == 1


def test_the_catalogue_counts_what_is_searched_there(client: Client) -> None:
    assert client.get("/data/", {"q": "Kapal selam"}).status_code == 200
    assert kept() == {"kapal selam": (1, 1, 0)}
    row = CatalogueSearch.objects.get()
    assert row.day == timezone.localdate()
    assert not Layer.objects.exists()
