"""POST /api/v1/reports/ and its neighbours: what is taken, what is refused, and how."""

import io
import json
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image

from accounts.limits import ByAddress
from incidents.api import LocateView
from incidents.limits import LocateThrottle
from incidents.models import OutboxMessage, Report, ReportContact
from incidents.secrets import is_secret_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]

URL = "/api/v1/reports/"
GOOD: dict[str, Any] = {
    "lat": 0.5,
    "lon": 117.55,
    "category": "jalan-rusak",
    "kind": "laporan",
    "title": "Lubang di depan pasar",
    "description": "Sudah dua minggu, motor sering jatuh.",
}


def post(client: Client, body: Any, language: str = "id", **headers: str) -> Any:
    text = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return client.post(URL, text, content_type="application/json", headers={"Accept-Language": language, **headers})


def jpeg(width: int = 64, height: int = 48) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), "seagreen").save(out, "JPEG")
    return out.getvalue()


def png(width: int, height: int) -> bytes:
    out = io.BytesIO()
    Image.new("1", (width, height)).save(out, "PNG")
    return out.getvalue()


def test_post_report_returns_receipt_and_stores_it(client: Client) -> None:
    response = post(client, GOOD | {"reporter": {"name": "Sari", "email": "sari@example.org", "phone": "0812"}})
    assert response.status_code == 201
    body = response.json()
    report = Report.objects.get(ticket=body["ticket"])
    assert body["kecamatan"] == {"code": "64.08.04", "name": "Sangatta Utara"}
    assert body["agency"]["code"] == "dpu-pupr"
    assert "Jalan rusak" in body["reason"]
    assert body["due"]["resolve"].endswith("+08:00")
    assert is_secret_of(report.ticket, body["secret"])
    assert report.status == "routed"
    assert [event.type for event in report.events.all()] == ["received", "routed"]
    assert ReportContact.objects.get(report=report).name == "Sari"
    assert OutboxMessage.objects.get().payload == {"report_id": report.pk}
    assert response["Location"] == f"/laporan/{report.ticket}/"


def test_post_report_answers_in_the_asked_language(client: Client) -> None:
    assert post(client, GOOD, "en").json()["reason"].startswith("Reports about “Damaged road”")
    assert post(client, GOOD, "id").json()["reason"].startswith("Laporan tentang “Jalan rusak”")


def test_post_report_without_rule_waits_for_the_coordinator(client: Client) -> None:
    from incidents.models import RoutingRule

    RoutingRule.objects.all().delete()
    body = post(client, GOOD).json()
    assert body["agency"] is None
    assert body["status"] == "received"


def test_same_key_and_body_returns_the_first_report(client: Client) -> None:
    key = str(uuid.uuid4())
    first = post(client, GOOD, **{"Idempotency-Key": key})
    again = post(client, GOOD, **{"Idempotency-Key": key})
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    assert Report.objects.count() == 1


def test_same_key_with_another_body_is_409(client: Client) -> None:
    key = str(uuid.uuid4())
    post(client, GOOD, **{"Idempotency-Key": key})
    response = post(client, GOOD | {"title": "Yang lain sama sekali"}, **{"Idempotency-Key": key})
    assert response.status_code == 409
    assert response["Content-Type"].startswith("application/problem+json")
    assert response.json()["code"] == "idempotency_key_reused"
    assert Report.objects.count() == 1


def test_photos_come_with_multipart(client: Client) -> None:
    files = [SimpleUploadedFile(f"{n}.jpg", jpeg(), "image/jpeg") for n in range(5)]
    response = client.post(URL, GOOD | {"reporter.name": "Sari", "photos": files})
    assert response.status_code == 201
    assert Report.objects.get().photos.count() == 5
    assert ReportContact.objects.get().name == "Sari"


LONG = "x" * 5_001
BAD: dict[str, tuple[Any, str]] = {
    "nothing": ({}, "lat"),
    "no lat": ({"lat": ...}, "lat"),
    "no lon": ({"lon": ...}, "lon"),
    "no category": ({"category": ...}, "category"),
    "no kind": ({"kind": ...}, "kind"),
    "no title": ({"title": ...}, "title"),
    "no description": ({"description": ...}, "description"),
    "swapped lat and lon": ({"lat": 117.55, "lon": 0.5}, "lat"),
    "lat is text": ({"lat": "setengah"}, "lat"),
    "lat is true": ({"lat": True}, "lat"),
    "lat is a list": ({"lat": [0.5]}, "lat"),
    "lat is null": ({"lat": None}, "lat"),
    "lat is NaN text": ({"lat": "NaN"}, "lat"),
    "lat is infinite text": ({"lat": "inf"}, "lat"),
    "lat beyond the pole": ({"lat": 91}, "lat"),
    "lon beyond the date line": ({"lon": 181}, "lon"),
    "empty title": ({"title": ""}, "title"),
    "blank title": ({"title": "   \n "}, "title"),
    "short title": ({"title": "aaa"}, "title"),
    "long title": ({"title": "x" * 121}, "title"),
    "huge description": ({"description": LONG}, "description"),
    "NUL in title": ({"title": "lubang\x00besar"}, "title"),
    "NUL in description": ({"description": "lubang\x00besar sekali"}, "description"),
    "NUL in name": ({"reporter": {"name": "Sa\x00ri"}}, "reporter.name"),
    "NUL in category": ({"category": "jalan\x00"}, "category"),
    "title is a number": ({"title": 12345678}, "title"),
    "description is a list": ({"description": ["a", "b"]}, "description"),
    "unknown category": ({"category": "naga-terbang"}, "category"),
    "group instead of category": ({"category": "jalan"}, "category"),
    "unknown kind": ({"kind": "gosip"}, "kind"),
    "future date": ({"occurred_at": "2999-01-01T00:00:00Z"}, "occurred_at"),
    "ancient date": ({"occurred_at": "1945-08-17T10:00:00Z"}, "occurred_at"),
    "not a date": ({"occurred_at": "kemarin"}, "occurred_at"),
    "negative accuracy": ({"accuracy_m": -1}, "accuracy_m"),
    "bad e-mail": ({"reporter": {"email": "sari(at)desa"}}, "reporter.email"),
    "long phone": ({"reporter": {"phone": "0" * 31}}, "reporter.phone"),
    "reporter is text": ({"reporter": "Sari"}, "reporter.non_field_errors"),
    "unknown field": ({"lattitude": 0.5}, "lattitude"),
    "confidential is text": ({"confidential": "barangkali"}, "confidential"),
    "photos in JSON": ({"photos": ["data:image/png;base64,xx"]}, "photos.0"),
}


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("case", BAD)
def test_bad_field_is_a_problem_that_names_it(client: Client, case: str, language: str) -> None:
    change, field = BAD[case]
    body = {name: value for name, value in (GOOD | change if change else {}).items() if value is not ...}
    response = post(client, body, language)
    assert response.status_code == 400, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    assert response["Content-Language"] == language
    problem = response.json()
    assert problem["status"] == 400
    assert problem["code"] == "invalid"
    assert problem["errors"][field]
    assert problem["detail"].startswith("Some of" if language == "en" else "Sebagian")
    assert Report.objects.count() == 0


WHOLE: dict[str, tuple[str | bytes, int]] = {
    "not JSON": ("lat=0.5", 400),
    "half JSON": ('{"lat": 0.5', 400),
    "NaN": (json.dumps(GOOD | {"lat": float("nan")}), 400),
    "infinity": (json.dumps(GOOD | {"lat": float("inf")}), 400),
    "1e309": (json.dumps(GOOD).replace("0.5", "1e309"), 400),
    "a list": ("[1, 2]", 400),
    "null": ("null", 400),
    "a number": ("17", 400),
    "not UTF-8": (json.dumps(GOOD).encode("utf-16"), 400),
    "lone surrogate": (json.dumps(GOOD).replace("pasar", "\\ud800 pasar"), 400),
    "half a character in a name": ('{"\\udc00": 1}', 400),
    "half a character in a choice": (json.dumps(GOOD | {"kind": "\ud800"}), 400),
    "deep nesting": ('{"reporter":' * 5_000 + "1" + "}" * 5_000, 400),
    "2 MB of text": (json.dumps(GOOD | {"description": "x" * 2_000_000}), 413),
    "Null Island": (json.dumps(GOOD | {"lat": 0, "lon": 0}), 422),
    "Jakarta": (json.dumps(GOOD | {"lat": -6.2, "lon": 106.8}), 422),
}


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("case", WHOLE)
def test_bad_body_is_a_problem(client: Client, case: str, language: str) -> None:
    text, status = WHOLE[case]
    response = post(client, text, language)
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    assert response["Content-Language"] == language
    assert response.json()["detail"]
    assert Report.objects.count() == 0


def test_outside_names_the_nearest_kecamatan_and_the_distance(client: Client) -> None:
    problem = post(client, GOOD | {"lat": 0.1, "lon": 117.0}).json()
    assert problem["code"] == "outside_regency"
    assert problem["nearest"]["name"]
    assert problem["distance_m"] > 0


def photo_uploads() -> dict[str, list[bytes]]:
    whole = jpeg(800, 600)
    return {
        "10,000 x 10,000 PNG": [png(10_000, 10_000)],
        "bomb": [png(30_000, 30_000)],
        "PDF called .jpg": [b"%PDF-1.7\n1 0 obj << >> endobj\n%%EOF"],
        "truncated JPEG": [whole[: len(whole) // 2]],
        "empty file": [b""],
        "text": [b"<script>alert(1)</script>"],
        "SVG": [b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
        "6 photos": [jpeg()] * 6,
    }


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("case", photo_uploads())
def test_bad_photo_is_a_problem(client: Client, case: str, language: str) -> None:
    files = [SimpleUploadedFile(f"foto{n}.jpg", raw, "image/jpeg") for n, raw in enumerate(photo_uploads()[case])]
    response = client.post(URL, GOOD | {"photos": files}, headers={"Accept-Language": language})
    assert response.status_code == 400, response.content
    assert response["Content-Type"].startswith("application/problem+json")
    assert response.json()["errors"]["photos"]
    assert Report.objects.count() == 0


@pytest.mark.parametrize("key", ["short", "x" * 201, "tanda-ö-bukan-ascii"])
def test_bad_key_is_a_problem(client: Client, key: str) -> None:
    response = post(client, GOOD, **{"Idempotency-Key": key})
    assert response.status_code == 400
    assert "Idempotency-Key" in response.json()["errors"]


def test_wrong_content_type_is_415(client: Client) -> None:
    assert client.post(URL, "<a/>", content_type="application/xml").status_code == 415


def test_wrong_method_is_405(client: Client) -> None:
    response = client.delete(URL)
    assert response.status_code == 405
    assert response.json()["code"] == "method_not_allowed"


STRANGE = [
    "😀 jalan rusak 🛣️ parah",
    "طريق متضرر جدا في القرية",
    "ꦢꦭꦤ꧀ꦫꦸꦱꦏ꧀ ꦥꦫꦃ",
    "<script>alert('halo')</script>",
    "${x} {{ y }} {% now %} `z`",
    "\"kutip\" 'tunggal' \\ & < > ; --",
]


@pytest.mark.parametrize("text", STRANGE)
def test_strange_text_is_stored_as_typed(client: Client, text: str) -> None:
    body = post(client, GOOD | {"title": text, "description": text + "\n" + text, "reporter": {"name": text}}).json()
    report = Report.objects.get(ticket=body["ticket"])
    assert report.title == text
    assert report.description == f"{text}\n{text}"
    assert report.contact.name == text
    detail = client.get(f"{URL}{report.ticket}/").json()
    assert detail["properties"]["title"] == text
    assert "contact" not in json.dumps(detail)


def test_sensitive_category_is_always_confidential_and_never_public(client: Client) -> None:
    body = post(client, GOOD | {"category": "kekerasan", "confidential": False}).json()
    assert Report.objects.get().confidential
    assert client.get(f"{URL}{body['ticket']}/").status_code == 404
    assert client.get(URL).json()["features"] == []


def test_throttle_answers_429_with_retry_after(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from incidents.limits import ReportThrottle

    monkeypatch.setattr(ReportThrottle, "THROTTLE_RATES", {"report": "2/min"})
    assert [post(client, GOOD).status_code for _ in range(3)] == [201, 201, 429]
    refused = post(client, GOOD)
    assert int(refused["Retry-After"]) > 0
    assert refused["Content-Type"].startswith("application/problem+json")


def test_list_pages_by_cursor_without_gaps_or_doubles(client: Client) -> None:
    made = {post(client, GOOD | {"title": f"Laporan nomor {n}"}).json()["ticket"] for n in range(7)}
    seen: list[str] = []
    url = f"{URL}?limit=3"
    while url:
        page = client.get(url).json()
        seen += [feature["id"] for feature in page["features"]]
        url = page["links"][0]["href"] if page["links"] else ""
    assert len(seen) == 7
    assert set(seen) == made


@pytest.mark.parametrize(
    "query",
    ["bbox=1,2,3", "bbox=a,b,c,d", "limit=0", "limit=x", "limit=1000", "cursor=%00", "cursor=abc", "since=kemarin",
     "kecamatan=99.99.99", "category=naga", "status=hilang", "colour=red", "q=%00"],
)  # fmt: skip
def test_list_refuses_bad_parameters(client: Client, query: str) -> None:
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 400, response.content
    assert query.split("=")[0] in response.json()["errors"]


def test_list_costs_the_same_queries_for_many_reports(client: Client, django_assert_max_num_queries: Any) -> None:
    for n in range(12):
        post(client, GOOD | {"title": f"Laporan nomor {n}"})
    with django_assert_max_num_queries(2):
        client.get(URL)


@pytest.mark.parametrize(
    ("query", "status"),
    [("lat=0.5&lon=117.55", 200), ("lat=0.5&lon=117.55&category=sampah", 200), ("lat=x&lon=1", 400), ("lat=0.5", 400),
     ("lat=nan&lon=117", 400), ("lat=0&lon=0", 422), ("lat=0.5&lon=117.55&category=naga", 400),
     ("lat=0.5&lon=117.55&zoom=3", 400)],
)  # fmt: skip
def test_locate_answers_or_says_what_is_wrong(client: Client, query: str, status: int) -> None:
    response = client.get(f"/api/v1/locate/?{query}")
    assert response.status_code == status, response.content
    if status == 200:
        assert response.json()["kecamatan"]["code"] == "64.08.04"
    else:
        assert response["Content-Type"].startswith("application/problem+json")


LOOK_UPS = [
    "lat=0.5&lon=117.55&category=sampah",
    "lat=0.5&lon=117.55",
    "lat=x&lon=1",
    "lat=0&lon=0",
    "lat=0.5&lon=117.55&zoom=3",
]


@pytest.mark.parametrize("language", ["id", "en"])
@pytest.mark.parametrize("query", LOOK_UPS)
def test_look_up_answers_as_drf_would(
    client: Client, monkeypatch: pytest.MonkeyPatch, query: str, language: str
) -> None:
    def ask() -> tuple[Any, ...]:
        response = client.get(f"/api/v1/locate/?{query}", headers={"Accept-Language": language})
        return response.status_code, response["Content-Type"], response["Content-Language"], response.json()

    quickly = ask()
    monkeypatch.delattr(LocateView, "dispatch")
    assert quickly == ask()


def test_look_up_leaves_other_methods_to_drf(client: Client) -> None:
    assert client.head("/api/v1/locate/?lat=0.5&lon=117.55").status_code == 200
    assert client.options("/api/v1/locate/").json()["name"] == "Locate"
    assert client.post("/api/v1/locate/").status_code == 405


def test_look_ups_are_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LocateThrottle, "THROTTLE_RATES", {"locate": "2/min"})
    answers = [client.get("/api/v1/locate/?lat=0.5&lon=117.55") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2]["Retry-After"]) > 0
    assert answers[2].json()["code"] == "throttled"


def test_categories_and_agencies_are_listed(client: Client) -> None:
    categories = client.get("/api/v1/categories/", headers={"Accept-Language": "en"}).json()
    assert len(categories) >= 30
    assert {"code": "jalan", "name": "Roads and transport"} in [category["group"] for category in categories]
    agencies = client.get("/api/v1/agencies/").json()
    assert len(agencies) == 59
    assert sum(agency["external"] for agency in agencies) == 3


def test_schema_describes_every_endpoint(client: Client) -> None:
    schema = client.get("/api/v1/schema/?format=json").json()
    assert {"/api/v1/locate/", "/api/v1/reports/", "/api/v1/reports/{ticket}/"} <= set(schema["paths"])


def test_nul_in_a_category_is_a_problem_of_locate(client: Client) -> None:
    response = client.get("/api/v1/locate/?lat=0.5&lon=117.55&category=%00")
    assert response.status_code == 400
    assert response.json()["code"] == "unknown_category"


def test_count_that_the_cache_dropped_is_no_error(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def dropped(key: str) -> int:
        raise ValueError(key)

    assert client.get("/api/v1/locate/?lat=0.5&lon=117.55").status_code == 200
    monkeypatch.setattr(ByAddress.cache, "incr", dropped)
    assert client.get("/api/v1/locate/?lat=0.5&lon=117.55").status_code == 200


def test_schema_in_an_unknown_format_is_404(client: Client) -> None:
    assert client.get("/api/v1/schema/?format=x").status_code == 404


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"lat": 0.5,\n "lon" 117}', "line 2, character 8"),
        ("null", "says “null”"),
        ('{"lat": Infinity}', "infinite"),
        (b'{"title": "\xff"}', "UTF-8"),
    ],
)
def test_what_is_not_json_is_told_in_the_asked_language(client: Client, body: str | bytes, said: str) -> None:
    english, indonesian = (
        client.post(URL, body, content_type="application/json", headers={"Accept-Language": language})
        for language in ("en", "id")
    )
    assert (english.status_code, indonesian.status_code) == (400, 400)
    assert said in english.json()["detail"]
    assert english.json()["detail"] != indonesian.json()["detail"]


@pytest.mark.parametrize("path", ["/api/v1/agencies/", "/api/v1/reports/KT-26-0000001-X/", URL])
def test_unknown_parameter_is_refused_by_name(client: Client, path: str) -> None:
    send = client.post if path == URL else client.get
    answer = send(f"{path}?nama=1", headers={"Accept-Language": "en"})
    assert answer.status_code == 400
    assert "“nama”" in answer.json()["detail"]
