import json
import re
from typing import Any

import pytest
from django.db import connection
from django.utils import translation

from geo import definition, maps
from geo.area_tiles import area_tile
from geo.maps import MapMarkup, TileLayer
from geo.models import BoundaryEdition, Kecamatan
from geo.schematic import SCHEMATIC_DIR
from geo.tiles import Tile

NONCE = "abc123"
pytestmark = pytest.mark.django_db


def browse() -> MapMarkup:
    areas = maps.active_areas()
    assert areas is not None
    return maps.browse_map(
        nonce=NONCE,
        areas=areas,
        layer=TileLayer(url=maps.tile_url("report_tile"), query="status=closed", more={"breaks": [1, 2]}),
        start="js/map/page.js",
        options={"texts": {"nasty": "</script><script>alert(1)</script>&${x}\u2028"}},
        label="Map & <list>",
    )


def every_map() -> list[MapMarkup]:
    made = [browse(), maps.pin_map(nonce=NONCE), maps.locator_map(nonce=NONCE, lon=117.5, lat=0.5)]
    return [markup for markup in made if markup]


@pytest.mark.usefixtures("kutim")
def test_nothing_is_loaded_from_elsewhere() -> None:
    for markup in every_map():
        for address in re.findall(r'(?:src|href)="([^"]*)"', markup.head + markup.body + markup.scripts):
            assert re.match(r"/static/", address), address
        assert "://" not in markup.head + markup.body + markup.scripts


@pytest.mark.usefixtures("kutim")
def test_inline_code_carries_the_nonce_and_styles_are_files() -> None:
    for markup in every_map():
        html = markup.head + markup.body + markup.scripts
        assert "<style" not in html
        assert " style=" not in html
        assert not re.search(r"\son\w+=", html)
        for tag in re.findall(r"<script[^>]*>", html):
            assert "src=" in tag or f'nonce="{NONCE}"' in tag


@pytest.mark.usefixtures("kutim")
def test_texts_cannot_end_the_script() -> None:
    markup = browse()
    assert markup.scripts.count("</script>") == markup.scripts.count("<script")
    assert "alert(1)" in markup.scripts
    assert "\\u003c/script\\u003e" in markup.scripts
    assert "\\u2028" in markup.scripts
    assert "Map &amp; &lt;list&gt;" in markup.body


@pytest.mark.usefixtures("kutim")
def test_viewport_and_page_styles_of_folium_stay_away() -> None:
    assert "user-scalable" not in browse().head
    assert "L_NO_TOUCH" not in browse().scripts


@pytest.mark.usefixtures("kutim")
def test_importmap_names_every_bare_module() -> None:
    found = re.search(r'<script type="importmap"[^>]*>(.*?)</script>', browse().head)
    assert found
    assert set(json.loads(found[1])["imports"]) == {"pbf", "@mapbox/point-geometry", "@mapbox/vector-tile"}


@pytest.mark.usefixtures("kutim")
def test_foreign_asset_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maps._folium().PageMap, "default_js", [("leaflet", "https://cdn.example/leaflet.js")])
    with pytest.raises(ValueError, match=r"cdn\.example"):
        browse()


@pytest.mark.usefixtures("kutim")
def test_areas_are_all_kecamatan_with_places_inside_their_bounds() -> None:
    areas = maps.active_areas()
    assert areas is not None
    assert {area["code"] for area in areas.kecamatan} == set(Kecamatan.objects.values_list("code", flat=True))
    for area in areas.kecamatan:
        west, south, east, north = area["bounds"]
        assert west < area["lon"] < east
        assert south < area["lat"] < north
    assert areas.lie_within((115.0, -1.0, 120.0, 3.0))
    assert not areas.lie_within((117.0, -1.0, 120.0, 3.0))


@pytest.mark.usefixtures("kutim")
def test_schematic_note_goes_with_the_edition() -> None:
    with translation.override("en"):
        assert all("Schematic boundaries, not official" in markup.body for markup in every_map()[1:])
        BoundaryEdition.objects.update(kind="official")
        assert not any("Schematic boundaries, not official" in markup.body for markup in every_map())


@pytest.mark.usefixtures("kutim")
def test_credit_names_source_and_licence_of_every_kind_of_edition() -> None:
    for kind, heading in (("indicative", "Indicative boundaries, not official"), ("official", "Official boundaries")):
        BoundaryEdition.objects.update(
            kind=kind, name="Batas 2026", source="SK Bupati <b>1</b> & peta", licence="CC BY 4.0"
        )
        with translation.override("en"):
            for markup in every_map()[1:]:
                assert heading in markup.body
                assert (
                    "Batas 2026. Source: SK Bupati &lt;b&gt;1&lt;/b&gt; &amp; peta. Licence: CC BY 4.0." in markup.body
                )
                assert "data-open-on-paper" in markup.body


@pytest.mark.usefixtures("kutim")
def test_credit_names_the_base_map_in_plain_words(settings: object) -> None:
    settings.BASE_MAP_URL = "https://tile.example/{z}/{x}/{y}.png"  # type: ignore[attr-defined]
    settings.BASE_MAP_ATTRIBUTION = '&copy; <a href="https://example.org">People of the map</a>'  # type: ignore[attr-defined]
    still = maps.locator_map(nonce=NONCE, lon=117.5, lat=0.5)
    assert still
    assert "© People of the map" in still.body
    assert '"land": false' in still.scripts  # else our surface would hide it


@pytest.mark.usefixtures("kutim")
def test_areas_are_sent_once() -> None:
    for markup in every_map():
        assert markup.scripts.count('"64.08.04"') == 1


def test_no_map_without_boundaries() -> None:
    assert maps.active_areas() is None
    assert maps.pin_map(nonce=NONCE) is None
    assert maps.locator_map(nonce=NONCE, lon=117.5, lat=0.5) is None


@pytest.mark.usefixtures("kutim")
def test_pin_starts_at_the_given_place() -> None:
    markup = maps.pin_map(nonce=NONCE, lon=117.5, lat=0.5, lon_input="a", lat_input="b")
    assert markup
    assert '"place": [0.5, 117.5]' in markup.scripts
    assert '"lonInput": "a"' in markup.scripts


@pytest.mark.usefixtures("kutim")
@pytest.mark.parametrize(
    ("base_map", "options"),
    [
        ("", ['"near": 11', '"close": 11', '"desaFrom": 10']),
        ("https://tile.example/{z}/{x}/{y}.png", ['"near": 15', '"close": 14', '"desaFrom": 12']),
    ],
)
def test_pin_without_a_base_map_stays_where_desa_are_in_sight(settings: Any, base_map: str, options: list[str]) -> None:
    settings.BASE_MAP_URL, settings.BASE_MAP_ATTRIBUTION = base_map, "© Tile"
    markup = maps.pin_map(nonce=NONCE)
    assert markup
    assert [option for option in options if option not in markup.scripts] == []


@pytest.mark.usefixtures("kutim")
def test_credit_describes_the_bundled_boundaries_in_english_and_others_as_they_were_loaded() -> None:
    areas = maps.active_areas()
    assert areas
    with translation.override("en"):
        told = maps.credit(areas)
    assert "Schematic boundaries of Kutai Timur. Source: Voronoi cells of the points of 141 desa" in told
    described = definition.read(SCHEMATIC_DIR / "definition.toml").description
    assert {described.name, described.source} == maps.DESCRIBED.keys()
    BoundaryEdition.objects.update(source="SK Bupati 12/2026")
    areas = maps.active_areas()
    assert areas
    with translation.override("en"):
        assert "Source: SK Bupati 12/2026." in maps.credit(areas)


@pytest.mark.usefixtures("kutim")
def test_words_are_never_run_as_a_template() -> None:
    # branca makes templates of what templates have printed; a data set's title or value ran as code once.
    areas = maps.active_areas()
    assert areas is not None
    words = "{{ 6 * 7 }} {% if %} {# gone #}"
    made = maps.data_map(
        nonce=NONCE,
        areas=areas,
        layer=TileLayer("/tiles/x/{z}/{x}/{y}.mvt", more={"style": {"values": [words]}}),
        module="js/layers/map.js",
        options={"layers": [{"title": words}]},
        label=words,
    )
    assert made.scripts.count(words) == 2
    assert f'aria-label="{words}"' in made.body


@pytest.mark.usefixtures("kutim")
def test_base_map_only_if_the_settings_name_one(settings: object) -> None:
    assert "tileLayer" not in browse().scripts
    settings.BASE_MAP_URL = "https://tile.example/{z}/{x}/{y}.png"  # type: ignore[attr-defined]
    settings.BASE_MAP_ATTRIBUTION = "People of the map"  # type: ignore[attr-defined]
    scripts = browse().scripts
    assert "https://tile.example/{z}/{x}/{y}.png" in scripts
    assert "People of the map" in scripts


@pytest.mark.usefixtures("kutim")
def test_border_shows_in_every_tile_that_two_kecamatan_share() -> None:
    # The schematic border of two kecamatan crosses this tile without a corner in it; it was lost to rounding once.
    edition = BoundaryEdition.objects.get(status="active")
    tile = Tile(13, 6770, 4085)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM geo_kecamatanboundary"
            " WHERE edition_id = %s AND ST_Intersects(geom, ST_Transform(ST_TileEnvelope(%s, %s, %s), 4326))",
            [edition.pk, tile.z, tile.x, tile.y],
        )
        assert cursor.fetchone() == (2,)
    assert b"kecamatan\x12" in area_tile("kecamatan", edition.pk, tile)
