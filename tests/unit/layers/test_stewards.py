"""Pages of those who answer for data: who took internal layers; which version is shown, since when and why."""

from typing import Any

import pytest
from django.db import InternalError, transaction
from django.test import Client

from accounts.models import User
from layers import versions
from layers.errors import NotReady
from layers.models import Layer, LayerDownload, VersionChange
from tests.factories.accounts import make_agency, make_coordinator, make_leader, make_officer, make_user
from tests.factories.geo import make_edition
from tests.factories.layers import POINTS, make_layer, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def officer() -> User:
    return make_officer(make_agency("dinkes"), first_name="Ratna")


def take(user: User, slug: str, code: str = "csv", query: str = "") -> None:
    client = Client()
    client.force_login(user)
    assert client.get(f"/data/{slug}/unduh/{code}/{query}").getvalue()


def text_of(client: Client, address: str) -> str:
    return str(client.get(address).content.decode())


# Downloads of internal layers.


def test_download_of_an_internal_layer_is_written_down_with_all_that_matters(client: Client, officer: User) -> None:
    make_edition()
    layer = make_layer("tertutup", access="regency")
    other = make_officer(make_agency("dlh"), first_name="Budi")
    take(other, "tertutup", "geojson", "?q=puskesmas&crs=32650")
    row = LayerDownload.objects.get()
    assert (row.user, row.layer, row.version, row.format, row.srid, row.conditions, row.key) == (
        other, layer, layer.current, "geojson", 32650, {"q": "puskesmas"}, None,
    )  # fmt: skip
    client.force_login(officer)
    page = text_of(client, "/data/unduhan/")
    for told in ("Budi", "Fasilitas kesehatan", "GeoJSON", "EPSG:32650", "“puskesmas”"):
        assert told in page


def test_public_downloads_and_refused_ones_are_not_written_down(client: Client, officer: User) -> None:
    make_layer()
    take(officer, "faskes")
    make_layer("tertutup", access="agency")
    assert client.get("/data/tertutup/unduh/csv/").status_code == 404
    assert not LayerDownload.objects.exists()


def test_what_is_written_down_stays(officer: User) -> None:
    make_layer("tertutup", access="agency")
    take(officer, "tertutup")
    for change in (lambda: LayerDownload.objects.update(format="x"), lambda: LayerDownload.objects.all().delete()):
        with pytest.raises(InternalError), transaction.atomic():
            change()


def test_each_agency_reads_about_its_own_data_and_the_coordinator_about_all(client: Client, officer: User) -> None:
    make_layer("punya-dinkes", access="regency", title_id="Punya Dinkes")
    make_layer("punya-dlh", agency=make_agency("dlh"), access="regency", title_id="Punya DLH")
    for slug in ("punya-dinkes", "punya-dlh"):
        take(officer, slug)
    seen = {}
    for name, person in (("own", officer), ("other", make_officer(make_agency("dlh"))), ("all", make_coordinator())):
        client.force_login(person)
        page = text_of(client, "/data/unduhan/")
        seen[name] = ("Punya Dinkes" in page, "Punya DLH" in page)
        expected = 200 if seen[name][1] else 404
        assert client.get("/data/unduhan/", {"layer": "punya-dlh"}).status_code == expected
    assert seen == {"own": (True, False), "other": (False, True), "all": (True, True)}


@pytest.mark.parametrize(
    "query", ["?page=0", "?page=x", "?page=99999999999999999999", "?layer=%00", "?layer=tidak-ada"]
)
def test_odd_addresses_of_the_list_are_answered(client: Client, officer: User, query: str) -> None:
    make_layer("tertutup", access="agency")
    take(officer, "tertutup")
    client.force_login(officer)
    assert client.get(f"/data/unduhan/{query}").status_code in {200, 404}


def test_long_list_comes_in_pages_at_a_constant_cost(
    client: Client, officer: User, django_assert_max_num_queries: Any
) -> None:
    layer = make_layer("tertutup", access="agency")
    LayerDownload.objects.bulk_create(
        LayerDownload(layer=layer, version=layer.current, user=officer, format="csv", srid=4326) for _n in range(120)
    )
    client.force_login(officer)
    with django_assert_max_num_queries(12):
        page = client.get("/data/unduhan/?page=3")
    assert len(page.context["rows"]) == 20


@pytest.mark.parametrize("address", ["/data/unduhan/", "/data/faskes/versi/", "/data/faskes/versi/1/pakai/"])
def test_pages_of_stewards_are_closed_to_others(client: Client, address: str) -> None:
    make_layer()
    assert client.get(address)["Location"].startswith("/akun/login/")
    for person, status in ((make_user(), {403, 404}), (make_officer(make_agency("dlh")), {200, 404})):
        client.force_login(person)
        assert client.get(address).status_code in status - ({200} if "versi" in address else set())


# Versions.


@pytest.fixture
def layer() -> Layer:
    """A layer whose second, current version has lost two of three features."""
    layer = make_layer()
    versions.publish(version=make_version(layer, POINTS[:1]), by=None)
    layer.refresh_from_db()
    return layer


def test_coordinator_goes_back_with_a_reason_and_it_is_kept(client: Client, layer: Layer) -> None:
    coordinator = make_coordinator(first_name="Dewi")
    client.force_login(coordinator)
    assert "/data/faskes/versi/" in text_of(client, "/data/faskes/")
    assert "/data/faskes/versi/1/pakai/" in text_of(client, "/data/faskes/versi/")
    asked = client.get("/data/faskes/versi/1/pakai/")
    assert asked.status_code == 200
    layer.refresh_from_db()
    assert layer.current is not None
    assert layer.current.number == 2  # asking changes nothing
    assert client.post("/data/faskes/versi/1/pakai/", {"reason": " "}).status_code == 422
    done = client.post("/data/faskes/versi/1/pakai/", {"reason": "Dua puskesmas hilang."}, follow=True)
    assert done.status_code == 200
    layer.refresh_from_db()
    assert layer.current.number == 1
    assert Client().get("/ogc/collections/faskes/items").json()["numberMatched"] == 3
    change = VersionChange.objects.first()
    assert change is not None
    assert change.before is not None
    assert (change.before.number, change.after.number, change.by, change.reason) == (
        2, 1, coordinator, "Dua puskesmas hilang.",
    )  # fmt: skip
    page = done.content.decode()
    assert "Dua puskesmas hilang." in page
    assert "Dewi" in page
    # And forward again.
    client.post("/data/faskes/versi/2/pakai/", {"reason": "Ternyata benar."})
    layer.refresh_from_db()
    assert layer.current.number == 2


def test_officer_sees_the_versions_but_does_not_decide(client: Client, layer: Layer, officer: User) -> None:
    client.force_login(officer)
    page = text_of(client, "/data/faskes/versi/")
    assert "uji.geojson" in page
    assert "/pakai/" not in page
    assert client.get("/data/faskes/versi/1/pakai/").status_code == 404
    assert client.post("/data/faskes/versi/1/pakai/", {"reason": "x"}).status_code == 404
    with pytest.raises(PermissionError):
        versions.reinstate(version=layer.versions.get(number=1), by=officer, reason="x")


@pytest.mark.parametrize("person", [make_user, make_leader])
def test_others_find_no_link_and_no_page(client: Client, layer: Layer, person: Any) -> None:
    client.force_login(person())
    assert "/versi/" not in text_of(client, "/data/faskes/")
    assert client.get("/data/faskes/versi/").status_code == 404


def test_what_cannot_be_shown_again_is_refused(client: Client, layer: Layer) -> None:
    coordinator = make_coordinator()
    unpublished = make_version(layer, POINTS[:2])
    for version in (unpublished, layer.versions.get(number=2)):
        with pytest.raises(NotReady):
            versions.reinstate(version=version, by=coordinator, reason="x")
    client.force_login(coordinator)
    assert client.get("/data/faskes/versi/3/pakai/").status_code == 404
    assert client.get("/data/faskes/versi/9/pakai/").status_code == 404
    assert client.get("/data/faskes/versi/2/pakai/")["Location"] == "/data/faskes/versi/"
    assert client.post("/data/faskes/versi/2/pakai/", {"reason": "x"}).status_code == 422
    Layer.objects.update(state="withdrawn")
    with pytest.raises(NotReady):
        versions.reinstate(version=layer.versions.get(number=1), by=coordinator, reason="x")
    assert client.get("/data/faskes/versi/").status_code == 200
    assert client.get("/data/faskes/versi/1/pakai/").status_code == 404


def test_hidden_field_stays_hidden_after_going_back(client: Client) -> None:
    layer = make_layer()
    layer.fields = [entry | {"hidden": entry["name"] == "jenis"} for entry in layer.fields]
    layer.save()
    versions.publish(version=make_version(layer, [(POINTS[0][0], {"nama": "Baru"})]), by=None)
    versions.reinstate(version=layer.versions.get(number=1), by=make_coordinator(), reason="x")
    text = text_of(client, "/ogc/collections/faskes/items")
    assert "Sepaso" in text
    assert "pustu" not in text.replace("Pustu Sepaso", "")


def test_every_change_of_version_is_written_down_and_stays(layer: Layer) -> None:
    versions.roll_back(layer=layer, by=None, reason="uji")
    told = [(c.before.number if c.before else None, c.after.number, c.reason) for c in VersionChange.objects.all()]
    assert told == [(2, 1, "uji"), (1, 2, ""), (None, 1, "")]
    for change in (lambda: VersionChange.objects.update(reason="x"), lambda: VersionChange.objects.all().delete()):
        with pytest.raises(InternalError), transaction.atomic():
            change()


# Where these pages are linked from.


def test_catalogue_and_menu_link_to_the_upload_for_those_who_may(client: Client, officer: User) -> None:
    assert "/data/unggah/" not in text_of(client, "/data/")
    for person, expected in ((make_user(), False), (make_leader(), False), (officer, True), (make_coordinator(), True)):
        client.force_login(person)
        page = client.get("/data/")
        assert page.context["may_upload"] is expected
        assert 'href="/data/kunci/"' in page.content.decode()
    assert 'href="/data/unggah/"' in text_of(client, "/opd/")
