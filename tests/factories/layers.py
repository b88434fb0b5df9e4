"""Layers with a few features, for tests: stored and published by the services, as an import leaves them."""

import io
import json
from typing import Any

import shapely
from shapely.geometry.base import BaseGeometry

from accounts.models import Agency
from layers.models import Layer, LayerVersion
from layers.versions import Loaded, publish, store_version
from tests.factories.accounts import make_agency

Rows = list[tuple[BaseGeometry, dict[str, Any]]]

POINTS: Rows = [
    (shapely.Point(117.55, 0.50), {"nama": "Puskesmas Teluk Lingga", "jenis": "puskesmas", "tempat_tidur": 12}),
    (shapely.Point(117.45, 0.60), {"nama": "Puskesmas Sangatta Selatan", "jenis": "puskesmas", "tempat_tidur": 8}),
    (shapely.Point(117.60, 0.90), {"nama": "Pustu Sepaso", "jenis": "pustu", "tempat_tidur": 0}),
]


def make_layer(slug: str = "faskes", rows: Rows | None = None, agency: Agency | None = None, **over: Any) -> Layer:
    """Return a published layer of `rows` (geometry in EPSG:4326, properties); public unless `access` is given."""
    rows = POINTS if rows is None else rows
    names = list(rows[0][1]) if rows else []
    made: dict[str, Any] = {
        "title_id": "Fasilitas kesehatan",
        "abstract_id": "Puskesmas dan pustu.",
        "theme": "sosial",
        "licence": "CC BY 4.0",
        "access": "public",
        "fields": [{"name": name, "title": name, "type": "text", "hidden": False} for name in names],
    }
    layer = Layer.objects.create(slug=slug, agency=agency or make_agency("dinkes"), **made | over)
    publish(version=make_version(layer, rows), by=None)
    layer.refresh_from_db()
    return layer


def make_version(layer: Layer, rows: Rows) -> LayerVersion:
    """Store `rows` as the layer's next version, not published."""
    text = "".join(
        f"{n}\t{shapely.to_wkb(shapely.set_srid(geometry, 4326), hex=True, include_srid=True)}\t"
        + json.dumps(properties).replace("\\", "\\\\")
        + "\n"
        for n, (geometry, properties) in enumerate(rows, start=1)
    )
    kind = rows[0][0].geom_type if rows else "Point"
    statistics = {
        name: {"count": len(rows), "nulls": 0, "distinct": len({json.dumps(row.get(name)) for _shape, row in rows})}
        for name in (rows[0][1] if rows else {})
    }
    loaded = Loaded(
        geometry_type=kind, source_name="uji.geojson", source_sha256="0" * 64, source_crs="EPSG:4326",
        statistics=statistics,
    )  # fmt: skip
    return store_version(layer=layer, by=None, loaded=loaded, rows=io.StringIO(text))
