"""Which features of a layer a reader asked for, and the SQL that finds them.

    chosen = read_selection(layer, request.GET)
    sql.SQL("SELECT {shown} FROM layers_feature f WHERE {where}").format(shown=chosen.shown, where=chosen.where)

Only what readers may see ever counts: a search matches shown fields, never hidden ones. All values are literals in the
composed SQL, so run it without parameters. Geometry is EPSG:4326.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any
from urllib.parse import urlencode

from django.db import connection
from django.http import Http404
from django.utils.translation import gettext as _
from psycopg2 import sql

from geo.errors import ParameterError
from geo.models import Kecamatan
from geo.params import parse_whole
from layers.models import Layer, LayerVersion

WORDS_MAX = 12
PAIRS_MAX = 45  # PostgreSQL takes 100 arguments to a function
INDEXED = '["string", "numeric"]'
WORDS = f"layers_words({{properties}}, '{INDEXED}'::jsonb)"
"""The words of features: what their index is made of (layers/versions.py) and what is compared with a question.

Of a row with very many words, those of its shorter values (migration 0074)."""


@dataclass(frozen=True)
class Selection:
    """The features of one version that match `q` (all words; beginnings count) and lie in, or touch, a kecamatan."""

    layer: Layer
    version: LayerVersion
    q: str = ""
    kecamatan: Kecamatan | None = None

    @property
    def is_whole(self) -> bool:
        """Whether nothing narrows the version."""
        return not self.q and self.kecamatan is None

    @property
    def conditions(self) -> dict[str, str]:
        """The conditions as parameters of an address."""
        asked = {"q": self.q, "kecamatan": self.kecamatan.code if self.kecamatan else ""}
        if self.version.pk != self.layer.current_id:
            asked["version"] = str(self.version.number)
        return {name: value for name, value in asked.items() if value}

    def query(self, **more: str) -> str:
        """Return the conditions, and `more`, as a query string; empty values are left out."""
        return urlencode({name: value for name, value in (self.conditions | more).items() if value})

    @property
    def source(self) -> sql.Composable:
        """The table that the features stand in, to be called `f`."""
        return sql.SQL("layers_feature")

    @property
    def these(self) -> sql.Composable:
        """The condition that `f` is one of the version's features, chosen or not."""
        return sql.SQL("f.version_id = {}").format(sql.Literal(self.version.pk))

    @property
    def taken_from(self) -> list[tuple[Layer, LayerVersion]]:
        """The layers, with their versions, that a copy of these features is a copy of."""
        return [(self.layer, self.version)]

    @cached_property
    def shown(self) -> sql.Composable:
        """An expression for the properties of `f` that readers may see (jsonb)."""
        return shown_properties(self.layer)

    @cached_property
    def where(self) -> sql.Composable:
        """The condition on `layers_feature AS f`."""
        parts = [self.these]
        if self.q:
            parts.append(matches(self.layer, words_query(self.q)))
        if self.kecamatan:
            parts.append(in_areas([self.kecamatan.pk], []))
        return sql.SQL(" AND ").join(parts)

    @property
    def unpacked(self) -> sql.Composable:
        """The chosen features, by number, as `f` of a FROM: for statements that read many properties one by one.

        What lies packed outside its row would be unpacked for each of them.
        """
        return sql.SQL(
            "(SELECT f.fid, f.geom, f.properties || '{{}}' AS properties FROM {source} f WHERE {where}"
            " ORDER BY f.fid OFFSET 0) f"
        ).format(source=self.source, where=self.where)


def read_selection(layer: Layer, params: Mapping[str, str]) -> Selection:
    """Return what `q`, `kecamatan` (a code) and `version` (a number) ask for.

    Raises ParameterError for an unknown kecamatan, and Http404 for a version that was never published.
    """
    code = params.get("kecamatan", "")
    kecamatan = Kecamatan.objects.filter(code=code).first() if code and "\x00" not in code else None
    if code and kecamatan is None:
        raise ParameterError("kecamatan", code, _("There is no kecamatan “%(code)s”.") % {"code": code[:20]})
    q = params.get("q", "").replace("\x00", " ").strip()[:200]
    return Selection(layer, read_version(layer, params.get("version", "")), q, kecamatan)


def read_version(layer: Layer, number: str) -> LayerVersion:
    """Return the published version with this number, the current one for "". Raises Http404, ParameterError."""
    if not number and layer.current is not None:
        return layer.current
    found = layer.versions.filter(published_at__isnull=False, number=parse_whole(number, name="version")).first()
    if found is None:
        raise Http404
    return found


def shown_properties(layer: Layer) -> sql.Composable:
    """Return an expression for the properties of `f` (jsonb) that the dictionary shows to the layer's reader.

    What a feature lacks is null; of a layer of more than `PAIRS_MAX` fields it is left out.
    """
    names = [str(field["name"]) for field in layer.shown_fields()]
    if not names:
        return sql.SQL("'{}'::jsonb")
    if len(names) > PAIRS_MAX:  # which also unpacks long rows once, not for each name
        return sql.SQL(
            "(SELECT coalesce(jsonb_object_agg(e.key, e.value), '{{}}') FROM jsonb_each(f.properties) e"
            " WHERE e.key = ANY ({names}::text[]))"
        ).format(names=sql.Literal(names))
    return sql.SQL("jsonb_build_object({})").format(
        sql.SQL(", ").join(sql.SQL("{0}::text, f.properties->{0}").format(sql.Literal(name)) for name in names)
    )


def withheld(layer: Layer, version: LayerVersion) -> list[str]:
    """Return the properties that must be taken out of a version's features before they leave."""
    shown = {str(entry["name"]) for entry in layer.shown_fields()}
    known = {str(entry["name"]) for entry in layer.fields}
    return sorted((known - shown) | _unknown(version.pk, tuple(sorted(known))))


@lru_cache(maxsize=5_000)
def _unknown(version_id: int, known: tuple[str, ...]) -> frozenset[str]:
    """Return a version's properties that the dictionary does not know: read once, for a version never changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT jsonb_object_keys(properties - %s::text[]) FROM layers_feature WHERE version_id = %s",
            [list(known), version_id],
        )
        return frozenset(row[0] for row in cursor.fetchall())


def kept_properties(layer: Layer, version: LayerVersion) -> sql.Composable:
    """Return an expression for the same as `shown_properties`, without nulls for what is missing: in half the time."""
    names = withheld(layer, version)
    if not names:
        return sql.SQL("f.properties")
    return sql.SQL("(f.properties - {}::text[])").format(sql.Literal(names))


def words_query(text: str) -> str:
    """Return a tsquery (text) that wants every word of `text`, or a word that begins with it; "" without words."""
    words = re.findall(r"\w+", text)[:WORDS_MAX]
    return " & ".join(f"'{word}':*" for word in words)


def matches(layer: Layer, query: str, *, config: str = "indonesian") -> sql.Composable:
    """Return the condition that shown fields of `f` match a tsquery (text); nothing matches "".

    `config` is "simple" for a query of stems.
    """
    if not query:
        return sql.SQL("false")
    # The index is of every property; what it finds is checked against the shown ones.
    asked = sql.SQL(" @@ to_tsquery({config}, {query})").format(config=sql.Literal(config), query=sql.Literal(query))
    every = sql.SQL(WORDS).format(properties=sql.SQL("f.properties"))
    shown = sql.SQL(WORDS).format(properties=shown_properties(layer))
    return every + asked + sql.SQL(" AND ") + shown + asked


def in_areas(kecamatan_ids: list[int], desa_ids: list[int], *, feature: str = "f") -> sql.Composable:
    """Return the condition that `f` lies in one of these kecamatan or desa of the active edition.

    In the sense in which `LayerPlace` counts. `feature` is another name for it in the statement.
    """
    return sql.SQL(
        "EXISTS (SELECT FROM geo_boundaryedition e JOIN ("
        "SELECT edition_id, geom, 2 AS dimension FROM geo_boundarypiece WHERE desa_id = ANY ({desa}::bigint[])"
        " OR (desa_id IS NULL AND kecamatan_id = ANY ({kecamatan}::bigint[]))"
        " UNION ALL SELECT edition_id, geom, 0 FROM layers_coastpiece WHERE kecamatan_id = ANY ({kecamatan}::bigint[])"
        ") p ON e.id = p.edition_id WHERE e.status = 'active' AND layers_lies_in(p.geom, {feature}.geom)"
        " AND ST_Dimension({feature}.geom) <= p.dimension)"
    ).format(feature=sql.Identifier(feature), kecamatan=sql.Literal(kecamatan_ids), desa=sql.Literal(desa_ids))


def label_names(layer: Layer) -> list[str]:
    """Return the shown fields in the order in which they may say what a feature is called; one can be there twice."""
    names = [str(field["name"]) for field in layer.shown_fields()]
    return [*(name for name in names if re.search(r"^(nama|name|nm|judul|title)", name, re.IGNORECASE)), *names]


def label_of(layer: Layer, properties: Mapping[str, Any], fid: int) -> str:
    """Return what a feature is called: its name field, else its first text, else its number."""
    for name in label_names(layer):
        value = properties.get(name)
        if isinstance(value, str) and value.strip():
            return value.strip()[:120]
    return f"#{fid}"
