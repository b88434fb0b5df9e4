"""The catalogue page: what it says of each layer, its filters, its empty states, and who sees what."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.test import Client

from accounts.models import User
from layers.formats import FILES_MAX
from layers.models import Layer
from tests.conftest import seed_all
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.layers import POINTS, make_layer

pytestmark = pytest.mark.django_db


def page(query: str = "", user: User | None = None, language: str = "en") -> str:
    client = Client(headers={"Accept-Language": language})
    if user:
        client.force_login(user)
    response = client.get(f"/data/{query}")
    assert response.status_code == 200
    return response.content.decode()


def test_card_says_agency_freshness_count_and_licence() -> None:
    make_layer(agency=make_agency("dinkes", name="Dinas Kesehatan"))
    html = page()
    for words in ("Fasilitas kesehatan", "Dinas Kesehatan", "made once", "3 features", "CC BY 4.0"):
        assert words in html


def test_empty_catalogue_says_so() -> None:
    assert "No data yet" in page()


def test_nothing_that_matches_offers_the_way_out() -> None:
    make_layer()
    assert "Nothing matches" in page("?q=bandara")


def test_filters_narrow_and_can_be_removed() -> None:
    make_layer("faskes")
    make_layer("jalan", title_id="Jalan kabupaten", theme="transportasi", agency=make_agency("dpu"))
    html = page("?agency=dpu")
    assert "Jalan kabupaten" in html
    assert "/data/faskes/" not in html
    assert "/data/faskes/" in page("?theme=sosial")
    assert "/data/jalan/" not in page("?theme=sosial")


def test_filter_by_format_leaves_what_can_be_taken_whole_in_it() -> None:
    make_layer("faskes")
    large = make_layer("bidang", title_id="Bidang tanah")
    assert large.current is not None
    large.current.feature_count = FILES_MAX + 1
    large.current.save()
    html = page("?format=gpkg")
    assert "/data/faskes/" in html
    assert "/data/bidang/" not in html
    assert "/data/bidang/" in page("?format=geojson")
    assert "GeoPackage (1)" in html
    assert "CSV (2)" in html


def test_odd_parameters_are_taken_quietly() -> None:
    make_layer()
    html = page("?page=99&utm_source=x&format=")
    assert "Fasilitas" in html
    assert "left out" not in html
    page("?q=%00&page=-1&agency=%27")


@pytest.mark.parametrize("name", ["agency", "theme", "kecamatan", "freshness", "format"])
def test_a_condition_that_no_filter_knows_is_left_out_and_said(name: str) -> None:
    make_layer()
    html = page(f"?{name}=%3Cnowhere%3E")
    assert "Fasilitas" in html
    assert f"was left out: {name}=&lt;nowhere&gt;" in html


def test_what_was_left_out_does_not_change_what_is_found() -> None:
    seed_all()
    make_layer("jalan", title_id="Jalan Bengalon")
    plain = page("?q=jalan+bengalon")
    assert "/data/jalan/" in plain
    strange = page("?q=jalan+bengalon&kecamatan=nowhere&theme=x")
    assert "/data/jalan/" in strange
    assert not re.search(r'href="\?[^"]*nowhere', strange)
    Layer.objects.update(state="draft")
    assert "No data yet" in page("?format=x")


def test_the_agency_of_a_private_layer_is_as_unknown_as_none() -> None:
    make_layer()
    make_layer("rahasia", access="agency", agency=make_agency("dpu", name="Dinas Pekerjaan Umum"))
    html = page("?agency=dpu")
    assert "was left out: agency=dpu" in html
    assert "Pekerjaan Umum" not in html


def test_markup_in_a_title_is_shown_as_text() -> None:
    make_layer(title_id="<script>alert(1)</script> jalan")
    html = page("?q=jalan")
    assert "<script>alert" not in html
    assert "alert" in html


PRIVATE: list[dict[str, Any]] = [{"access": "regency"}, {"access": "agency"}, {"access": "groups"}]


@pytest.mark.parametrize("over", PRIVATE, ids=lambda over: over["access"])
def test_private_layers_are_for_those_who_may_see_them(over: dict[str, Any]) -> None:
    agency = make_agency("dlh")
    rahasia = make_layer("rahasia", title_id="Xylofon", agency=agency, **over)
    member, group = make_user(), Group.objects.create(name="tim")
    member.groups.add(group)
    rahasia.groups.add(group)
    own, other = make_officer(agency), make_officer(make_agency("dpu"))
    sees = {
        "anonymous": "/data/rahasia/" in page("?q=xylofon"),
        "own": "/data/rahasia/" in page("?q=xylofon", own),
        "other": "/data/rahasia/" in page("?q=xylofon", other),
        "member": "/data/rahasia/" in page("?q=xylofon", member),
        "coordinator": "/data/rahasia/" in page("?q=xylofon", make_coordinator()),
        "citizen": "/data/rahasia/" in page("?q=xylofon", make_user()),
    }
    assert sees == {
        "anonymous": False,
        "citizen": False,
        "own": True,
        "coordinator": True,
        "other": over["access"] == "regency",
        "member": over["access"] == "groups",
    }


def test_private_layers_are_not_counted_in_filters_or_suggestions() -> None:
    make_layer("rahasia", title_id="Xylofon", agency=make_agency("dlh", name="Dinas Rahasia Sekali"), access="agency")
    html = page()
    assert "Dinas Rahasia Sekali" not in html
    assert "0 data sets" in html
    assert "xylofon" not in page("?q=xylofan").casefold()  # no correction leads to it


def test_unpublished_layers_are_not_listed() -> None:
    make_layer()
    Layer.objects.update(state="withdrawn")
    assert "/data/faskes/" not in page("?q=puskesmas", make_coordinator())


def test_queries_do_not_grow_with_layers(django_assert_max_num_queries: Any) -> None:
    for n in range(8):
        make_layer(f"faskes-{n}", POINTS, agency=make_agency(f"dinas-{n}"))
    with django_assert_max_num_queries(14):
        page("?q=teluk lingga")
