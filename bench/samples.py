"""Seeded samples: points inside the regency, reports to send, and tiles drawn where reports are."""

import json
from collections import Counter

import numpy as np
from django.db import connection

from geo.locate import locate_many
from incidents.models import Category

HALF_WORLD_M = 20_037_508.342789244
FINEST = 14

Place = tuple[int, int]


def points_inside(count: int, seed: int) -> list[tuple[float, float]]:
    """Return `count` points (lon, lat) spread evenly over the land of the regency."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e) FROM (SELECT ST_Extent(p.geom) AS e"
            " FROM geo_boundarypiece p JOIN geo_boundaryedition b ON b.id = p.edition_id"
            " WHERE b.status = 'active') AS extent"
        )
        west, south, east, north = cursor.fetchone()
    chance = np.random.default_rng(seed)
    found: list[tuple[float, float]] = []
    while len(found) < count:
        drawn = [
            (round(float(x), 6), round(float(y), 6))
            for x, y in zip(chance.uniform(west, east, count), chance.uniform(south, north, count), strict=True)
        ]
        places = locate_many(drawn)
        found += [point for point, place in zip(drawn, places, strict=True) if place and not place.coastal]
    return found[:count]


def category_codes() -> list[str]:
    """Return the codes that a report may carry."""
    return list(
        Category.objects.filter(active=True, parent__isnull=False).order_by("code").values_list("code", flat=True)
    )


def new_reports(count: int, seed: int) -> list[tuple[str, str, str]]:
    """Return `count` requests that send a report."""
    codes = category_codes()
    chance = np.random.default_rng(seed)
    return [
        (
            "POST",
            "/api/v1/reports/",
            json.dumps(
                {
                    "lat": lat,
                    "lon": lon,
                    "category": codes[int(chance.integers(len(codes)))],
                    "kind": "laporan",
                    "title": "Jalan rusak di depan sekolah",
                    "description": "Jalan berlubang besar sejak hujan minggu lalu, motor sering jatuh. Mohon ditambal.",
                }
            ),
        )
        for lon, lat in points_inside(count, seed)
    ]


def tiles_with_reports() -> dict[int, Counter[Place]]:
    """Return for each zoom up to 14 the tiles (x, y) that hold public reports, and how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor((ST_X(geom_3857) + %(half)s) / %(edge)s)::int,"
            " floor((%(half)s - ST_Y(geom_3857)) / %(edge)s)::int,"
            " count(*) FROM incidents_report WHERE NOT confidential GROUP BY 1, 2",
            {"half": HALF_WORLD_M, "edge": 2 * HALF_WORLD_M / (1 << FINEST)},
        )
        finest = {(x, y): n for x, y, n in cursor.fetchall()}
    found: dict[int, Counter[Place]] = {}
    for zoom in range(6, FINEST + 1):
        found[zoom] = Counter()
        for (x, y), n in finest.items():
            found[zoom][x >> (FINEST - zoom), y >> (FINEST - zoom)] += n
    return found


def draw_tiles(tiles: Counter[Place], count: int, seed: int) -> list[Place]:
    """Draw `count` tiles, each as likely as it holds reports; the same tile may come more than once."""
    places = sorted(tiles)
    weight = np.array([tiles[place] for place in places], dtype=float)
    chosen = np.random.default_rng(seed).choice(len(places), count, p=weight / weight.sum())
    return [places[int(i)] for i in chosen]
