"""A catalogue of many layers, for measuring its search: each with a title, a field and features of its own."""

import io
import json

import numpy as np
import shapely

TOPICS = (
    "Sekolah dasar", "Puskesmas", "Posyandu", "Jalan rusak", "Jembatan", "Sumur bor", "Sawah", "Kebun sawit", "Pasar",
    "Masjid", "Tambak", "Irigasi", "Tempat sampah", "Halte", "Menara seluler", "Rawan banjir", "Hutan lindung",
    "Tambang", "Embung", "Balai desa",
)  # fmt: skip


def fill(layers: int, features: int) -> int:
    """Store and publish `layers` public layers of `features` points each; return how many features that makes."""
    from django.db import transaction

    from accounts.models import Agency
    from geo.models import Desa
    from layers.models import Layer
    from layers.versions import Loaded, index_words_due, publish, store_version

    chance = np.random.default_rng(1)
    desa = list(Desa.objects.order_by("code").values_list("name", "kecamatan__name", "point"))
    agencies = list(Agency.objects.filter(active=True).order_by("code"))
    for number in range(layers):
        topic = TOPICS[number % len(TOPICS)]
        layer = Layer(
            slug=f"bench-{number}", agency=agencies[number % len(agencies)], title_id=f"{topic} data {number}",
            abstract_id=f"{topic} yang didata tahun {2015 + number % 10}.", theme="sosial", licence="CC0 1.0",
            access="public", synthetic=True, keywords=[topic.lower()],
            fields=[
                {"name": name, "title": name, "type": "text", "description": "", "hidden": False, "personal": False}
                for name in ("nama", "desa", "kecamatan")
            ],
        )  # fmt: skip
        which = chance.integers(0, len(desa), features)
        places = np.array([desa[index][2].coords for index in which]) + chance.normal(0, 0.02, (features, 2))
        texts = shapely.to_wkb(shapely.set_srid(shapely.points(places), 4326), hex=True, include_srid=True)
        rows = io.StringIO()
        for fid, (index, text) in enumerate(zip(which.tolist(), texts, strict=True), start=1):
            name, kecamatan, _point = desa[index]
            row = {"nama": f"{topic} Contoh {fid}", "desa": name, "kecamatan": kecamatan}
            rows.write(f"{fid}\t{text}\t{json.dumps(row)}\n")
        rows.seek(0)
        loaded = Loaded(
            geometry_type="Point", source_name="bench", source_sha256="0" * 64, source_crs="EPSG:4326 WGS 84"
        )
        with transaction.atomic():
            layer.save()
            publish(version=store_version(layer=layer, by=None, loaded=loaded, rows=rows), by=None)
    while index_words_due():  # those of the large layers, which are here too
        pass
    return layers * features
