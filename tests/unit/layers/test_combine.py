"""Several layers on one map by its address, and a layer's map inside other sites: who sees what, who may frame it."""

import re
from typing import Any

import pytest
from django.test import Client

from accounts.models import User
from layers.combining import MOST
from layers.models import Layer
from tests.factories.accounts import make_agency, make_officer
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db


def get(path: str, user: User | None = None, status: int = 200) -> Any:
    client = Client(headers={"Accept-Language": "en"})
    if user:
        client.force_login(user)
    response = client.get(path)
    assert response.status_code == status, path
    return response


def html(path: str, user: User | None = None, status: int = 200) -> str:
    return str(get(path, user, status).content.decode())


def several(n: int, **over: Any) -> list[Layer]:
    agency = make_agency("dinkes")
    return [make_layer(f"lapis-{i}", agency=agency, title_id=f"Lapis {i}", **over) for i in range(n)]


def test_map_has_the_layers_of_its_address_in_their_order(kutim: None) -> None:
    several(3)
    text = html("/data/peta/?layer=lapis-2&layer=lapis-0&layer=lapis-2")
    assert text.index("/tiles/lapis-0/") < text.index("/tiles/lapis-2/")  # the first is drawn last, so on top
    assert "start(map_combined, [tiles_data_0, tiles_data_1], " in text
    assert "/tiles/lapis-1/" not in text
    assert "/tiles/reports/" not in text
    assert '"tokens": ["layer-1"]' in text
    assert "?layer=lapis-0&amp;layer=lapis-2" in text  # the second further up
    assert 'href="/data/lapis-2/#table"' in text


def test_reports_are_added_by_the_address(kutim: None) -> None:
    several(1)
    assert "/tiles/reports/" in html("/data/peta/?layer=lapis-0&reports=1")
    assert "/tiles/reports/" in html("/data/peta/?reports=1")


def test_page_without_anything_chosen_offers_what_is_there(kutim: None) -> None:
    several(2)
    text = html("/data/peta/")
    assert 'name="layer" value="lapis-1"' in text
    assert "data-map" not in text
    assert 'name="layer" value="lapis-0"' not in html("/data/peta/?q=tidakadakatainidimanapun")


def test_page_without_boundaries_says_so() -> None:
    several(1)
    assert "No boundaries are in use yet" in html("/data/peta/?layer=lapis-0")


def test_private_and_absent_layers_get_the_same_words(kutim: None) -> None:
    agency = make_agency("dlh")
    make_layer("rahasia", access="agency", agency=agency, title_id="MARKERJUDUL", abstract_id="MARKERISI")
    private = html("/data/peta/?layer=rahasia", status=404)
    absent = html("/data/peta/?layer=tiada", status=404)

    def plain(text: str) -> str:
        return re.sub(r'(nonce|name="csrfmiddlewaretoken" value)="[^"]*"', "", text)

    assert plain(private).replace("rahasia", "tiada") == plain(absent)
    assert "MARKER" not in private
    assert "MARKER" not in html("/data/peta/")
    searched = html("/data/peta/?q=MARKERJUDUL")
    assert 'value="rahasia"' not in searched
    assert "MARKERISI" not in searched
    assert "MARKERJUDUL" not in html("/data/peta/?layer=rahasia", make_officer(make_agency("dpu")), status=404)
    seen = get("/data/peta/?layer=rahasia", make_officer(agency))
    assert "MARKERJUDUL" in seen.content.decode()
    assert "private" in seen["Cache-Control"]


def test_what_can_be_shown_is_shown_beside_what_cannot(kutim: None) -> None:
    several(1)
    text = html("/data/peta/?layer=lapis-0&layer=tiada")
    assert "Not shown: tiada" in text
    assert "/tiles/lapis-0/" in text


def test_more_layers_than_a_map_shows_are_left_out_in_words(kutim: None) -> None:
    several(MOST + 1)
    query = "&".join(f"layer=lapis-{i}" for i in range(MOST + 1))
    text = html(f"/data/peta/?{query}", status=422)
    assert "at most 6" in text
    assert f"/tiles/lapis-{MOST}/" not in text


@pytest.mark.parametrize("name", ["%00", "..%2F", "%3Cb%3E", "A" * 5000, "'--"])
def test_strange_names_are_only_missing(name: str) -> None:
    assert "<b>" not in html(f"/data/peta/?layer={name}", status=404)


def test_what_others_add_to_links_is_left_out(kutim: None) -> None:
    make_layer()
    for path in ("/data/peta/?layer=faskes", "/data/faskes/sematan/?colour=jenis"):
        assert get(f"{path}&utm_source=wa&fbclid=x").status_code == 200
    text = html("/data/peta/?layer=faskes&utm_source=wa")
    assert "utm_source" not in text.replace("/data/peta/?layer=faskes&amp;utm_source=wa", "")
    for path in ("/data/faskes/unduh/csv/", "/tiles/faskes/6/52/31.mvt", "/data/faskes/fitur/1/"):
        get(f"{path}?utm_source=wa", status=400)


def test_hidden_fields_are_not_in_the_combined_map(kutim: None) -> None:
    make_layer(fields=[{"name": "nama", "hidden": True}, {"name": "jenis"}])
    assert "Lingga" not in html("/data/peta/?layer=faskes")


def test_links_lead_to_the_combined_map(kutim: None) -> None:
    make_layer()
    assert 'href="/data/peta/?layer=faskes"' in html("/data/faskes/")
    assert 'href="/data/peta/"' in html("/data/")


def test_only_the_embedded_map_may_be_framed(kutim: None) -> None:
    make_layer()
    embedded = get("/data/faskes/sematan/")
    assert "X-Frame-Options" not in embedded
    policy = embedded["Content-Security-Policy"]
    assert "frame-ancestors *" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "sessionid" not in embedded.cookies
    for path, status in [
        ("/data/faskes/", 200), ("/data/peta/", 200), ("/data/peta/?layer=faskes", 200), ("/data/", 200), ("/", 200),
        ("/data/tiada/sematan/", 404), ("/akun/login/", 200), ("/lapor/", 200),
    ]:  # fmt: skip
        response = get(path, status=status)
        assert response["X-Frame-Options"] == "DENY", path
        assert "frame-ancestors 'none'" in response["Content-Security-Policy"], path


def test_embedded_map_says_what_and_whose_it_is(kutim: None) -> None:
    make_layer(title_id="Judul <b>", synthetic=True)
    text = html("/data/faskes/sematan/?colour=jenis")
    for words in ("Judul &lt;b&gt;", "CC BY 4.0", 'href="/data/faskes/"', "Made up", "data-map", "puskesmas"):
        assert words in text
    assert 'target="_blank"' in text


@pytest.mark.parametrize("access", ["regency", "agency", "groups"])
def test_internal_layer_has_no_embedded_map_for_anybody(kutim: None, access: str) -> None:
    agency = make_agency("dlh")
    make_layer("rahasia", access=access, agency=agency)
    get("/data/rahasia/sematan/", status=404)
    get("/data/rahasia/sematan/", make_officer(agency), status=404)
    assert "sematan" not in html("/data/rahasia/", make_officer(agency))


def test_code_to_embed_is_text_with_a_title(kutim: None) -> None:
    make_layer(title_id='Judul "satu" <b>')
    text = html("/data/faskes/?colour=jenis")
    assert "&lt;iframe src=&quot;" in text
    assert "/data/faskes/sematan/?colour=jenis&quot; title=&quot;Map: Judul &amp;quot;satu&amp;quot;" in text
    assert "&amp;lt;b&amp;gt;" in text
