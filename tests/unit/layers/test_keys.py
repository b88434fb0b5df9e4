"""API keys: made and shown once, what they open and what not, revoked, how their use is counted."""

import datetime as dt
import json
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from accounts.models import User
from layers import keys, usage
from layers.errors import KeyRefused
from layers.models import ApiKey, Layer, LayerDownload, LayerUse
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.keys import make_api_key
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _no_old_sums() -> None:
    usage.forget()


def body(answer: Any) -> bytes:
    """Return the whole answer, also of one that is streamed."""
    return bytes(answer.getvalue() if answer.streaming else answer.content)


@pytest.fixture
def officer() -> User:
    return make_officer(make_agency("dinkes"))


@pytest.fixture
def closed() -> Layer:
    return make_layer("tertutup", access="agency")


READS = [
    "/ogc/collections/tertutup",
    "/ogc/collections/tertutup/items",
    "/ogc/collections/tertutup/items/1",
    "/ogc/collections/tertutup/queryables",
    "/ogc/collections/tertutup/tiles/WebMercatorQuad/0/0/0",
    "/ogc/collections/catalogue/items/tertutup",
    "/tiles/tertutup/0/0/0.mvt",
    "/data/tertutup/",
    "/data/tertutup/metadata.jsonld",
    "/data/tertutup/fitur/1/",
    "/data/tertutup/unduh/geojson/",
    "/data/tertutup/unduh/gpkg/",
]


# What a key opens.


@pytest.mark.parametrize("address", READS)
@pytest.mark.parametrize("header", ["X-API-Key", "Authorization"])
def test_key_reads_what_its_owner_may_read(
    client: Client, closed: Layer, officer: User, address: str, header: str
) -> None:
    _key, headers = make_api_key(officer)
    text = headers["X-API-Key"]
    assert client.get(address).status_code == 404
    answer = client.get(address, headers={header: f"Bearer {text}" if header == "Authorization" else text})
    assert answer.status_code == 200
    assert body(answer)
    assert answer["Cache-Control"].startswith("private")


def test_keyed_answer_about_public_data_is_private_too(client: Client, officer: User) -> None:
    make_layer()
    _key, headers = make_api_key(officer)
    for address in ("/ogc/collections/faskes/items", "/tiles/faskes/0/0/0.mvt", "/ogc/", "/api/v1/agencies/"):
        assert "public" in client.get(address).get("Cache-Control", "public")
        assert client.get(address, headers=headers)["Cache-Control"].startswith("private")
    answer = client.get("/ogc/collections/faskes/items", headers=headers)
    again = client.get("/ogc/collections/faskes/items", headers={**headers, "If-None-Match": answer["ETag"]})
    assert (again.status_code, again["Cache-Control"].partition(",")[0]) == (304, "private")


@pytest.mark.parametrize("address", ["/ogc/collections", "/ogc/api", "/ogc/collections/catalogue/items", "/data/"])
def test_lists_with_a_key_hold_what_its_owner_may_see_and_say_so_to_caches(
    client: Client, closed: Layer, officer: User, address: str
) -> None:
    assert "tertutup" not in client.get(address).content.decode()
    answer = client.get(address, headers=make_api_key(officer)[1])
    assert "tertutup" in answer.content.decode()
    assert {"Authorization", "X-API-Key"} <= {name.strip() for name in client.get(address)["Vary"].split(",")}


def test_key_opens_nothing_of_others(client: Client, closed: Layer) -> None:
    for person in (make_officer(make_agency("disdik")), make_user()):
        _key, headers = make_api_key(person)
        for address in READS:
            assert client.get(address, headers=headers).status_code == 404


def test_key_is_no_session(client: Client, officer: User) -> None:
    _key, headers = make_api_key(officer, may_edit=True)
    for address in ("/data/kunci/", "/data/unduhan/", "/data/unggah/", "/opd/", "/akun/2fa/", "/admin/"):
        answer = client.get(address, headers=headers)
        assert answer.status_code == 302
        assert "/login/" in answer["Location"]
    assert "sessionid" not in client.cookies


def test_key_wins_over_a_session(client: Client, closed: Layer, officer: User) -> None:
    client.force_login(officer)
    assert client.get("/ogc/collections/tertutup").status_code == 200
    _key, headers = make_api_key(make_user())
    assert client.get("/ogc/collections/tertutup", headers=headers).status_code == 404


@pytest.mark.parametrize("name", ["api_key", "key", "token", "X-API-Key", "access_token"])
def test_key_in_an_address_is_refused_by_name(client: Client, closed: Layer, officer: User, name: str) -> None:
    text = make_api_key(officer)[1]["X-API-Key"]
    assert client.get("/ogc/collections", {name: text}).status_code == 400
    assert client.get("/ogc/collections/tertutup/items", {name: text}).status_code == 404


@pytest.mark.parametrize(
    "address", ["/ogc/collections/faskes/items", "/tiles/faskes/0/0/0.mvt", "/data/", "/api/v1/agencies/"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": ""},
        {"X-API-Key": "kutim_00000000_" + "0" * 48},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer x' OR 1=1"},
        {"Authorization": "bearer \u00e9\u00e9"},
    ],
)
def test_wrong_key_is_refused_everywhere_and_never_taken_for_nobody(
    client: Client, address: str, headers: dict[str, str]
) -> None:
    make_layer()
    answer = client.get(address, headers=headers)
    assert answer.status_code == 401
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == "wrong_key"
    assert answer["WWW-Authenticate"].startswith("Bearer ")
    assert answer["Cache-Control"].startswith("private")


def test_right_prefix_with_a_wrong_secret_is_refused(client: Client, closed: Layer, officer: User) -> None:
    text = make_api_key(officer)[1]["X-API-Key"]
    wrong = text[:-1] + ("0" if text[-1] != "0" else "1")
    assert client.get("/ogc/", headers={"X-API-Key": wrong}).status_code == 401


def test_ended_revoked_and_orphaned_keys_open_nothing_and_say_why(client: Client, closed: Layer, officer: User) -> None:
    key, headers = make_api_key(officer, valid_for=dt.timedelta(days=1))

    def told() -> str:
        answer = client.get("/ogc/collections/tertutup", headers={**headers, "Accept-Language": "en"})
        return str(answer.json()["detail"]) if answer.status_code == 401 else str(answer.status_code)

    assert told() == "200"
    ApiKey.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))
    assert "valid until" in told()
    ApiKey.objects.update(expires_at=None)
    assert told() == "200"
    User.objects.filter(pk=officer.pk).update(is_active=False)
    assert "revoked" in told()
    User.objects.filter(pk=officer.pk).update(is_active=True)
    keys.revoke(key=key, by=officer)
    assert "revoked" in told()


def test_key_of_somebody_who_left_the_agency_opens_its_data_no_more(
    client: Client, closed: Layer, officer: User
) -> None:
    _key, headers = make_api_key(officer)
    officer.memberships.all().delete()
    assert client.get("/ogc/collections/tertutup", headers=headers).status_code == 404


def test_error_speaks_the_asked_language(client: Client) -> None:
    told = [
        client.get("/ogc/", headers={"X-API-Key": "x", "Accept-Language": language}).json()["detail"]
        for language in ("id", "en")
    ]
    assert told[1].startswith("This API key is not known")


# Making and revoking.


def test_secret_is_stored_nowhere(officer: User) -> None:
    key, text = keys.make_key(by=officer, consumer="dasbor")
    secret = text.split("_")[2]
    row = json.dumps(ApiKey.objects.values().get(), default=str)
    assert key.prefix in row
    assert secret not in row
    assert len(secret) == 48


def test_name_is_used_once_until_it_is_revoked(officer: User) -> None:
    key, _text = keys.make_key(by=officer, consumer="dasbor")
    with pytest.raises(KeyRefused):
        keys.make_key(by=officer, consumer="dasbor")
    keys.make_key(by=make_user(), consumer="dasbor")
    keys.revoke(key=key, by=officer)
    keys.make_key(by=officer, consumer="dasbor")


def test_a_person_holds_no_more_than_the_limit(officer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys, "LIVE_MAX", 2)
    for n in range(2):
        keys.make_key(by=officer, consumer=f"dasbor {n}")
    with pytest.raises(KeyRefused):
        keys.make_key(by=officer, consumer="dasbor 3")


def test_nobody_revokes_another_persons_key_but_the_coordinator(officer: User) -> None:
    key, _text = keys.make_key(by=officer, consumer="dasbor")
    with pytest.raises(PermissionError):
        keys.revoke(key=key, by=make_officer(make_agency("dinkes")))
    coordinator = make_coordinator()
    keys.revoke(key=key, by=coordinator)
    key.refresh_from_db()
    assert key.revoked_by == coordinator


def test_page_makes_shows_once_and_revokes(client: Client, closed: Layer, officer: User) -> None:
    client.force_login(officer)
    assert client.get("/data/kunci/").status_code == 200
    made = client.post("/data/kunci/", {"consumer": "Dasbor Dinkes", "valid_for": "365"})
    assert made.status_code == 201
    assert "no-store" in made["Cache-Control"]
    text = made.context["text"]
    assert text in made.content.decode()
    key = ApiKey.objects.get()
    assert (key.owner, key.may_edit) == (officer, False)
    assert key.expires_at is not None
    assert 364 <= (key.expires_at - timezone.now()).days <= 365
    later = client.get("/data/kunci/").content.decode()
    assert key.prefix in later
    assert text.split("_")[2] not in later
    again = client.post("/data/kunci/", {"consumer": "Dasbor Dinkes", "valid_for": "365"})  # a reload
    assert again.status_code == 422
    assert ApiKey.objects.count() == 1
    assert client.get(f"/data/kunci/{key.pk}/cabut/").status_code == 405
    assert client.post(f"/data/kunci/{key.pk}/cabut/").status_code == 302
    assert Client().get("/ogc/", headers={"X-API-Key": text}).status_code == 401


def test_page_refuses_what_cannot_be(client: Client, officer: User) -> None:
    client.force_login(officer)
    for sent in (
        {},
        {"consumer": " "},
        {"consumer": "x" * 81},
        {"consumer": "a", "valid_for": "9"},
        {"consumer": "a\0b"},
    ):
        assert client.post("/data/kunci/", sent).status_code == 422
    assert not ApiKey.objects.exists()


def test_page_needs_a_session(client: Client) -> None:
    for answer in (client.get("/data/kunci/"), client.post("/data/kunci/", {"consumer": "x"})):
        assert answer["Location"].startswith("/akun/login/")
    key, _headers = make_api_key(make_user())
    client.post(f"/data/kunci/{key.pk}/cabut/")
    key.refresh_from_db()
    assert key.is_live


def test_page_shows_own_keys_and_a_coordinator_all(client: Client, officer: User) -> None:
    key, _headers = make_api_key(officer, consumer="Kunci milik Dinkes")
    client.force_login(make_officer(make_agency("dinkes")))
    assert "Kunci milik Dinkes" not in client.get("/data/kunci/").content.decode()
    assert client.post(f"/data/kunci/{key.pk}/cabut/").status_code == 404
    client.force_login(make_coordinator())
    assert "Kunci milik Dinkes" in client.get("/data/kunci/").content.decode()
    assert client.post(f"/data/kunci/{key.pk}/cabut/").status_code == 302
    key.refresh_from_db()
    assert not key.is_live


def test_only_who_may_change_data_can_mark_a_key_for_editing(client: Client, officer: User) -> None:
    for person, expected in ((officer, True), (make_user(), False)):
        client.force_login(person)
        assert ("may_edit" in client.get("/data/kunci/").context["form"].fields) is expected
        client.post("/data/kunci/", {"consumer": "penyunting", "may_edit": "on"})
        assert ApiKey.objects.get(owner=person).may_edit is expected


# Use.


def used() -> dict[tuple[str, str, str], int]:
    usage.flush()
    rows = LayerUse.objects.values_list("kind", "layer__slug", "key__consumer", "n")
    return {(kind, slug or "", consumer or ""): n for kind, slug, consumer, n in rows}


def test_use_is_counted_by_key_layer_and_kind(client: Client, closed: Layer, officer: User) -> None:
    make_layer()
    _key, headers = make_api_key(officer)
    for address in READS:
        assert body(client.get(address, headers=headers))
    for address in ("/ogc/collections", "/api/v1/agencies/", "/tiles/reports/0/0/0.mvt"):
        assert client.get(address, headers=headers).status_code < 300
    for _n in range(3):
        client.get("/ogc/collections/faskes/items")
    client.get("/tiles/faskes/0/0/0.mvt")
    assert used() == {
        ("items", "tertutup", "uji"): 3,
        ("tiles", "tertutup", "uji"): 2,
        ("downloads", "tertutup", "uji"): 2,
        ("other", "tertutup", "uji"): 5,
        ("other", "", "uji"): 2,
        ("tiles", "", "uji"): 1,
        ("items", "faskes", ""): 3,
        ("tiles", "faskes", ""): 1,
    }


def test_refusals_and_missing_layers_are_not_counted(client: Client, closed: Layer) -> None:
    client.get("/ogc/collections/tertutup/items")
    client.get("/ogc/collections/tidak-ada/items")
    make_layer()
    client.get("/ogc/collections/faskes/items?limit=x")
    client.get("/ogc/collections/faskes/items", headers={"X-API-Key": "x"})
    assert used() == {}


def test_sums_add_up_and_bytes_are_those_of_the_bodies(client: Client, officer: User) -> None:
    make_layer()
    key, headers = make_api_key(officer)
    sizes = 0
    for _n in range(2):
        sizes += len(client.get("/ogc/collections/faskes/items", headers=headers).content)
        usage.flush()
    assert client.head("/ogc/collections/faskes/items", headers=headers).status_code == 200
    taken = len(client.get("/data/faskes/unduh/csv/", headers=headers).getvalue())
    taken += len(client.get("/data/faskes/unduh/gpkg/", headers=headers).getvalue())
    usage.flush()
    rows = {row.kind: row for row in LayerUse.objects.filter(key=key)}
    assert (rows["items"].n, rows["items"].bytes) == (3, sizes)
    assert (rows["downloads"].n, rows["downloads"].bytes) == (2, taken)
    assert rows["items"].day == timezone.localdate()


def test_key_knows_when_it_was_last_used(client: Client, officer: User) -> None:
    key, headers = make_api_key(officer)
    client.get("/ogc/", headers=headers)
    usage.flush()
    key.refresh_from_db()
    assert key.last_used_at is not None
    assert timezone.now() - key.last_used_at < dt.timedelta(minutes=1)


def test_counting_costs_a_request_no_query(client: Client, django_assert_num_queries: Any) -> None:
    make_layer()
    client.get("/tiles/faskes/0/0/0.mvt")
    with django_assert_num_queries(1):  # the layer; the tile is kept
        client.get("/tiles/faskes/0/0/0.mvt")
    assert used() == {("tiles", "faskes", ""): 2}


def test_sums_of_what_is_gone_are_dropped_and_the_others_kept() -> None:
    layer = make_layer()
    day = timezone.localdate()
    for pk in (layer.pk, layer.pk + 1000):
        usage.add((day, "items", pk, None), 1, 10)
    assert used() == {("items", "faskes", ""): 1}


def test_sums_wait_while_the_database_refuses_them() -> None:
    day = timezone.localdate()
    usage.add((day, "items" * 10, None, None), 1, 10)  # too long for the column
    assert usage.flush() == 0
    usage.forget()
    usage.add((day, "items", make_layer().pk, None), 1, 10)
    assert usage.flush() == 1


def test_page_shows_a_days_use(client: Client, officer: User) -> None:
    make_layer()
    _key, headers = make_api_key(officer)
    for _n in range(7):
        client.get("/ogc/collections/faskes/items", headers=headers)
    client.force_login(officer)
    page = client.get("/data/kunci/")
    [(_shown, days)] = page.context["own"]
    assert [(row["items_n"], row["tiles_n"], row["day"]) for row in days] == [(7, 0, timezone.localdate())]


def test_page_of_many_keys_costs_no_more_queries(
    client: Client, officer: User, django_assert_max_num_queries: Any
) -> None:
    client.force_login(officer)
    for n in range(12):
        _key, headers = make_api_key(officer, consumer=f"dasbor {n}")
        client.get("/ogc/", headers=headers)
    usage.flush()
    with django_assert_max_num_queries(10):
        client.get("/data/kunci/")


def test_download_of_internal_data_names_the_key(client: Client, closed: Layer, officer: User) -> None:
    key, headers = make_api_key(officer)
    client.get("/data/tertutup/unduh/csv/", headers=headers).getvalue()
    row = LayerDownload.objects.get()
    assert (row.user, row.key, row.format) == (officer, key, "csv")
