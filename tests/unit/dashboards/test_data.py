"""The data's panel: layers of each agency as the reader may see them, their use, and what is searched in vain."""

import datetime as dt
import html
import re
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from dashboards.data import DAYS, DataScreen
from layers.models import CatalogueSearch, Layer, LayerUse, LayerVersion
from tests.factories.accounts import make_agency, make_coordinator, make_officer
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db
DAY = dt.timedelta(days=1)


def read(client: Client) -> str:
    response = client.get("/dasbor/data/", headers={"Accept-Language": "en"})
    assert response.status_code == 200
    return html.unescape(re.sub(r"<[^>]+>", " ", response.content.decode()))


def use(layer: Layer, kind: str, n: int, ago: int = 0) -> None:
    LayerUse.objects.create(day=timezone.localdate() - ago * DAY, kind=kind, layer=layer, n=n, bytes=1)


def test_layers_are_told_by_agency_with_freshness_and_use() -> None:
    health, works = make_agency("dinkes"), make_agency("dpu")
    old = make_layer("faskes", agency=health, cycle="monthly", licence="X")
    make_layer("jalan", agency=works, cycle="yearly")
    make_layer("jembatan", agency=works, cycle="once")
    LayerVersion.objects.filter(layer=old).update(published_at=timezone.now() - 100 * DAY)
    use(old, "downloads", 3)
    use(old, "tiles", 5, ago=DAYS - 1)
    use(old, "items", 2)
    use(old, "downloads", 100, ago=DAYS)  # too long ago
    screen = DataScreen(AnonymousUser())
    first, second = screen.agencies
    assert (first.code, first.layers, first.fresh, first.late, first.once) == ("dpu", 2, 1, 0, 1)
    assert (second.code, second.layers, second.late, second.downloads, second.reads) == ("dinkes", 1, 1, 3, 7)
    assert 0 < second.completeness < 100
    assert screen.totals == {"layers": 3, "late": 1, "downloads": 3, "reads": 7}
    assert [row.layer.slug for row in screen.late] == ["faskes"]
    assert [row.layer.slug for row in screen.most_used] == ["faskes"]


@pytest.mark.parametrize(("who", "seen"), [("public", 1), ("own", 2), ("other", 1), ("coordinator", 2)])
def test_a_layer_and_its_use_are_told_to_those_who_may_see_it(who: str, seen: int) -> None:
    health = make_agency("dinkes")
    make_layer("faskes", agency=health)
    use(make_layer("pasien", agency=health, access="agency"), "downloads", 9)
    reader: Any = {
        "public": AnonymousUser, "own": lambda: make_officer(health), "other": make_officer,
        "coordinator": make_coordinator,
    }[who]()  # fmt: skip
    screen = DataScreen(reader)
    assert screen.totals["layers"] == seen
    assert screen.totals["downloads"] == (9 if seen == 2 else 0)


def test_page_shows_what_was_searched_often_and_not_found(client: Client) -> None:
    today = timezone.localdate()
    for text, n, nothing in (("kapal <b>", 3, 3), ("jalan", 30, 0)):
        for ago in (0, 1):
            CatalogueSearch.objects.create(day=today - ago * DAY, text=text, n=n, nothing=nothing, partly=0)
    CatalogueSearch.objects.create(day=today, text="nama orang", n=4, nothing=4, partly=0)
    page = read(client)
    assert "kapal <b>" not in page  # anybody can search for a sentence again and again
    assert "10 of them found nothing" in page
    client.force_login(make_officer(make_agency("dlh")))
    page = read(client)
    assert "kapal <b>" in page
    assert "nama orang" not in page


def test_empty_page_says_so(client: Client) -> None:
    page = read(client)
    for words in ("No layer is published yet", "shown to people of the agencies", "No layer is overdue"):
        assert words in page
    client.force_login(make_officer(make_agency("dlh")))
    assert "searched in vain often enough" in read(client)


def test_what_the_address_asks_in_vain_is_named(client: Client) -> None:
    page = client.get("/dasbor/data/?foo=bar&since=abc", headers={"Accept-Language": "en"}).content.decode()
    assert "left out: foo, since" in page


def test_queries_do_not_grow_with_layers(client: Client) -> None:
    make_layer("a")
    read(client)
    with CaptureQueriesContext(connection) as few:
        read(client)
    for name in ("b", "c", "d"):
        use(make_layer(name), "tiles", 1)
    with CaptureQueriesContext(connection) as more:
        read(client)
    assert len(more) == len(few)
