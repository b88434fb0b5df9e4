"""Metadata for machines, their completeness, freshness, and a script that no text can end."""

import datetime as dt
import json
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from django.test import Client
from django.utils import timezone

from layers import metadata
from layers.freshness import Freshness, freshness_of
from layers.models import Cycle
from tests.factories.accounts import make_agency
from tests.factories.layers import make_layer

pytestmark = pytest.mark.django_db
SPACES = {"gmd": metadata.GMD, "gco": metadata.GCO}
EVIL = '</script><script>alert("x")</script> & \u2028'


def texts(root: ET.Element, path: str) -> list[str | None]:
    return [element.text for element in root.findall(path, SPACES)]


def test_iso_says_title_producer_licence_extent_and_downloads() -> None:
    make_layer(
        agency=make_agency("dinkes", name="Dinas Kesehatan"), title_en="Health posts", scale=50_000,
        keywords=["a", "b"], lineage="Didata\x01 di lapangan",
    )  # fmt: skip
    response = Client().get("/data/faskes/metadata.xml")
    root = ET.fromstring(response.content)
    assert root.tag == f"{{{metadata.GMD}}}MD_Metadata"
    assert "Fasilitas kesehatan" in texts(root, ".//gmd:CI_Citation/gmd:title/gco:CharacterString")
    assert "Dinas Kesehatan" in texts(root, ".//gmd:organisationName/gco:CharacterString")
    assert "CC BY 4.0" in texts(root, ".//gmd:otherConstraints/gco:CharacterString")
    assert texts(root, ".//gmd:denominator/gco:Integer") == ["50000"]
    assert texts(root, ".//gmd:MD_TopicCategoryCode") == ["society"]
    assert float(texts(root, ".//gmd:westBoundLongitude/gco:Decimal")[0] or 0) == pytest.approx(117.45, abs=1e-5)
    assert any("/data/faskes/unduh/gpkg/" in (text or "") for text in texts(root, ".//gmd:URL"))
    assert texts(root, ".//gmd:statement/gco:CharacterString") == ["Didata di lapangan"]


def test_iso_says_that_made_up_data_are_made_up() -> None:
    layer = make_layer(synthetic=True)
    assert b"SYNTHETIC" in metadata.iso_xml(layer, "http://x")


def test_dcat_names_every_format() -> None:
    make_layer()
    data = json.loads(Client().get("/data/faskes/metadata.jsonld").content)
    assert data["@type"] == "dcat:Dataset"
    assert len(data["dcat:distribution"]) == 8
    assert data["dct:accessRights"]["@id"].endswith("PUBLIC")
    assert data["dcat:distribution"][0]["dct:license"] == {"@id": "https://creativecommons.org/licenses/by/4.0/"}


def test_schema_org_stands_in_the_page_and_cannot_be_ended() -> None:
    make_layer(title_id=EVIL, abstract_id=EVIL)
    html = Client().get("/data/faskes/").content.decode()
    assert '<script>alert("x")' not in html
    start = html.index('type="application/ld+json" nonce="')
    text = html[html.index(">", start) + 1 : html.index("</script>", start)]
    assert json.loads(text)["name"] == EVIL


@pytest.mark.parametrize(
    ("licence", "url"),
    [("CC BY 4.0", "by/4.0"), ("cc-by-sa-4.0", "by-sa/4.0"), ("CC0", "zero/1.0"), ("ODbL", "odbl"), ("sendiri", "")],
)  # fmt: skip
def test_licences_are_known_by_address(licence: str, url: str) -> None:
    found = metadata.licence_url(licence)
    assert url in found if url else found == ""


def test_completeness_says_what_is_missing() -> None:
    layer = make_layer()
    found = metadata.completeness(layer)
    assert 0 < found.percent < 100
    assert sum(need.points for need in found.needs) == 100
    layer.abstract_id = "Puskesmas dan puskesmas pembantu di seluruh kabupaten."
    layer.title_en = layer.abstract_en = "Health"
    layer.keywords, layer.lineage, layer.source, layer.contact = ["a", "b", "c"], "a", "b", "c"
    layer.scale = 1000
    layer.fields = [{"name": "nama", "type": "text", "description": "Nama"}, {"name": "x", "hidden": True}]
    assert metadata.completeness(layer).percent == 100
    assert metadata.completeness(layer).missing == []


NOW = timezone.make_aware(dt.datetime(2026, 6, 1))


@pytest.mark.parametrize(
    ("cycle", "days", "expected"),
    [
        (Cycle.ONCE, 4000, Freshness.ONCE),
        (Cycle.YEARLY, 365, Freshness.FRESH),
        (Cycle.YEARLY, 366, Freshness.DUE),
        (Cycle.YEARLY, 600, Freshness.LATE),
        (Cycle.DAILY, 0, Freshness.FRESH),
        (Cycle.DAILY, 2, Freshness.LATE),
    ],
)
def test_freshness_is_age_against_the_cycle(cycle: Any, days: int, expected: Freshness) -> None:
    assert freshness_of(cycle, NOW - dt.timedelta(days=days), NOW) == expected
