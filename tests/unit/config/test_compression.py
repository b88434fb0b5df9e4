"""Which answers leave gzipped."""

import gzip

import pytest
from django.http import FileResponse, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.test import Client, RequestFactory
from django.urls import reverse

from config.compression import TextGZipMiddleware

LONG = b'{"laporan": "jalan rusak"}' * 100
PACKED_ALREADY = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def answered(response: HttpResponseBase, accepts: str = "gzip, br") -> HttpResponseBase:
    request = RequestFactory().get("/", headers={"Accept-Encoding": accepts})
    return TextGZipMiddleware(lambda _request: response)(request)  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    "content_type",
    ["text/html; charset=utf-8", "text/csv", "application/json", "application/geo+json", "application/problem+json",
     "application/atom+xml; charset=utf-8", "application/xml", "image/svg+xml",
     "application/vnd.oai.openapi; charset=utf-8"],
)  # fmt: skip
def test_text_is_packed(content_type: str) -> None:
    response = answered(HttpResponse(LONG, content_type=content_type))
    assert response["Content-Encoding"] == "gzip"
    assert "Accept-Encoding" in response["Vary"]
    body = response.content  # type: ignore[attr-defined]
    assert int(response["Content-Length"]) == len(body) < len(LONG) / 4
    assert gzip.decompress(body) == LONG


@pytest.mark.parametrize(
    "response",
    [
        HttpResponse(LONG, content_type="image/jpeg"),
        HttpResponse(LONG, content_type=PACKED_ALREADY),
        HttpResponse(LONG, content_type="application/vnd.mapbox-vector-tile"),
        HttpResponse(LONG[:900], content_type="application/json"),
        HttpResponse(LONG, content_type="application/json", headers={"Content-Encoding": "gzip"}),
        StreamingHttpResponse([LONG], content_type="text/csv", headers={"Content-Length": str(len(LONG))}),
        FileResponse([LONG], content_type="text/csv"),
    ],
    ids=["photo", "xlsx", "tile", "small", "packed", "streamed", "file"],
)
def test_what_gains_nothing_stays(response: HttpResponseBase) -> None:
    before = dict(response.headers)
    answer = answered(response)
    assert dict(answer.headers) == before
    assert getattr(answer, "content", LONG) in {LONG, LONG[:900]}


@pytest.mark.parametrize("accepts", ["", "br", "br;q=1, gzip;q=0", "gzip; q=0.0"])
def test_who_does_not_take_gzip_gets_text(accepts: str) -> None:
    response = answered(HttpResponse(LONG, content_type="text/html"), accepts=accepts)
    assert response.content == LONG  # type: ignore[attr-defined]
    assert response["Vary"] == "Accept-Encoding"


@pytest.mark.django_db
def test_pages_are_packed(client: Client) -> None:
    plain = client.get(reverse("about"))
    packed = client.get(reverse("about"), headers={"Accept-Encoding": "gzip"})
    assert packed["Content-Encoding"] == "gzip"
    assert len(packed.content) < len(plain.content) / 2
    assert gzip.decompress(packed.content)[:200] == plain.content[:200]
