"""What is known of a layer, for machines (ISO 19139 XML, DCAT-AP and schema.org as JSON-LD), and what is missing.

Every function takes a layer that the reader may see (with `agency` and `current`) and `base`, the site's address
without a slash at its end. Hidden fields are in none of them.
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree as ET

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from layers.formats import FORMATS, Format
from layers.models import Access, Cycle, Layer, Theme

GMD = "http://www.isotc211.org/2005/gmd"
GCO = "http://www.isotc211.org/2005/gco"
CODES = "http://standards.iso.org/ittf/PubliclyAvailableStandards/ISO_19139_Schemas/resources/codelist/gmxCodelists.xml"
ET.register_namespace("gmd", GMD)
ET.register_namespace("gco", GCO)

# ISO 19115 topic categories and the EU's frequency vocabulary, nearest to ours.
TOPICS: dict[str, str] = {
    Theme.REFERENCE: "location",
    Theme.BOUNDARIES: "boundaries",
    Theme.TRANSPORT: "transportation",
    Theme.HYDROGRAPHY: "inlandWaters",
    Theme.HYPSOGRAPHY: "elevation",
    Theme.VEGETATION: "imageryBaseMapsEarthCover",
    Theme.BUILT: "structure",
    Theme.TOPONYMY: "location",
    Theme.ENVIRONMENT: "environment",
    Theme.ECONOMY: "economy",
    Theme.SOCIETY: "society",
}
ISO_CYCLE: dict[str, str] = {
    Cycle.ONCE: "notPlanned",
    Cycle.YEARLY: "annually",
    Cycle.QUARTERLY: "quarterly",
    Cycle.MONTHLY: "monthly",
    Cycle.DAILY: "daily",
}
EU_CYCLE: dict[str, str] = {
    Cycle.ONCE: "NEVER",
    Cycle.YEARLY: "ANNUAL",
    Cycle.QUARTERLY: "QUARTERLY",
    Cycle.MONTHLY: "MONTHLY",
    Cycle.DAILY: "DAILY",
}
LICENCES = {
    "ccby40": "https://creativecommons.org/licenses/by/4.0/",
    "ccbysa40": "https://creativecommons.org/licenses/by-sa/4.0/",
    "cc0": "https://creativecommons.org/publicdomain/zero/1.0/",
    "cc010": "https://creativecommons.org/publicdomain/zero/1.0/",
    "odbl10": "https://opendatacommons.org/licenses/odbl/1-0/",
    "odbl": "https://opendatacommons.org/licenses/odbl/1-0/",
}


def licence_url(licence: str) -> str:
    """Return the address of a well-known licence, or ""."""
    return LICENCES.get(re.sub(r"[^a-z0-9]", "", licence.casefold()), "")


# What is missing -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Need:
    """One thing that good metadata have: whether it is there, its weight in points, and what to do."""

    label: str
    points: int
    there: bool
    remedy: str


@dataclass(frozen=True)
class Completeness:
    """How complete the metadata are, in percent, and what each part gives."""

    percent: int
    needs: tuple[Need, ...]

    @property
    def missing(self) -> list[Need]:
        return [need for need in self.needs if not need.there]


def completeness(layer: Layer) -> Completeness:
    """Return how much of what Satu Data Indonesia asks of a data set is filled in, weighted to 100 points."""
    fields = layer.shown_fields()
    described = [field for field in fields if field.get("description")]
    needs = (
        Need(_("Summary"), 15, len(layer.abstract_id) >= 40, _("Say in one or two sentences what the data show.")),
        Need(_("English title and summary"), 5, bool(layer.title_en and layer.abstract_en), _("Translate both.")),
        Need(_("Theme"), 10, bool(layer.theme), _("Choose a theme.")),
        Need(_("Keywords"), 5, len(layer.keywords) >= 3, _("Give at least three.")),
        Need(_("Licence"), 15, bool(layer.licence), _("Say what others may do with the data.")),
        Need(_("Lineage"), 10, bool(layer.lineage), _("Say how the data were made.")),
        Need(_("Source"), 5, bool(layer.source), _("Name where the data come from.")),
        Need(_("Scale"), 5, layer.scale is not None, _("Give the scale at which the data were drawn.")),
        Need(_("Contact"), 10, bool(layer.contact), _("Name who answers questions.")),
        Need(
            _("Field dictionary"),
            20,
            bool(fields) and len(described) == len(fields),
            _("Describe every field: %(done)d of %(all)d have a description.")
            % {"done": len(described), "all": len(fields)},
        ),
    )
    total = sum(need.points for need in needs)
    return Completeness(round(100 * sum(need.points for need in needs if need.there) / total), needs)


# ISO 19115 / 19139 ---------------------------------------------------------------------------------------------------


def iso_xml(layer: Layer, base: str) -> bytes:
    """Return the metadata as ISO 19139 XML (the profile that SNI ISO 19115 and SNI 8843 build on)."""
    version = layer.current
    root = ET.Element(f"{{{GMD}}}MD_Metadata")
    _text(root, "fileIdentifier", layer.slug)
    _text(root, "language", "ind")
    _code(root, "characterSet", "MD_CharacterSetCode", "utf8")
    _code(root, "hierarchyLevel", "MD_ScopeCode", "dataset")
    _party(ET.SubElement(root, _gmd("contact")), layer, "pointOfContact")
    ET.SubElement(ET.SubElement(root, _gmd("dateStamp")), _gco("Date")).text = f"{layer.changed_at:%Y-%m-%d}"
    _text(root, "metadataStandardName", "SNI ISO 19115:2012")
    system = _under(root, "referenceSystemInfo", "MD_ReferenceSystem", "referenceSystemIdentifier", "RS_Identifier")
    _text(system, "code", "4326")
    _text(system, "codeSpace", "EPSG")
    about = _under(root, "identificationInfo", "MD_DataIdentification")
    citation = _under(about, "citation", "CI_Citation")
    _text(citation, "title", layer.title_id)
    if layer.title_en:
        _text(citation, "alternateTitle", layer.title_en)
    if version and version.published_at:
        date = _under(citation, "date", "CI_Date")
        ET.SubElement(ET.SubElement(date, _gmd("date")), _gco("Date")).text = f"{version.published_at:%Y-%m-%d}"
        _code(date, "dateType", "CI_DateTypeCode", "publication")
        _text(citation, "edition", str(version.number))
    _text(about, "abstract", layer.abstract_id or layer.title_id)
    _code(about, "status", "MD_ProgressCode", "completed")
    _party(ET.SubElement(about, _gmd("pointOfContact")), layer, "owner")
    care = _under(about, "resourceMaintenance", "MD_MaintenanceInformation")
    _code(care, "maintenanceAndUpdateFrequency", "MD_MaintenanceFrequencyCode", ISO_CYCLE[layer.cycle])
    if layer.keywords:
        words = _under(about, "descriptiveKeywords", "MD_Keywords")
        for word in layer.keywords:
            _text(words, "keyword", word)
    rights = _under(about, "resourceConstraints", "MD_LegalConstraints")
    _code(rights, "accessConstraints", "MD_RestrictionCode", "license" if _is_public(layer) else "restricted")
    _code(rights, "useConstraints", "MD_RestrictionCode", "license")
    _text(rights, "otherConstraints", layer.licence or "-")
    _code(about, "spatialRepresentationType", "MD_SpatialRepresentationTypeCode", "vector")
    if layer.scale:
        scale = _under(about, "spatialResolution", "MD_Resolution", "equivalentScale", "MD_RepresentativeFraction")
        ET.SubElement(ET.SubElement(scale, _gmd("denominator")), _gco("Integer")).text = str(layer.scale)
    _text(about, "language", "ind")
    if layer.theme:
        ET.SubElement(ET.SubElement(about, _gmd("topicCategory")), _gmd("MD_TopicCategoryCode")).text = TOPICS[
            layer.theme
        ]
    if version and version.extent:
        box = _under(about, "extent", "EX_Extent", "geographicElement", "EX_GeographicBoundingBox")
        west, south, east, north = version.extent.extent
        sides = {"west": west, "east": east, "south": south, "north": north}
        for side, degrees in sides.items():
            name = f"{side}Bound{'Longitude' if side in {'west', 'east'} else 'Latitude'}"
            ET.SubElement(ET.SubElement(box, _gmd(name)), _gco("Decimal")).text = f"{degrees:.6f}"
    transfer = _under(root, "distributionInfo", "MD_Distribution", "transferOptions", "MD_DigitalTransferOptions")
    for title, address in (
        ("Layer page", page_url(layer, base)),
        *((one.title, download_url(layer, base, one)) for one in FORMATS.values()),
    ):
        online = _under(transfer, "onLine", "CI_OnlineResource")
        ET.SubElement(_under(online, "linkage"), _gmd("URL")).text = address
        _text(online, "name", title)
    quality = _under(root, "dataQualityInfo", "DQ_DataQuality")
    _code(_under(quality, "scope", "DQ_Scope"), "level", "MD_ScopeCode", "dataset")
    lineage = _under(quality, "lineage", "LI_Lineage")
    words_of_origin = [text for text in (layer.lineage, layer.source) if text]
    if layer.synthetic:
        words_of_origin.insert(0, "SYNTHETIC: made up for demonstration.")
    _text(lineage, "statement", "\n".join(words_of_origin) or "-")
    ET.indent(root)
    return ET.tostring(root, encoding="utf-8", xml_declaration=True)


def _gmd(name: str) -> str:
    return f"{{{GMD}}}{name}"


def _gco(name: str) -> str:
    return f"{{{GCO}}}{name}"


def _under(parent: ET.Element, *names: str) -> ET.Element:
    for name in names:
        parent = ET.SubElement(parent, _gmd(name))
    return parent


def _text(parent: ET.Element, name: str, text: str) -> None:
    ET.SubElement(ET.SubElement(parent, _gmd(name)), _gco("CharacterString")).text = printable(text)


def _code(parent: ET.Element, name: str, kind: str, value: str) -> None:
    attributes = {"codeList": f"{CODES}#{kind}", "codeListValue": value}
    ET.SubElement(ET.SubElement(parent, _gmd(name)), _gmd(kind), attributes).text = value


def _party(parent: ET.Element, layer: Layer, role: str) -> None:
    party = ET.SubElement(parent, _gmd("CI_ResponsibleParty"))
    _text(party, "organisationName", layer.agency.name)
    if layer.contact:
        _text(_under(party, "contactInfo", "CI_Contact"), "contactInstructions", layer.contact)
    _code(party, "role", "CI_RoleCode", role)


def printable(text: str) -> str:
    """Return `text` without the control characters that XML cannot carry."""
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]", "", text)


# JSON-LD -------------------------------------------------------------------------------------------------------------


def dcat(layer: Layer, base: str) -> dict[str, Any]:
    """Return the metadata as DCAT-AP (a dcat:Dataset with its distributions)."""
    version = layer.current
    page = page_url(layer, base)
    data: dict[str, Any] = {
        "@context": {
            "dcat": "http://www.w3.org/ns/dcat#",
            "dct": "http://purl.org/dc/terms/",
            "foaf": "http://xmlns.com/foaf/0.1/",
            "vcard": "http://www.w3.org/2006/vcard/ns#",
            "locn": "http://www.w3.org/ns/locn#",
            "gsp": "http://www.opengis.net/ont/geosparql#",
            "xsd": "http://www.w3.org/2001/XMLSchema#",
        },
        "@id": page,
        "@type": "dcat:Dataset",
        "dct:identifier": layer.slug,
        "dct:title": _in_languages(layer.title_id, layer.title_en),
        "dct:description": _in_languages(layer.abstract_id or layer.title_id, layer.abstract_en),
        "dct:publisher": {"@type": "foaf:Organization", "foaf:name": layer.agency.name},
        "dcat:keyword": list(layer.keywords),
        "dcat:landingPage": {"@id": page},
        "dct:accrualPeriodicity": {
            "@id": f"http://publications.europa.eu/resource/authority/frequency/{EU_CYCLE[layer.cycle]}"
        },
        "dct:accessRights": {
            "@id": "http://publications.europa.eu/resource/authority/access-right/"
            + ("PUBLIC" if _is_public(layer) else "RESTRICTED")
        },
        "dcat:distribution": [
            {
                "@id": download_url(layer, base, one),
                "@type": "dcat:Distribution",
                "dct:title": one.title,
                "dcat:downloadURL": {"@id": download_url(layer, base, one)},
                "dcat:mediaType": one.media_type,
                "dct:license": {"@id": licence_url(layer.licence)} if licence_url(layer.licence) else layer.licence,
            }
            for one in FORMATS.values()
        ],
    }
    if layer.contact:
        data["dcat:contactPoint"] = {"@type": "vcard:Organization", "vcard:fn": layer.contact}
    if layer.lineage or layer.source:
        data["dct:provenance"] = {
            "@type": "dct:ProvenanceStatement",
            "dct:description": "\n".join(text for text in (layer.lineage, layer.source) if text),
        }
    if version and version.published_at:
        data["dct:modified"] = {"@type": "xsd:dateTime", "@value": version.published_at.isoformat()}
        data["dcat:version"] = str(version.number)
    if version and version.extent:
        data["dct:spatial"] = {
            "@type": "dct:Location",
            "dcat:bbox": {"@type": "gsp:wktLiteral", "@value": version.extent.envelope.wkt},
        }
    return data


def schema_org(layer: Layer, base: str) -> dict[str, Any]:
    """Return the layer as a schema.org Dataset, for search engines."""
    version = layer.current
    data: dict[str, Any] = {
        "@context": "https://schema.org/",
        "@type": "Dataset",
        "name": layer.title,
        "description": (layer.abstract or layer.title)[:5000],
        "url": page_url(layer, base),
        "identifier": layer.slug,
        "keywords": list(layer.keywords),
        "license": licence_url(layer.licence) or layer.licence,
        "isAccessibleForFree": True,
        "creator": {"@type": "GovernmentOrganization", "name": layer.agency.name},
        "variableMeasured": [str(field.get("title") or field["name"]) for field in layer.shown_fields()],
        "distribution": [
            {
                "@type": "DataDownload",
                "encodingFormat": one.media_type,
                "contentUrl": download_url(layer, base, one),
            }
            for one in FORMATS.values()
        ],
    }
    if version and version.published_at:
        data["dateModified"] = version.published_at.isoformat()
        data["version"] = str(version.number)
    if version and version.extent:
        west, south, east, north = version.extent.extent
        data["spatialCoverage"] = {
            "@type": "Place",
            "geo": {"@type": "GeoShape", "box": f"{south:.6f} {west:.6f} {north:.6f} {east:.6f}"},
        }
    return data


def json_script(data: dict[str, Any], nonce: object) -> SafeString:
    """Return `data` as a JSON-LD <script> whose text cannot end it."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    # Nothing is left in the text that escaping would change, but for quotes, which JSON needs.
    return format_html('<script type="application/ld+json" nonce="{}">{}</script>', str(nonce), _Json(text))


class _Json(SafeString):
    """JSON in which <, > and & are written as escapes."""


def page_url(layer: Layer, base: str) -> str:
    """Return the full address of the layer's page."""
    return base + reverse("layer", args=[layer.slug]) + (f"?{layer.asked}" if layer.asked else "")


def download_url(layer: Layer, base: str, one: Format) -> str:
    """Return the full address of a download of the whole layer."""
    return base + reverse("layer_download", args=[layer.slug, one.code]) + (f"?{layer.asked}" if layer.asked else "")


def _is_public(layer: Layer) -> bool:
    return layer.access == Access.PUBLIC


def _in_languages(indonesian: str, english: str) -> list[dict[str, str]]:
    both = [("id", indonesian), ("en", english)]
    return [{"@language": language, "@value": text} for language, text in both if text]
