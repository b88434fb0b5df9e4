"""Layers for a demonstration: synthetic ones and, from a folder that holds them, open ones of other publishers.

The open files are never part of the project. Each keeps its publisher's name and licence, and says that it is not the
agency's own. A layer that is there already is left alone, so a second load changes nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.db import transaction

from layers.importing import find_agency, import_file, layer_for
from layers.models import Layer, LayerVersion
from layers.synthetic import has_layers, make_layers
from layers.versions import publish

COUNT = 600
SEED = 6408
NOT_ITS_OWN = "Data terbuka pihak lain untuk peragaan, bukan data resmi dinas yang tercantum."


@dataclass(frozen=True)
class OpenLayer:
    """A file, and what the catalogue says of it."""

    file: str
    agency: str
    title_id: str
    title_en: str
    abstract_id: str
    abstract_en: str
    theme: str
    source: str
    licence: str
    cycle: str = "once"


OPEN_LAYERS = (
    OpenLayer(
        "titik_panas_viirs_2025q3.geojson", "BPBD", "Titik panas, Juli sampai September 2025",
        "Fire hot spots, July to September 2025", "Titik panas yang dilihat satelit.", "Hot spots seen by satellite.",
        "lingkungan", "NASA FIRMS VIIRS", "Data terbuka NASA",
    ),
    OpenLayer(
        "pabrik_kelapa_sawit.geojson", "Disbun", "Pabrik kelapa sawit", "Palm-oil mills",
        "Letak pabrik kelapa sawit dengan perusahaannya.", "Where palm-oil mills are, with their companies.",
        "ekonomi", "Repositori terbuka; asal datanya belum dipastikan", "MIT",
    ),
    OpenLayer(
        "garis_pantai_gshhg.geojson", "Diskan", "Garis pantai (GSHHG)", "Coastline (GSHHG)",
        "Garis pantai umum.", "A generalised coastline.", "hidrografi", "GSHHG", "LGPL-3.0-or-later",
    ),
    OpenLayer(
        "pulau.geojson", "Diskan", "Pulau", "Islands", "Titik pulau dengan kode dan luasnya.",
        "Islands as points, with code and area.", "toponimi", "idn-area-data", "ODbL 1.0",
    ),
    OpenLayer(
        "trans_kalimantan_ah150.geojson", "DPU/PUPR", "Jalan Trans-Kalimantan (kasar)",
        "Trans-Kalimantan road (coarse)",
        "Satu garis kasar jalan Trans-Kalimantan.", "One coarse line of the Trans-Kalimantan road.", "transportasi",
        "Titik dari OpenStreetMap, © kontributor OpenStreetMap", "ODbL 1.0",
    ),
    OpenLayer(
        "fasilitas_industri_transportasi.geojson", "Dishub", "Fasilitas industri dan transportasi",
        "Industry and transport facilities",
        "Terminal batu bara, tambang, pembangkit, lapangan terbang, pelabuhan, kota; sebagian di luar kabupaten.",
        "Coal terminals, a mine, power plants, airstrips, ports and towns; some outside the regency.", "transportasi",
        "Beberapa; tiap baris menyebut sumber dan lisensinya", "CC BY 4.0 / MIT / Apache-2.0",
    ),
)  # fmt: skip


def load_demo_layers(*, data: Path | None) -> Iterator[LayerVersion]:
    """Publish the demonstration's layers that are not there yet, and yield each; `data` holds `layers/*.geojson`.

    Raise LookupError without areas or agencies, LayerError for a file that cannot be read.
    """
    if not has_layers():
        yield from make_layers(count=COUNT, seed=SEED)
    for one in OPEN_LAYERS if data else ():
        path = Path(data or "", "layers", one.file)
        slug = path.stem.replace("_", "-")
        if path.is_file() and not Layer.objects.filter(slug=slug).exists():
            yield _load(one, slug, path)


@transaction.atomic
def _load(one: OpenLayer, slug: str, path: Path) -> LayerVersion:
    values = {
        "slug": slug,
        "title_id": one.title_id,
        "title_en": one.title_en,
        "abstract_id": f"{one.abstract_id} {NOT_ITS_OWN}",
        "abstract_en": f"{one.abstract_en} Open data of others, for demonstration: not the named agency's own.",
        "theme": one.theme,
        "source": one.source,
        "licence": one.licence,
        "cycle": one.cycle,
        "access": "public",
        "lineage": "Dimuat oleh manage.py load_demo_layers.",
    }
    layer = layer_for(agency=find_agency(one.agency), values=values)
    version = import_file(layer=layer, path=path, by=None)
    publish(version=version, by=None)
    return version
