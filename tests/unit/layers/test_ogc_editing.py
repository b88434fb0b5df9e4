"""OGC API Features Part 4: features created, replaced, updated, deleted; by whom, of which state, and who sees it."""

import base64
import json
from typing import Any

import pytest
import shapely
from django.db import DatabaseError, transaction
from django.test import Client
from django.utils import timezone
from django.utils.translation import override

from accounts.models import User
from layers import editing
from layers.editing import open_edit, publish_edit, summarise
from layers.errors import EditBusy
from layers.models import FeatureChange, Layer, LayerEdit, LayerPlace, LayerWord
from layers.ogc.errors import MethodNotAllowed
from layers.ogc.writing import BODY_BYTES
from layers.versions import publish, roll_back
from tests.factories.accounts import PASSWORD, make_agency, make_coordinator, make_leader, make_officer, make_user
from tests.factories.keys import make_api_key
from tests.factories.layers import POINTS, make_layer, make_version

ITEMS = "/ogc/collections/faskes/items"
GEOJSON, PATCH = "application/geo+json", "application/merge-patch+json"
EPSG = "http://www.opengis.net/def/crs/EPSG/0/"
FIELDS = [
    {"name": "nama", "title": "Nama", "type": "text", "hidden": False},
    {"name": "jenis", "title": "Jenis", "type": "code", "hidden": False},
    {"name": "tempat_tidur", "title": "Tempat tidur", "type": "integer", "hidden": False},
    {"name": "luas", "title": "Luas", "type": "number", "hidden": False},
    {"name": "buka", "title": "Buka", "type": "boolean", "hidden": False},
    {"name": "sejak", "title": "Sejak", "type": "date", "hidden": False},
    {"name": "diperiksa", "title": "Diperiksa", "type": "datetime", "hidden": False},
    {"name": "nik_kepala", "title": "NIK", "type": "code", "hidden": True, "personal": True},
]
NEW: dict[str, Any] = {
    "type": "Feature",
    "geometry": {"type": "Point", "coordinates": [117.5, 0.52]},
    "properties": {"nama": "Pustu Baru", "jenis": "pustu", "tempat_tidur": 3},
}


@pytest.fixture
def faskes(kutim: None) -> Layer:
    rows = [
        (geometry, properties | {"nik_kepala": f"640812010190000{n}"})
        for n, (geometry, properties) in enumerate(POINTS)
    ]
    return make_layer("faskes", rows, make_agency("dinkes"), fields=FIELDS)


@pytest.fixture
def officer(faskes: Layer) -> User:
    return make_officer(faskes.agency, username="petugas", first_name="Rina", last_name="Sari")


def basic(user: User, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{user.username}:{password}".encode()).decode()}


def call(method: str, path: str, user: User | None = None, body: Any = None, **headers: str) -> Any:
    """Send a request as a program does: with a name and a password, without a session."""
    kind = headers.pop("content_type", PATCH if method == "PATCH" else GEOJSON)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    sent |= basic(user) if user else {}
    data = body if isinstance(body, (bytes, str)) else json.dumps(body) if body is not None else ""
    return Client().generic(method, path, data, content_type=kind, headers=sent)


def etag(path: str, user: User | None = None, **headers: str) -> str:
    return str(call("GET", path, user, **headers)["ETag"])


def get(path: str, user: User | None = None) -> Any:
    answer = call("GET", path, user)
    assert answer.status_code == 200, answer.content
    return json.loads(answer.content)


# What an edit does, and who sees it.


def test_created_feature_is_seen_by_editors_and_by_nobody_else(faskes: Layer, officer: User) -> None:
    before = etag(ITEMS)
    made = call("POST", ITEMS, officer, NEW)
    assert (made.status_code, made.content) == (201, b"")
    assert made["Location"] == f"http://testserver{ITEMS}/4"
    mine = get(f"{ITEMS}/4", officer)
    assert mine["geometry"] == NEW["geometry"]
    assert mine["properties"] == NEW["properties"] | dict.fromkeys(["luas", "buka", "sejak", "diperiksa"])
    for person in (officer, make_officer(faskes.agency), make_coordinator()):
        assert [feature["id"] for feature in get(ITEMS, person)["features"]] == [1, 2, 3, 4]
        assert get(ITEMS, person)["numberMatched"] == 4
    for reader in (None, make_user(), make_officer(make_agency("disdik")), make_leader()):
        assert call("GET", f"{ITEMS}/4", reader).status_code == 404
        assert get(ITEMS, reader)["numberMatched"] == 3
    assert etag(ITEMS) == before
    assert "Pustu Baru" not in call("GET", f"{ITEMS}?f=html").content.decode()
    faskes.refresh_from_db()
    assert (faskes.current and faskes.current.feature_count) == 3


def test_replaced_feature_is_what_was_sent(faskes: Layer, officer: User) -> None:
    body = NEW | {"properties": {"nama": "Puskesmas Lingga", "buka": True, "sejak": "2020-02-29", "luas": 12.5}}
    answer = call("PUT", f"{ITEMS}/1", officer, body, If_Match=etag(f"{ITEMS}/1", officer))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "ETag" not in answer  # RFC 9110, 9.3.4
    now = get(f"{ITEMS}/1", officer)
    assert now["geometry"]["coordinates"] == [117.5, 0.52]
    assert now["properties"] == {
        "nama": "Puskesmas Lingga", "jenis": None, "tempat_tidur": None, "luas": 12.5, "buka": True,
        "sejak": "2020-02-29",
    }  # fmt: skip
    assert get(f"{ITEMS}/1")["properties"]["nama"] == "Puskesmas Teluk Lingga"


def test_updated_feature_keeps_what_was_not_named(faskes: Layer, officer: User) -> None:
    patch = {"properties": {"tempat_tidur": 20, "jenis": None}}
    answer = call("PATCH", f"{ITEMS}/1", officer, patch, If_Match=etag(f"{ITEMS}/1", officer))
    assert answer.status_code == 204
    now = get(f"{ITEMS}/1", officer)
    assert now["properties"] == {"nama": "Puskesmas Teluk Lingga", "jenis": None, "tempat_tidur": 20}
    assert now["geometry"] == get(f"{ITEMS}/1")["geometry"]
    # The tag of the answer is good for the next change.
    again = call("PATCH", f"{ITEMS}/1", officer, {"properties": {"tempat_tidur": 21}}, If_Match=answer["ETag"])
    assert again.status_code == 204


def test_deleted_feature_is_gone_for_editors_only(faskes: Layer, officer: User) -> None:
    answer = call("DELETE", f"{ITEMS}/2", officer, If_Match=etag(f"{ITEMS}/2", officer))
    assert (answer.status_code, answer.content) == (204, b"")
    assert call("GET", f"{ITEMS}/2", officer).status_code == 404
    assert call("DELETE", f"{ITEMS}/2", officer, If_Match="*").status_code == 404
    assert [feature["id"] for feature in get(ITEMS, officer)["features"]] == [1, 3]
    assert call("GET", f"{ITEMS}/2").status_code == 200
    # Its number is not given to another feature.
    assert call("DELETE", f"{ITEMS}/3", officer, If_Match="*").status_code == 204
    assert call("POST", ITEMS, officer, NEW)["Location"].endswith("/4")


def test_editors_filter_and_page_their_features(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    call("PATCH", f"{ITEMS}/3", officer, {"properties": {"jenis": "puskesmas"}}, If_Match="*")
    ask = f"{ITEMS}?filter=jenis='puskesmas'"
    assert [feature["id"] for feature in get(ask, officer)["features"]] == [1, 2, 3]
    assert [feature["id"] for feature in get(ask)["features"]] == [1, 2]
    assert [feature["id"] for feature in get(f"{ITEMS}?bbox=117.49,0.51,117.51,0.53", officer)["features"]] == [4]
    seen, address = [], f"{ITEMS}?limit=1"
    while address:
        page = get(address.removeprefix("http://testserver"), officer)
        seen += [feature["id"] for feature in page["features"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), "")
    assert seen == [1, 2, 3, 4]


def test_answers_to_editors_are_kept_by_nobody_and_change_with_each_edit(faskes: Layer, officer: User) -> None:
    first = call("GET", ITEMS, officer)
    assert first["Cache-Control"].startswith("private")
    assert call("GET", ITEMS, officer, If_None_Match=first["ETag"]).status_code == 304
    call("POST", ITEMS, officer, NEW)
    second = call("GET", ITEMS, officer, If_None_Match=first["ETag"])
    assert second.status_code == 200
    call("PATCH", f"{ITEMS}/4", officer, {"properties": {"nama": "x"}}, If_Match="*")
    assert call("GET", ITEMS, officer, If_None_Match=second["ETag"]).status_code == 200
    assert call("GET", ITEMS)["Cache-Control"] == "public, max-age=60"


def test_every_change_is_recorded_for_good(faskes: Layer, officer: User) -> None:
    start = timezone.now()
    coordinator = make_coordinator()
    call("POST", ITEMS, officer, NEW)
    call("PATCH", f"{ITEMS}/1", coordinator, {"properties": {"tempat_tidur": 5}}, If_Match="*")
    call("PUT", f"{ITEMS}/2", officer, NEW, If_Match="*")
    call("DELETE", f"{ITEMS}/3", officer, If_Match="*")
    rows = list(FeatureChange.objects.order_by("pk"))
    assert [(row.kind, row.fid, row.by) for row in rows] == [
        ("create", 4, officer), ("update", 1, coordinator), ("replace", 2, officer), ("delete", 3, officer),
    ]  # fmt: skip
    assert all(start <= row.at <= timezone.now() for row in rows)
    assert (rows[1].properties or {})["tempat_tidur"] == 5
    for act in (rows[0].delete, rows[0].save):
        with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
            act()


def test_change_that_changes_nothing_is_no_change(faskes: Layer, officer: User) -> None:
    body = get(f"{ITEMS}/1", officer)
    tag = etag(f"{ITEMS}/1", officer)
    assert call("PUT", f"{ITEMS}/1", officer, body, If_Match=tag).status_code == 204
    assert call("PATCH", f"{ITEMS}/1", officer, {}, If_Match=tag).status_code == 204
    assert not FeatureChange.objects.exists()
    assert open_edit(faskes) is None


def test_geometry_sent_back_as_served_keeps_its_full_precision(kutim: None) -> None:
    place = shapely.Point(117.123456789012, 0.512345678901)
    layer = make_layer("faskes", [(place, {"nama": "Sumur"})], fields=FIELDS[:1])
    person = make_officer(layer.agency)
    for crs in ("", f"?crs={EPSG}4326", f"?crs={EPSG}23838", f"?crs={EPSG}32650"):
        body = get(f"{ITEMS}/1{crs}", person)
        body["properties"]["nama"] += "."
        headers = {"Content_Crs": crs.removeprefix("?crs=")} if crs else {}
        assert call("PUT", f"{ITEMS}/1", person, body, If_Match="*", **headers).status_code == 204
    edit = open_edit(layer)
    assert edit is not None
    change = edit.changes.first()
    assert change is not None
    assert change.geom is not None
    assert change.geom.coords == pytest.approx((117.123456789012, 0.512345678901), abs=1e-15)
    told = summarise(edit)
    assert (told.added, told.removed, told.moved, told.changed) == (0, 0, 0, 1)


@pytest.mark.parametrize("code", [4326, 3857, 32650, 23837, 23838, 23880])
@pytest.mark.parametrize("written", ["<{}>", "{}"])
def test_body_is_read_in_its_coordinate_system(faskes: Layer, officer: User, code: int, written: str) -> None:
    body = get(f"{ITEMS}/1?crs={EPSG}{code}", officer)
    body["properties"] = {"nama": "di tempat yang sama"}
    made = call("POST", ITEMS, officer, body, Content_Crs=written.format(f"{EPSG}{code}"))
    assert made.status_code == 201, made.content
    fid = int(made["Location"].rsplit("/", 1)[1])
    assert get(f"{ITEMS}/{fid}", officer)["geometry"]["coordinates"] == pytest.approx([117.55, 0.5], abs=1e-7)
    assert get(f"{ITEMS}/{fid}?crs={EPSG}{code}", officer)["geometry"]["coordinates"] == body["geometry"]["coordinates"]


def test_unknown_content_crs_is_refused_by_name(faskes: Layer, officer: User) -> None:
    answer = call("POST", ITEMS, officer, NEW, Content_Crs=f"<{EPSG}28992>")
    assert answer.status_code == 400
    assert answer.json()["errors"].keys() == {"Content-Crs"}


# Who may.


def attempts(path: str = ITEMS) -> list[tuple[str, str, Any]]:
    return [
        ("POST", path, NEW),
        ("PUT", f"{path}/1", NEW),
        ("PATCH", f"{path}/1", {"properties": {"nama": "x"}}),
        ("DELETE", f"{path}/1", None),
    ]


@pytest.mark.parametrize("which", range(4))
def test_only_editors_change_a_layer_that_others_see(faskes: Layer, officer: User, which: int) -> None:
    method, path, body = attempts()[which]
    external = make_officer(make_agency("pln", kind="eksternal"))
    for person in (
        make_user(),
        make_officer(make_agency("disdik")),
        make_leader(),
        make_officer(faskes.agency, "leader"),
        external,
    ):
        answer = call(method, path, person, body, If_Match="*")
        assert (answer.status_code, answer.json()["code"]) == (403, "not_an_editor")
    nobody = call(method, path, None, body, If_Match="*")
    assert (nobody.status_code, nobody.json()["code"]) == (401, "not_signed_in")
    assert nobody["WWW-Authenticate"].startswith("Basic ")
    assert not LayerEdit.objects.exists()
    for person in (officer, make_coordinator()):
        assert call(method, path, person, body, If_Match=tag_or_star(path, person)).status_code in {201, 204, 404}
    assert LayerEdit.objects.get().opened_by == officer


def tag_or_star(path: str, person: User) -> str:
    return call("GET", path, person).headers.get("ETag", "*")


@pytest.mark.parametrize("which", range(4))
def test_layer_that_is_not_seen_is_not_there(faskes: Layer, officer: User, which: int) -> None:
    make_layer("rahasia", None, make_agency("dlh"), access="agency", fields=FIELDS)
    method, path, body = attempts("/ogc/collections/rahasia/items")[which]
    for person in (None, make_user(), officer):
        answer = call(method, path, person, body, If_Match="*")
        missing = call(method, path.replace("rahasia", "tidak-ada"), person, body, If_Match="*")
        assert (answer.status_code, answer.content) == (404, missing.content)
    assert call(method, path, make_officer(make_agency("dlh")), body, If_Match="*").status_code in {201, 204}


def test_draft_layer_cannot_be_edited(faskes: Layer, officer: User) -> None:
    Layer.objects.update(state="withdrawn")
    for method, path, body in attempts():
        assert call(method, path, officer, body, If_Match="*").status_code == 404


def test_options_tell_what_each_person_may_do(faskes: Layer, officer: User) -> None:
    for person in (None, make_user(), make_leader()):
        for path in (ITEMS, f"{ITEMS}/1"):
            assert call("OPTIONS", path, person)["Allow"] == "GET, HEAD, OPTIONS"
    assert call("OPTIONS", ITEMS, officer)["Allow"] == "GET, HEAD, OPTIONS, POST"
    one = call("OPTIONS", f"{ITEMS}/1", officer)
    assert (one.status_code, one["Allow"]) == (204, "GET, HEAD, OPTIONS, PUT, PATCH, DELETE")
    assert one["Accept-Patch"] == PATCH
    asked_by_a_browser = call("OPTIONS", ITEMS, officer, Access_Control_Request_Method="POST", Origin="https://x.test")
    assert asked_by_a_browser["Access-Control-Allow-Methods"] == "GET, HEAD, OPTIONS"


READ_ONLY = "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("way", ["nobody", "session", "key", "password", "browser"])
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("DELETE", "/ogc/collections/faskes", READ_ONLY),
        ("PUT", "/ogc/collections/tidak-ada", READ_ONLY),
        ("POST", "/ogc/collections", READ_ONLY),
        ("POST", "/ogc/", READ_ONLY),
        ("PATCH", "/ogc/collections/faskes/queryables", READ_ONLY),
        ("DELETE", "/ogc/collections/faskes/tiles/WebMercatorQuad/0/0/0", READ_ONLY),
        ("POST", "/ogc/collections/catalogue/items", READ_ONLY),
        ("PUT", ITEMS, f"{READ_ONLY}, POST"),
        ("DELETE", ITEMS, f"{READ_ONLY}, POST"),
        ("POST", f"{ITEMS}/1", f"{READ_ONLY}, PUT, PATCH, DELETE"),
        ("TRACE", "/ogc/api", READ_ONLY),
    ],
)
def test_method_that_an_address_does_not_take_is_405_whoever_asks(
    officer: User, way: str, method: str, path: str, allow: str
) -> None:
    client, headers = Client(enforce_csrf_checks=True), {"Accept-Language": "id"}
    if way == "session":
        client.force_login(officer)
    elif way == "browser":
        headers["Accept"] = "text/html,application/xhtml+xml,*/*;q=0.8"
    elif way == "key":
        headers |= make_api_key(officer)[1]
    elif way == "password":
        headers |= basic(officer)
    answer = client.generic(method, path, json.dumps(NEW), content_type=GEOJSON, headers=headers)
    assert (answer.status_code, answer["Allow"]) == (405, allow)
    assert answer["Content-Type"] == "application/problem+json"
    told = answer.json()
    assert (told["code"], told["status"]) == ("method_not_allowed", 405)
    with override("id"):
        assert told["detail"] == str(MethodNotAllowed(method, allow.split(", ")))


def test_session_edits_with_a_csrf_token_only(faskes: Layer, officer: User) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(officer)
    for method, path, body in attempts():
        refused = browser.generic(method, path, json.dumps(body), content_type=GEOJSON, headers={"If-Match": "*"})
        assert (refused.status_code, refused["Content-Type"]) == (403, "application/problem+json")
        assert refused.json()["code"] == "csrf_failed"
    assert not LayerEdit.objects.exists()
    browser.get("/akun/login/")
    browser.get("/data/faskes/")
    token = browser.cookies["csrftoken"].value if "csrftoken" in browser.cookies else "a" * 32
    browser.cookies["csrftoken"] = token
    made = browser.generic("POST", ITEMS, json.dumps(NEW), content_type=GEOJSON, headers={"X-CSRFToken": token})
    assert made.status_code == 201
    assert browser.get(ITEMS).json()["numberMatched"] == 4


def test_password_in_the_header_needs_no_csrf_token_and_counts_instead_of_the_session(
    faskes: Layer, officer: User
) -> None:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(make_user())
    made = browser.generic("POST", ITEMS, json.dumps(NEW), content_type=GEOJSON, headers=basic(officer))
    assert made.status_code == 201
    browser.force_login(officer)
    refused = browser.generic("POST", ITEMS, json.dumps(NEW), content_type=GEOJSON, headers=basic(make_user()))
    assert refused.status_code == 403


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_body_that_a_foreign_page_could_send_is_refused(faskes: Layer, officer: User, kind: str) -> None:
    for method, path, body in attempts()[:3]:
        answer = call(method, path, officer, body, content_type=kind, If_Match="*")
        assert (answer.status_code, answer.json()["code"]) == (415, "wrong_media_type")
        assert answer["Accept-Patch"] == PATCH


# Basic.


def test_wrong_password_is_refused_everywhere_below_ogc(faskes: Layer, officer: User) -> None:
    for path in (ITEMS, f"{ITEMS}/1"):
        answer = Client().get(path, headers=basic(officer, "salah"))
        assert (answer.status_code, answer.json()["code"]) == (401, "not_signed_in")
        assert answer["WWW-Authenticate"].startswith("Basic ")
    for header in (
        "Basic",
        "Basic !!!",
        "Basic " + base64.b64encode(b"tanpa-titik-dua").decode(),
        "Basic " + "A" * 2000,
    ):
        assert Client().get(ITEMS, headers={"Authorization": header}).status_code == 401


def test_wrong_passwords_are_counted_as_on_the_sign_in_page(faskes: Layer, officer: User) -> None:
    codes = [Client().get(ITEMS, headers=basic(officer, f"salah-{n}")).status_code for n in range(6)]
    assert codes == [401] * 5 + [429]
    right = Client().get(ITEMS, headers=basic(officer))
    assert (right.status_code, right.json()["code"]) == (429, "too_many_attempts")
    assert int(right["Retry-After"]) >= 300
    page = Client().post("/akun/login/", {"login": officer.username, "password": PASSWORD})
    assert page.status_code != 302


def test_right_passwords_are_not_counted(faskes: Layer, officer: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("accounts.basic.REMEMBERED_S", 0)
    assert [Client().get(ITEMS, headers=basic(officer)).status_code for _n in range(12)] == [200] * 12


def test_remembered_password_ends_with_a_new_one_and_with_the_account(faskes: Layer, officer: User) -> None:
    assert call("GET", ITEMS, officer).status_code == 200
    officer.set_password("lain-sekali-2026")
    officer.save()
    assert call("GET", ITEMS, officer).status_code == 401
    headers = basic(officer, "lain-sekali-2026")
    assert Client().get(ITEMS, headers=headers).status_code == 200
    User.objects.update(is_active=False)
    assert Client().get(ITEMS, headers=headers).status_code == 401


def test_account_with_two_steps_needs_a_key(faskes: Layer, officer: User) -> None:
    from allauth.mfa.models import Authenticator

    assert call("GET", ITEMS, officer).status_code == 200
    Authenticator.objects.create(user=officer, type=Authenticator.Type.TOTP, data={"secret": "x"})
    refused = call("GET", ITEMS, officer)
    assert (refused.status_code, refused.json()["code"]) == (401, "key_needed")
    wrong = Client().get(ITEMS, headers=basic(officer, "salah"))
    assert wrong.json()["code"] == "not_signed_in"


def test_password_in_the_header_opens_nothing_but_ogc(faskes: Layer, officer: User) -> None:
    Layer.objects.update(access="agency")
    assert Client().get(ITEMS, headers=basic(officer)).status_code == 200
    assert Client().get("/data/faskes/", headers=basic(officer)).status_code == 404
    assert Client().get("/opd/", headers=basic(officer)).status_code == 302


def test_key_edits_only_if_it_is_marked_so(faskes: Layer, officer: User) -> None:
    from layers.keys import make_key

    reads, edits = (
        make_key(by=officer, consumer=name, may_edit=may)[1] for name, may in (("peta", False), ("qgis", True))
    )
    refused = call("POST", ITEMS, None, NEW, Authorization=f"Bearer {reads}")
    assert (refused.status_code, refused.json()["code"]) == (403, "not_an_editor")
    assert call("OPTIONS", ITEMS, None, X_API_Key=reads)["Allow"] == "GET, HEAD, OPTIONS"
    assert call("OPTIONS", ITEMS, None, X_API_Key=edits)["Allow"] == "GET, HEAD, OPTIONS, POST"
    assert call("POST", ITEMS, None, NEW, X_API_Key=edits).status_code == 201
    assert call("GET", f"{ITEMS}/4", None, Authorization=f"Bearer {edits}").status_code == 200


# Which state.


@pytest.mark.parametrize("which", [1, 2, 3])
def test_change_needs_the_state_that_it_changes(faskes: Layer, officer: User, which: int) -> None:
    method, path, body = attempts()[which]
    without = call(method, path, officer, body)
    assert (without.status_code, without.json()["code"]) == (428, "condition_missing")
    stale = etag(path, officer)
    other = make_coordinator()
    assert call("PATCH", path, other, {"properties": {"tempat_tidur": 99}}, If_Match=stale).status_code == 204
    for wrong in (stale, '"x"', "x", 'W/"x"', f"W/{etag(path, officer)}"):
        answer = call(method, path, officer, body, If_Match=wrong)
        assert (answer.status_code, answer.json()["code"]) == (412, "condition_failed")
    assert get(path, officer)["properties"]["tempat_tidur"] == 99
    assert call(method, path, officer, body, If_Match=f'"x", {etag(path, officer)}').status_code == 204


def test_tag_is_strong_one_for_each_answer_and_good_in_all_of_them(faskes: Layer, officer: User) -> None:
    path = f"{ITEMS}/1"
    tags = [etag(path), etag(f"{path}?crs={EPSG}23838"), etag(path, None, Accept_Encoding="gzip")]
    assert len(set(tags)) == 3
    assert not any(tag.startswith("W/") for tag in tags)
    assert len({tag.partition("-")[0] for tag in tags}) == 1
    for n, tag in enumerate(tags):
        answer = call("PATCH", path, officer, {"properties": {"tempat_tidur": n}}, If_Match=tag)
        assert answer.status_code == (204 if n == 0 else 412)
    assert call("GET", path, None, If_None_Match=tags[0]).status_code == 304


def test_tag_of_a_feature_does_not_change_with_the_rest_of_the_layer(faskes: Layer, officer: User) -> None:
    public, mine = etag(f"{ITEMS}/1"), etag(f"{ITEMS}/1", officer)
    assert public == mine
    call("POST", ITEMS, officer, NEW)
    edit = open_edit(faskes)
    assert edit is not None
    publish_edit(layer=faskes, mark=summarise(edit).mark, by=make_coordinator())
    assert etag(f"{ITEMS}/1") == public


def test_tag_says_nothing_of_hidden_fields(faskes: Layer, officer: User) -> None:
    before = etag(f"{ITEMS}/1")
    rows = [(geometry, properties | {"nik_kepala": "9"}) for geometry, properties in POINTS]
    publish(version=make_version(faskes, rows), by=None)
    assert etag(f"{ITEMS}/1") == before


def test_whoever_overwrites_without_looking_does_not_overwrite_others(faskes: Layer, officer: User) -> None:
    other = make_officer(faskes.agency, first_name="Budi", last_name="Utomo")
    patch = {"properties": {"tempat_tidur": 1}}
    assert call("PATCH", f"{ITEMS}/1", other, patch, If_Match="*").status_code == 204
    answer = call("PATCH", f"{ITEMS}/1", officer, {"properties": {"tempat_tidur": 2}}, If_Match="*")
    assert answer.status_code == 412
    assert "Budi Utomo" in answer.json()["detail"]
    assert call("PATCH", f"{ITEMS}/1", other, {"properties": {"tempat_tidur": 3}}, If_Match="*").status_code == 204
    assert call("PATCH", f"{ITEMS}/2", officer, patch, If_Match="*").status_code == 204
    # Publishing does not make the other's change known to a client that read the feature before.
    edit = open_edit(faskes)
    assert edit is not None
    publish_edit(layer=faskes, mark=summarise(edit).mark, by=make_coordinator())
    assert call("PATCH", f"{ITEMS}/1", officer, {"properties": {"tempat_tidur": 2}}, If_Match="*").status_code == 412


def test_qgis_which_knows_no_conditions_edits_what_nobody_else_changed(faskes: Layer, officer: User) -> None:
    qgis = {"User_Agent": "Mozilla/5.0 QGIS/33400/Debian GNU/Linux 13 (trixie)"}
    patch = {"properties": {"tempat_tidur": 7}}
    assert call("PATCH", f"{ITEMS}/1", officer, patch, **qgis).status_code == 204
    assert call("DELETE", f"{ITEMS}/2", officer, **qgis).status_code == 204
    other = call("PATCH", f"{ITEMS}/1", make_coordinator(), {"properties": {"tempat_tidur": 8}}, **qgis)
    assert (other.status_code, other.json()["code"]) == (412, "condition_failed")


# What is taken.


def refused(answer: Any) -> set[str]:
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid"), answer.content
    assert answer["Content-Type"] == "application/problem+json"
    return set(answer.json()["errors"])


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("nama", [1, True, [], {}, "x" * 20_001, "a\0b", "\ud800"]),
        ("jenis", [1.5]),
        ("tempat_tidur", ["1", 1.5, True, 2**53, 1e400]),
        ("luas", ["1", False, 10**400, [1]]),
        ("buka", [1, "true", "ya"]),
        ("sejak", ["31-01-2026", "2026-02-30", "2026-01-31T00:00:00", 2026, "20260131"]),
        ("diperiksa", ["2026-01-31", "2026-01-31T25:00:00", "kemarin"]),
    ],
)
def test_value_of_another_type_is_refused_by_the_name_of_its_field(
    faskes: Layer, officer: User, name: str, values: list[Any]
) -> None:
    for value in values:
        body = NEW | {"properties": {name: value}}
        if value == 1e400:
            answer = call("POST", ITEMS, officer, json.dumps(body).replace("Infinity", "1e999"))
        else:
            answer = call("POST", ITEMS, officer, body)
        assert refused(answer) == {f"properties.{name}"}, value
    assert not LayerEdit.objects.exists()


def test_values_of_each_type_are_kept(faskes: Layer, officer: User) -> None:
    properties = {
        "nama": "Pustu “Élok” 😀", "jenis": "01", "tempat_tidur": 0, "luas": 1.25, "buka": False, "sejak": "2024-02-29",
        "diperiksa": "2026-01-31T08:30:00.5+08:00",
    }  # fmt: skip
    made = call("POST", ITEMS, officer, NEW | {"properties": properties})
    assert get(made["Location"].removeprefix("http://testserver"), officer)["properties"] == properties


def test_old_value_of_another_type_may_stay_and_be_mended(kutim: None) -> None:
    fields = [FIELDS[0], {"name": "jumlah", "title": "Jumlah", "type": "integer", "hidden": False}]
    layer = make_layer("faskes", [(shapely.Point(117.5, 0.5), {"nama": "a", "jumlah": "dua"})], fields=fields)
    person = make_officer(layer.agency)
    body = get(f"{ITEMS}/1", person)
    body["properties"]["nama"] = "b"
    assert call("PUT", f"{ITEMS}/1", person, body, If_Match="*").status_code == 204
    body["properties"]["jumlah"] = "tiga"
    assert refused(call("PUT", f"{ITEMS}/1", person, body, If_Match="*")) == {"properties.jumlah"}
    body["properties"]["jumlah"] = 3
    assert call("PUT", f"{ITEMS}/1", person, body, If_Match="*").status_code == 204


def test_hidden_and_unknown_fields_are_neither_read_nor_written(faskes: Layer, officer: User) -> None:
    for method, path, body in attempts()[:3]:
        details = []
        for name in ("nik_kepala", "tidak_ada"):
            answer = call(method, path, officer, {**body, "properties": {name: "1"}}, If_Match="*")
            assert refused(answer) == {f"properties.{name}"}
            details.append(answer.content.decode().replace(name, ""))
        assert details[0] == details[1]
    assert call("PUT", f"{ITEMS}/1", officer, NEW, If_Match="*").status_code == 204
    answer = call("GET", f"{ITEMS}/1", officer)
    assert "6408120101" not in answer.content.decode()
    change = FeatureChange.objects.get()
    assert (change.properties or {})["nik_kepala"] == "6408120101900000"


BOW_TIE = [[[117.5, 0.5], [117.6, 0.6], [117.6, 0.5], [117.5, 0.6], [117.5, 0.5]]]
SQUARE = [[[117.5, 0.5], [117.6, 0.5], [117.6, 0.6], [117.5, 0.6], [117.5, 0.5]]]


@pytest.mark.parametrize(
    "geometry",
    [
        None,
        "POINT(117 0)",
        [],
        {"type": "Point"},
        {"type": "Point", "coordinates": []},
        {"type": "Point", "coordinates": [117.5]},
        {"type": "Point", "coordinates": [117.5, 0.5, 12]},
        {"type": "Point", "coordinates": ["117.5", "0.5"]},
        {"type": "Point", "coordinates": [[117.5, 0.5]]},
        {"type": "Point", "coordinates": [0.5, 117.5]},
        {"type": "Point", "coordinates": [10**400, 0]},
        {"type": "Point", "coordinates": [106.8, -6.2]},
        {"type": "Point", "coordinates": [117.5, 0.5], "crs": {"type": "name"}},
        {"type": "Polygon", "coordinates": SQUARE},
        {"type": "GeometryCollection", "geometries": []},
        {"type": ["Point"], "coordinates": [117.5, 0.5]},
        {"type": {}, "coordinates": [117.5, 0.5]},
        {"type": "Circle", "coordinates": [117.5, 0.5]},
    ],
)  # fmt: skip
def test_geometry_that_the_layer_cannot_take_is_refused(faskes: Layer, officer: User, geometry: Any) -> None:
    answer = call("POST", ITEMS, officer, NEW | {"geometry": geometry})
    assert refused(answer) == {"geometry"}
    answer = call("PUT", f"{ITEMS}/1", officer, NEW | {"geometry": geometry}, If_Match="*")
    assert refused(answer) == {"geometry"}
    assert not LayerEdit.objects.exists()


def test_all_that_is_to_be_mended_is_told_at_once(faskes: Layer, officer: User) -> None:
    body = {"type": "Feature", "geometry": None, "properties": {"buka": 1, "lain": 2}, "crs": {}, "time": None}
    answer = call("POST", ITEMS, officer, body)
    assert refused(answer) == {"geometry", "properties.buka", "properties.lain", "crs", "time"}


def test_areas_are_judged_and_become_the_layers_type(kutim: None) -> None:
    square = shapely.MultiPolygon([shapely.box(117.4, 0.4, 117.5, 0.5)])
    layer = make_layer("faskes", [(square, {"nama": "petak"})], fields=FIELDS[:1])
    person = make_officer(layer.agency)
    body = {"type": "Feature", "properties": {"nama": "baru"}, "geometry": {"type": "Polygon", "coordinates": SQUARE}}
    made = call("POST", ITEMS, person, body)
    assert made.status_code == 201
    assert get(f"{ITEMS}/2", person)["geometry"] == {"type": "MultiPolygon", "coordinates": [SQUARE]}
    wrong: list[Any] = [BOW_TIE, [SQUARE[0][:3]], [SQUARE[0][:-1]], [[]], SQUARE[0]]
    for rings in wrong:
        answer = call("POST", ITEMS, person, body | {"geometry": {"type": "Polygon", "coordinates": rings}})
        assert refused(answer) == {"geometry"}, rings
    told = call("POST", ITEMS, person, body | {"geometry": {"type": "Polygon", "coordinates": BOW_TIE}})
    assert "117.55 0.55" in told.json()["errors"]["geometry"][0]  # where it crosses itself


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b" ", "unreadable"),
        (b"{", "unreadable"),
        (b"\xff\xfe", "unreadable"),
        (b'{"type":"Feature","geometry":{"type":"Point","coordinates":[NaN,0]},"properties":{}}', "unreadable"),
        (b"[" * 50_000, "unreadable"),
        (b"[]", "unreadable"),
        (b'{"type":"FeatureCollection","features":[]}', "unreadable"),
        (b'{"type":"Feature","properties":{"luas":' + b"9" * 5_000 + b"}}", "unreadable"),
    ],
)
def test_body_that_is_no_feature_is_told_so(faskes: Layer, officer: User, body: bytes, code: str) -> None:
    for method, path in (("POST", ITEMS), ("PUT", f"{ITEMS}/1")):
        answer = call(method, path, officer, body, If_Match="*")
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_body_that_is_no_json_is_told_where_in_the_asked_language(faskes: Layer, officer: User) -> None:
    body = b'{\n "type": "Feature",\n}'
    told = {
        language: str(call("POST", ITEMS, officer, body, Accept_Language=language).json()["detail"])
        for language in ("id", "en")
    }
    assert told["en"] == "The body is no JSON in UTF-8: it cannot be read at line 3, column 1."
    assert "Expecting" not in told["id"]
    told["en"] = str(call("POST", ITEMS, officer, b'{"a": "\xff"}', Accept_Language="en").json()["detail"])
    assert told["en"].endswith("its byte 8 is no UTF-8.")


def test_patch_that_is_no_feature_afterwards_is_refused(faskes: Layer, officer: User) -> None:
    patches: list[Any] = [[], 1, {"type": None}, {"type": "x"}]
    for patch in patches:
        assert call("PATCH", f"{ITEMS}/1", officer, patch, If_Match="*").json()["code"] == "unreadable"
    wrong: list[tuple[Any, set[str]]] = [
        ({"properties": None}, {"properties"}),
        ({"properties": 1}, {"properties"}),
        ({"geometry": None}, {"geometry"}),
        ({"geometry": {"coordinates": [1]}}, {"geometry"}),
        ({"lain": 1}, {"lain"}),
    ]
    for patch, names in wrong:
        assert refused(call("PATCH", f"{ITEMS}/1", officer, patch, If_Match="*")) == names
    moved = call("PATCH", f"{ITEMS}/1", officer, {"geometry": {"coordinates": [117.6, 0.6]}}, If_Match="*")
    assert moved.status_code == 204


def test_body_has_a_limit(faskes: Layer, officer: User) -> None:
    answer = call("POST", ITEMS, officer, b" " * (BODY_BYTES + 1))
    assert (answer.status_code, answer.json()["code"]) == (413, "body_too_large")


def test_body_in_chunks_is_refused_by_what_it_lacks(faskes: Layer, officer: User) -> None:
    answer = call("POST", ITEMS, officer, "{}", Transfer_Encoding="chunked", Content_Length="")
    assert (answer.status_code, answer.json()["code"]) == (411, "length_missing")


def test_parameters_are_refused_by_name(faskes: Layer, officer: User) -> None:
    for method, path, body in attempts():
        answer = call(method, f"{path}?crs={EPSG}4326&x=1", officer, body, If_Match="*")
        assert answer.status_code == 400
    assert call("PUT", f"{ITEMS}/satu", officer, NEW, If_Match="*").status_code == 404
    assert call("PUT", f"{ITEMS}/99", officer, NEW, If_Match="*").status_code == 404


# Publishing.


def test_published_edit_is_the_next_version_with_everything_counted_anew(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW | {"properties": {"nama": "Klinik Tepian", "tempat_tidur": 40}})
    call("PATCH", f"{ITEMS}/1", officer, {"geometry": {"coordinates": [117.9, 0.1]}}, If_Match="*")
    call("PATCH", f"{ITEMS}/2", officer, {"properties": {"jenis": "rs"}}, If_Match="*")
    call("DELETE", f"{ITEMS}/3", officer, If_Match="*")
    call("POST", ITEMS, officer, NEW)
    call("DELETE", f"{ITEMS}/5", officer, If_Match="*")
    edit = open_edit(faskes)
    assert edit is not None
    told = summarise(edit)
    assert (told.added, told.removed, told.moved, told.changed, told.n) == (1, 1, 1, 1, 4)
    before, mine = etag(ITEMS), get(ITEMS, officer)
    steward = make_coordinator()
    editing.hand_in(layer=faskes, mark=told.mark, by=officer)
    version = publish_edit(layer=faskes, mark=told.mark, by=steward)
    assert version is not None
    assert (version.number, version.feature_count, version.state, version.loaded_by) == (2, 3, "current", officer)
    assert version.extent is not None
    assert version.extent.extent == pytest.approx((117.45, 0.1, 117.9, 0.6), abs=1e-6)
    assert get(ITEMS)["features"] == mine["features"]
    assert etag(ITEMS) != before
    assert version.statistics["tempat_tidur"] == {
        "type": "integer", "count": 3, "nulls": 0, "distinct": 3, "min": 8, "max": 40,
        "common": [[8, 1], [12, 1], [40, 1]],
    }  # fmt: skip
    assert version.statistics["nik_kepala"] == {"type": "code", "count": 2, "nulls": 1}
    words = set(LayerWord.objects.filter(layer=faskes, part="feature").values_list("word", flat=True))
    assert "tepian" in words or "tepi" in words
    assert "sepaso" not in words
    assert sum(LayerPlace.objects.filter(version=version, desa=None).values_list("n", flat=True)) >= 2
    edit.refresh_from_db()
    assert (edit.state, edit.version, edit.closed_by) == ("published", version, steward)
    assert open_edit(faskes) is None
    # The version before stays as it was, and comes back.
    faskes.refresh_from_db()
    assert roll_back(layer=faskes, by=officer).current == edit.base
    assert [feature["id"] for feature in get(ITEMS)["features"]] == [1, 2, 3]


def test_new_edit_goes_on_from_the_published_one(faskes: Layer, officer: User) -> None:
    for n in range(2):
        call("POST", ITEMS, officer, NEW)
        edit = open_edit(faskes)
        assert edit is not None
        publish_edit(layer=faskes, mark=summarise(edit).mark, by=make_coordinator())
        faskes.refresh_from_db()
        assert get(ITEMS)["numberMatched"] == 4 + n


def test_edit_of_a_version_that_is_past_is_neither_shown_nor_continued(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    publish(version=make_version(faskes, POINTS[:2]), by=None)
    assert get(ITEMS, officer)["numberMatched"] == 2
    answer = call("POST", ITEMS, officer, NEW)
    assert (answer.status_code, answer.json()["code"]) == (409, "edit_outdated")


# What is announced.


def test_classes_and_methods_are_announced(faskes: Layer) -> None:
    classes = get("/ogc/conformance")["conformsTo"]
    for name in ("create-replace-delete", "update", "features", "optimistic-locking-etags"):
        assert f"http://www.opengis.net/spec/ogcapi-features-4/1.0/conf/{name}" in classes
    api = get("/ogc/api")
    paths = api["paths"]
    assert paths["/collections/{collectionId}/items"].keys() >= {"get", "post"}
    assert paths["/collections/{collectionId}/items/{featureId}"].keys() >= {"get", "put", "patch", "delete"}
    for path, method, codes in (
        ("/collections/{collectionId}/items", "post", {"201", "401", "403", "404", "409", "411", "413", "415", "422"}),
        ("/collections/{collectionId}/items/{featureId}", "put", {"204", "412", "428"}),
        ("/collections/{collectionId}/items/{featureId}", "patch", {"204", "412", "428"}),
        ("/collections/{collectionId}/items/{featureId}", "delete", {"204", "412", "428"}),
    ):
        assert paths[path][method]["responses"].keys() >= codes
    assert "basic" in api["components"]["securitySchemes"]


# The page of an edit.

CHANGES = "/data/faskes/perubahan/"


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def test_layers_page_tells_its_editors_what_waits(faskes: Layer, officer: User) -> None:
    assert "changes-title" not in signed_in(officer).get("/data/faskes/").content.decode()
    call("POST", ITEMS, officer, NEW)
    for person in (officer, make_coordinator()):
        page = signed_in(person).get("/data/faskes/")
        assert page.context["pending"].n == 1
        assert CHANGES in page.content.decode()
    for reader in (None, make_user(), make_officer(make_agency("disdik")), make_leader()):
        client = signed_in(reader) if reader else Client()
        assert CHANGES not in client.get("/data/faskes/").content.decode()
        refused = client.get(CHANGES)
        assert refused.status_code == (404 if reader else 302)
        assert client.post(CHANGES, {"do": "publish", "mark": "1"}).status_code == (404 if reader else 302)


def test_changes_are_looked_at_and_published(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    call("DELETE", f"{ITEMS}/3", officer, If_Match="*")
    client = signed_in(officer)
    page = client.get(CHANGES)
    text = page.content.decode()
    assert "Pustu Baru" in text
    assert "Pustu Sepaso" in text
    assert "Rina Sari" in text
    assert "6408120101" not in text
    mark = page.context["told"].mark
    assert client.post(CHANGES, {"do": "publish", "mark": mark}).status_code == 404
    assert client.post(CHANGES, {"do": "hand-in", "mark": mark})["Location"] == CHANGES
    assert [feature["id"] for feature in get(ITEMS)["features"]] == [1, 2, 3]
    client = signed_in(make_coordinator())
    assert "/data/faskes/perubahan/" in client.get("/data/unggah/").content.decode()
    done = client.post(CHANGES, {"do": "publish", "mark": client.get(CHANGES).context["told"].mark})
    assert (done.status_code, done["Location"]) == (302, "/data/faskes/")
    assert [feature["id"] for feature in get(ITEMS)["features"]] == [1, 2, 4]
    assert open_edit(faskes) is None
    empty = client.get(CHANGES)
    assert (empty.status_code, empty.context["edit"]) == (200, None)
    assert client.post(CHANGES, {"do": "publish", "mark": "1"})["Location"] == CHANGES


def test_changes_made_since_they_were_looked_at_are_not_published_blindly(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    client = signed_in(make_coordinator())
    mark = client.get(CHANGES).context["told"].mark
    call("PATCH", f"{ITEMS}/4", officer, {"properties": {"nama": "y"}}, If_Match="*")
    for do in ("hand-in", "publish", "discard", ""):
        answer = client.post(CHANGES, {"do": do, "mark": mark})
        assert (answer.status_code, answer["Location"]) == (302, CHANGES)
    assert LayerEdit.objects.get().state == "open"
    assert client.post(CHANGES, {"do": "publish", "mark": "x"}).status_code == 400


def test_changes_lie_with_the_steward_until_decided_or_taken_back(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    mine, stewards = signed_in(officer), signed_in(make_coordinator())
    english = {"Accept-Language": "en"}

    def page(client: Client) -> str:
        return client.get(CHANGES, headers=english).content.decode()

    assert 'value="hand-in"' in page(mine)
    assert 'value="publish"' not in page(mine)
    assert 'value="return"' not in page(stewards)  # nothing is handed in
    assert list(editing.waiting_for(officer)) == list(LayerEdit.objects.all())
    assert list(editing.waiting_for(make_officer(make_agency("lain"), username="lain"))) == []
    mark = mine.get(CHANGES).context["told"].mark
    mine.post(CHANGES, {"do": "hand-in", "mark": mark})
    assert "The steward has these changes" in page(mine)
    assert "Rina Sari" in page(stewards)
    mine.post(CHANGES, {"do": "take-back"})
    assert 'value="hand-in"' in page(mine)
    taken_back = stewards.post(CHANGES, {"do": "return", "note": "Kurang nama"}, headers=english, follow=True)
    assert "not handed in any more" in taken_back.content.decode()

    mine.post(CHANGES, {"do": "hand-in", "mark": mark})
    call("PATCH", f"{ITEMS}/4", officer, {"properties": {"nama": "y"}}, If_Match="*")
    assert "More was changed since then" in page(stewards)
    for do in ("return", "withdraw"):
        assert mine.post(CHANGES, {"do": do, "note": "x"}).status_code == 404
    assert "Write what is to be changed" in stewards.post(CHANGES, {"do": "return", "note": " "}, headers=english,
                                                          follow=True).content.decode()  # fmt: skip
    uploads = "/data/unggah/"
    assert "handed in" in mine.get(uploads, headers=english).content.decode()
    assert CHANGES in stewards.get(uploads, headers=english).content.decode()
    stewards.post(CHANGES, {"do": "return", "note": "Namanya <b>kurang</b>"})
    assert "sent back" in mine.get(uploads, headers=english).content.decode()
    assert CHANGES not in stewards.get(uploads, headers=english).content.decode()
    assert "The steward writes" in page(mine)
    assert "Namanya &lt;b&gt;kurang&lt;/b&gt;" in page(mine)
    edit = LayerEdit.objects.get()
    assert (edit.state, edit.handed_in_by, edit.handed_in_at, edit.handed_in_mark) == ("open", None, None, None)
    mine.post(CHANGES, {"do": "hand-in", "mark": summarise(edit).mark})
    assert "The steward writes" not in page(mine)


def test_only_the_steward_publishes_or_sends_back(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    edit = open_edit(faskes)
    assert edit is not None
    with pytest.raises(PermissionError):
        publish_edit(layer=faskes, mark=summarise(edit).mark, by=officer)
    with pytest.raises(PermissionError):
        editing.give_back(layer=faskes, note="x", by=officer)


def test_discarded_changes_are_gone_and_recorded(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    client = signed_in(officer)
    client.post(CHANGES, {"do": "discard", "mark": client.get(CHANGES).context["told"].mark})
    assert get(ITEMS, officer)["numberMatched"] == 3
    edit = LayerEdit.objects.get()
    assert (edit.state, edit.closed_by, edit.changes.count()) == ("discarded", officer, 1)
    assert call("POST", ITEMS, officer, NEW)["Location"].endswith("/5")


def test_outdated_changes_can_only_be_discarded(faskes: Layer, officer: User) -> None:
    call("POST", ITEMS, officer, NEW)
    publish(version=make_version(faskes, POINTS[:2]), by=None)
    client = signed_in(make_coordinator())
    page = client.get(CHANGES)
    assert page.context["outdated"]
    assert 'value="publish"' not in page.content.decode()
    mark = page.context["told"].mark
    assert client.post(CHANGES, {"do": "publish", "mark": mark})["Location"] == CHANGES
    faskes.refresh_from_db()
    assert faskes.current is not None
    assert faskes.current.number == 2
    assert client.post(CHANGES, {"do": "discard", "mark": mark})["Location"] == "/data/faskes/"
    assert call("POST", ITEMS, officer, NEW).status_code == 201


def test_upload_is_not_published_over_open_changes(faskes: Layer, officer: User) -> None:
    from layers.errors import NotReady
    from layers.models import ImportJob
    from layers.uploads import approve

    call("POST", ITEMS, officer, NEW)
    job = ImportJob.objects.create(
        agency=faskes.agency,
        layer=faskes,
        version=make_version(faskes, POINTS),
        by=officer,
        name="x",
        state="submitted",
    )
    with pytest.raises(NotReady):
        approve(job=job, by=make_coordinator())
    assert open_edit(faskes) is not None


CHANGES = "/data/faskes/perubahan/"


@pytest.fixture
def large(faskes: Layer, officer: User, monkeypatch: pytest.MonkeyPatch) -> Layer:
    """A layer with a change, so large that the worker publishes it."""
    monkeypatch.setattr(editing, "AT_ONCE", 2)
    call("PATCH", f"{ITEMS}/1", officer, {"properties": {"tempat_tidur": 99}}, If_Match="*")
    return faskes


def ask_to_publish(layer: Layer, client: Client) -> LayerEdit:
    edit = open_edit(layer)
    assert edit is not None
    answer = client.post(CHANGES, {"do": "publish", "mark": summarise(edit).mark})
    assert (answer.status_code, answer["Location"]) == (302, CHANGES)
    edit.refresh_from_db()
    return edit


def test_edit_of_a_large_layer_is_published_by_the_worker(
    large: Layer, officer: User, client: Client, settings: Any
) -> None:
    steward = make_coordinator()
    client.force_login(steward)
    edit = ask_to_publish(large, client)
    assert (edit.state, edit.asked_by) == ("open", steward)
    page = client.get(CHANGES, headers={"Accept-Language": "en"}).content.decode()
    assert "Being published" in page
    assert 'http-equiv="refresh"' in page
    assert 'value="discard"' not in page
    assert get(f"{ITEMS}/1")["properties"]["tempat_tidur"] == 12
    assert get(f"{ITEMS}/1", officer)["properties"]["tempat_tidur"] == 99
    assert "layers.editing.publish_asked" in settings.WORKER_JOBS
    assert editing.publish_asked()
    assert not editing.publish_asked()
    edit.refresh_from_db()
    assert edit.version is not None
    assert (edit.state, edit.closed_by, edit.version.loaded_by) == ("published", steward, steward)
    assert get(f"{ITEMS}/1")["properties"]["tempat_tidur"] == 99
    assert client.get(f"{CHANGES}?busy=1")["Location"] == "/data/faskes/"


def test_edit_that_waits_for_the_worker_is_not_changed(large: Layer, officer: User, client: Client) -> None:
    steward = make_coordinator()
    client.force_login(steward)
    edit = ask_to_publish(large, client)
    told = call("PATCH", f"{ITEMS}/1", officer, {"properties": {"tempat_tidur": 1}}, If_Match="*")
    assert (told.status_code, told.json()["code"]) == (409, "edit_busy")
    mark = summarise(edit).mark
    for discard_or_publish in (editing.discard_edit, publish_edit):
        with pytest.raises(EditBusy):
            discard_or_publish(layer=large, mark=mark, by=steward)
    client.post(CHANGES, {"do": "withdraw"})
    assert not editing.publish_asked()
    changed = call("PATCH", f"{ITEMS}/1", officer, {"properties": {"tempat_tidur": 1}}, If_Match="*")
    assert changed.status_code == 204


def test_edit_that_cannot_be_published_says_so_and_loses_nothing(large: Layer, client: Client) -> None:
    client.force_login(make_coordinator())
    edit = ask_to_publish(large, client)
    publish(version=make_version(large, POINTS), by=None)
    assert editing.publish_asked()
    edit.refresh_from_db()
    assert (edit.state, edit.asked_by, edit.version) == ("open", None, None)
    assert edit.failed_at is not None
    page = client.get(CHANGES, headers={"Accept-Language": "en"}).content.decode()
    assert "could not be published" in page
    assert edit.changes.count() == 1
