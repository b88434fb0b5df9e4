"""A layer's table twin: its features as rows, sorted, filtered and paged by the database, and figures on its fields.

Paging stops after `REACH` rows: beyond it, narrow the rows or download them. Only shown fields are read.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from django.core.cache import caches
from django.db import connection
from django.http import Http404
from django.utils.translation import gettext as _
from psycopg2 import sql

from geo.errors import ParameterError
from geo.models import BoundaryEdition
from layers.models import Layer, LayerPlace, LayerVersion
from layers.selection import Selection, label_of

PER_PAGE = 50
REACH = 10_000
SUMMARISED, SUMMARISED_VALUES = 20_000, 300_000
"""Features that figures on fields are made from, and values of all fields together, at most: the first ones."""
COMMON = 5
KEPT_SECONDS = 86_400


@dataclass(frozen=True)
class Table:
    """One page of rows. `count` is exact up to REACH; then `more_than` says that there are more."""

    columns: list[dict[str, Any]]
    rows: list[tuple[int, list[Any]]]
    count: int
    more_than: bool
    number: int
    pages: int
    sort: str
    descending: bool

    @property
    def first(self) -> int:
        return (self.number - 1) * PER_PAGE + 1

    @property
    def last(self) -> int:
        return self.first + len(self.rows) - 1


def read_table(chosen: Selection, params: Mapping[str, str]) -> Table:
    """Return the page `page` of the rows, by `sort` (a shown field, with - before it for the reverse).

    Raises ParameterError for a field that is not there. A page that does not exist is the nearest one.
    """
    columns = chosen.layer.shown_fields()
    asked = params.get("sort", "")
    name = asked.removeprefix("-")
    if name and name not in {column["name"] for column in columns}:
        raise ParameterError("sort", asked, _("There is no field “%(name)s” here.") % {"name": name[:40]})
    count, more_than = count_features(chosen)
    pages = max(1, -(-count // PER_PAGE))
    text = params.get("page", "1")
    number = min(max(1, int(text)), pages) if text.isascii() and text.isdigit() and len(text) < 9 else 1
    kinds = {column["name"]: column.get("type", "") for column in columns}
    order = _order(name, kinds[name], descending=asked.startswith("-")) if name else sql.SQL("f.fid")
    statement = sql.SQL(
        "SELECT f.fid, {shown}::text FROM {source} f WHERE {where} ORDER BY {order} LIMIT {most} OFFSET {skip}"
    ).format(
        shown=chosen.shown,
        source=chosen.source,
        where=chosen.where,
        order=order,
        most=sql.Literal(PER_PAGE),
        skip=sql.Literal((number - 1) * PER_PAGE),
    )
    rows = [
        (fid, [properties.get(column["name"]) for column in columns])
        for fid, properties in ((fid, json.loads(text)) for fid, text in _rows(statement))
    ]
    return Table(columns, rows, count, more_than, number, pages, name, asked.startswith("-"))


def _order(name: str, kind: str, *, descending: bool) -> sql.Composable:
    """Return the order by a field: jsonb sorts numbers as numbers and words as words; codes of digits go by length."""
    by_length = (
        "CASE WHEN f.properties->>{name} ~ '^[0-9]+$' THEN length(f.properties->>{name})"
        " WHEN f.properties->>{name} IS NOT NULL THEN 2147483647 END {way} NULLS LAST, "
    )
    order = "nullif(f.properties->{name}, 'null') {way} NULLS LAST, f.fid"
    return sql.SQL((by_length if kind == "code" else "") + order).format(
        name=sql.Literal(name), way=sql.SQL("DESC" if descending else "ASC")
    )


def count_features(chosen: Selection) -> tuple[int, bool]:
    """Return how many features are chosen, up to REACH, and whether there are more."""
    if chosen.is_whole:
        return min(chosen.version.feature_count, REACH), chosen.version.feature_count > REACH
    statement = sql.SQL("SELECT count(*) FROM (SELECT FROM {source} f WHERE {where} LIMIT {most}) found").format(
        source=chosen.source, where=chosen.where, most=sql.Literal(REACH + 1)
    )
    (count,) = _rows(statement)[0]
    return min(count, REACH), count > REACH


def read_feature(chosen: Selection, fid: int) -> dict[str, Any]:
    """Return a feature: `fid`, `label`, `fields` (name, title, type, value), and `lon`, `lat` of a point on it.

    Raises Http404.
    """
    statement = sql.SQL(
        "SELECT {shown}::text, ST_X(p.at), ST_Y(p.at) FROM {source} f"
        " CROSS JOIN LATERAL (SELECT ST_PointOnSurface(f.geom) AS at) p"
        " WHERE {these} AND f.fid = {fid}"
    ).format(shown=chosen.shown, source=chosen.source, these=chosen.these, fid=sql.Literal(fid))
    rows = _rows(statement)
    if not rows:
        raise Http404
    text, lon, lat = rows[0]
    properties = json.loads(text)
    return {
        "fid": fid,
        "label": label_of(chosen.layer, properties, fid),
        "fields": [
            {
                "name": field["name"],
                "title": field.get("title") or field["name"],
                "type": field.get("type", ""),
                "value": properties.get(field["name"]),
            }
            for field in chosen.layer.shown_fields()
        ],
        "lon": lon,
        "lat": lat,
    }


@dataclass(frozen=True)
class Figures:
    """What a field holds: filled-in values, different ones, extremes and mean of numbers, the commonest values.

    `first` and `last` are of texts, by their letters: of dates the earliest and the latest.
    """

    name: str
    title: str
    type: str
    description: str
    filled: int = 0
    different: int = 0
    least: float | None = None
    most: float | None = None
    mean: float | None = None
    first: str | None = None
    last: str | None = None
    common: tuple[tuple[str, int], ...] = ()


def figures(layer: Layer, version: LayerVersion) -> list[Figures]:
    """Return figures on each shown field, of the first `summarised` features. Two queries, then kept by the process."""
    names = [str(field["name"]) for field in layer.shown_fields()]
    shown = blake2b("\0".join(names).encode(), digest_size=12).hexdigest()
    key = f"layers:figures:{version.pk}:{shown}"
    summaries = caches["kept"].get(key)
    if summaries is None:
        summaries = _summaries(version, names, summarised(layer))
        caches["kept"].set(key, summaries, KEPT_SECONDS)
    return [
        Figures(
            field["name"],
            field.get("title") or field["name"],
            field.get("type", ""),
            field.get("description", ""),
            **summaries.get(field["name"], {}),
        )
        for field in layer.shown_fields()
    ]


def summarised(layer: Layer) -> int:
    """Return how many features the figures on its fields are made from, at most."""
    return min(SUMMARISED, SUMMARISED_VALUES // max(1, len(layer.shown_fields())))


def _summaries(version: LayerVersion, names: list[str], most: int) -> dict[str, dict[str, Any]]:
    if not names:
        return {}
    parts = {
        "each": sql.SQL(
            "FROM (SELECT properties FROM layers_feature WHERE version_id = {version} ORDER BY fid LIMIT {most}) f,"
            " jsonb_each(f.properties) e WHERE e.key = ANY ({names}::text[]) AND e.value NOT IN ('null', '\"\"')"
        ).format(version=sql.Literal(version.pk), most=sql.Literal(most), names=sql.Literal(names)),
        "number": sql.SQL("CASE WHEN jsonb_typeof(e.value) = 'number' THEN (e.value #>> '{{}}')::float8 END").format(),
        "word": sql.SQL(
            "left(CASE WHEN jsonb_typeof(e.value) = 'string' THEN e.value #>> '{{}}' END, 80) COLLATE \"C\""
        ).format(),
    }
    found: dict[str, dict[str, Any]] = {}
    overall = sql.SQL(
        "SELECT e.key, count(*), count(DISTINCT e.value), min({number}), max({number}), avg({number}),"
        " min({word}), max({word}) {each} GROUP BY e.key"
    ).format(**parts)
    for name, *told in _rows(overall):
        found[name] = dict(zip(("filled", "different", "least", "most", "mean", "first", "last"), told, strict=True))
    common = sql.SQL(
        "SELECT key, value, n FROM (SELECT e.key, left(e.value #>> '{{}}', 80) AS value, count(*) AS n,"
        " row_number() OVER (PARTITION BY e.key ORDER BY count(*) DESC, left(e.value #>> '{{}}', 80)) AS place"
        " {each} GROUP BY 1, 2) ranked WHERE place <= {most} ORDER BY key, place"
    ).format(most=sql.Literal(COMMON), **parts)
    for name, value, n in _rows(common):
        if found[name]["different"] < found[name]["filled"]:
            found[name]["common"] = (*found[name].get("common", ()), (value, n))
    return found


def per_kecamatan(version: LayerVersion) -> list[tuple[str, str, int]]:
    """Return (code, name, features) of the active edition's kecamatan that have any, the most first.

    Features in none of them come last, without code and name.
    """
    rows = LayerPlace.objects.filter(
        version=version, desa__isnull=True, edition_id=BoundaryEdition.objects.active_id()
    ).values_list("kecamatan__code", "kecamatan__name", "n")
    found = [(code or "", name or "", n) for code, name, n in rows]
    return sorted(found, key=lambda row: (not row[0], -row[2], row[1]))


def without_place(version: LayerVersion) -> int:
    """Return how many features have no geometry, so that they are in no row of `per_kecamatan`. Kept by the process."""
    key = f"layers:placeless:{version.pk}"
    count = caches["kept"].get(key)
    if count is None:
        statement = sql.SQL("SELECT count(*) FROM layers_feature f WHERE f.version_id = {version} AND f.geom IS NULL")
        ((count,),) = _rows(statement.format(version=sql.Literal(version.pk)))
        caches["kept"].set(key, count, KEPT_SECONDS)
    return int(count)


def _rows(statement: sql.Composable) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()
