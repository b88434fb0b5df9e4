"""The SQL of spatial questions. Everything that is asked comes as a literal; names are our own.

`f` is always the feature that the answer's row is made from. Lengths between features, and the shapes of buffers, are
planar in EPSG:32650 (METRIC); areas and lengths of pieces are measured on the spheroid; what lies in what is decided on
the stored coordinates. Borders belong to what they bound.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from psycopg2 import sql

from geo.models import Desa, Kecamatan
from layers.field_access import KEY, ShownTo
from layers.models import Layer
from layers.question_kinds import Question, Source
from layers.selection import in_areas, label_names, shown_properties

PAIRS_MAX = 2_000_000
"""Pairs of a feature and an area that a question may find on its way."""
METRIC = 32650
SEGMENTS = 16
"""Corners of a quarter of a circle: a circle of 64 corners lies at most 0.12 % inside the true one."""

Some = TypeVar("Some")


@dataclass(frozen=True)
class Plan:
    """How a question is answered.

    `count` gives the features of `a` that have a place and those without; `prepare` makes the `temporary` tables;
    `pairs` counts what was found on the way; `rows` gives fid, geom (EPSG:4326), properties; `facts` one JSON object.
    """

    count: sql.Composable
    rows: sql.Composable
    facts: Callable[[int], sql.Composable]
    prepare: tuple[sql.Composable, ...] = ()
    pairs: sql.Composable | None = None
    temporary: tuple[str, ...] = ()


@dataclass(frozen=True)
class Made:
    """A field that the question makes."""

    role: str
    title: Promise
    type: str = "number"
    description: Promise = field(default=_("Made by the question."))


MADE: dict[str, tuple[Made, ...]] = {
    "buffer": (Made("luas_km2", _("Area, km²")),),
    "within": (Made("berada_di", _("Lies in"), "text"),),
    "near": (Made("terdekat", _("Nearest"), "text"), Made("jarak_m", _("Distance, m"))),
    "nearest": (Made("terdekat", _("Nearest"), "text"), Made("jarak_m", _("Distance, m"))),
    "intersect": (
        Made("bagian_di", _("Piece in"), "text"),
        Made("luas_bagian_m2", _("Area of the piece, m²")),
        Made("panjang_bagian_m", _("Length of the piece, m")),
    ),
    "count": (
        Made("jumlah", _("Number"), "integer"),
        Made("luas_km2", _("Area, km²")),
        Made("per_km2", _("Number per km²")),
    ),
}
AREA_FIELDS: dict[str, tuple[tuple[str, Promise], ...]] = {
    "kecamatan": (("kode", _("Code")), ("kecamatan", _("Kecamatan"))),
    "desa": (("kode", _("Code")), ("desa", _("Desa")), ("kecamatan", _("Kecamatan"))),
}


def carried(question: Question) -> Source | None:
    """Return the layer whose fields the answer's rows bring along; None when they are kecamatan, desa or merged."""
    if question.kind == "count":
        return question.b
    return None if question.kind == "buffer" and question.merge else question.a


def made_names(question: Question) -> dict[str, str]:
    """Return for each field that the question makes the name it has, which no other field of the row has."""
    source = carried(question)
    taken = set(source.shown) if source else {name for name, _title in AREA_FIELDS.get(question.areas, ())}
    names = {}
    for one in MADE[question.kind]:
        name = one.role
        while name in taken:
            name += "_"
        taken.add(name)
        names[one.role] = name
    return names


def answer_fields(question: Question) -> list[dict[str, Any]]:
    """Return the field dictionary of the answer."""
    source, names = carried(question), made_names(question)
    fields: list[dict[str, Any]] = []
    if source is not None:
        # Who gets this answer sees them all: an answer for other readers has another key (layers/question_kinds.py).
        fields += [field | {KEY: ShownTo.EVERYBODY} for field in source.layer.shown_fields()]
    elif question.kind == "count":
        fields += [
            {"name": name, "title": str(title), "type": "code" if name == "kode" else "text"}
            for name, title in AREA_FIELDS[question.areas]
        ]
    return fields + [
        {"name": names[one.role], "title": str(one.title), "type": one.type, "description": str(one.description)}
        for one in MADE[question.kind]
    ]


def plan(question: Question) -> Plan:
    """Return how to answer the question."""
    return PLANS[question.kind](question)


# The questions -------------------------------------------------------------------------------------------------------


def _buffer(question: Question) -> Plan:
    shape = _sql(
        "ST_Buffer(ST_Transform(f.geom, {metric}), {metres}, {segments})",
        metric=METRIC,
        metres=question.metres,
        segments=SEGMENTS,
    )
    a = _features(question, "f")
    if question.merge:
        rows = _sql(
            "SELECT row_number() OVER (ORDER BY m.km2 DESC, ST_XMin(m.geom)) AS fid, m.geom, {made} AS properties"
            " FROM ("
            "SELECT p.geom, ST_Area(p.geom::geography) / 1e6 AS km2 FROM ("
            "SELECT ST_Transform(d.geom, 4326) AS geom FROM ("
            "SELECT (ST_Dump(ST_Union({shape}))).geom FROM layers_feature f WHERE {a}) d OFFSET 0) p OFFSET 0) m",
            shape=shape,
            a=a,
            made=_made(question, luas_km2="round(m.km2::numeric, 6)::float8"),
        )
    else:
        rows = _sql(
            "SELECT f.fid, m.geom, {shown} || {made} AS properties FROM layers_feature f CROSS JOIN LATERAL ("
            "SELECT ST_Transform({shape}, 4326) AS geom OFFSET 0) m WHERE {a}",
            shape=shape,
            a=a,
            shown=shown_properties(question.a.layer),
            made=_made(question, luas_km2="round((ST_Area(m.geom::geography) / 1e6)::numeric, 6)::float8"),
        )
    return Plan(
        _count(question),
        rows,
        lambda answer: _facts(answer, "'area_km2', coalesce(sum({value}), 0)", value=_value(question, "luas_km2")),
    )


def _within(question: Question) -> Plan:
    areas = _areas(question) if question.b else _place_as_area(question)
    pairs = _sql(
        "CREATE TEMPORARY TABLE question_pairs ON COMMIT DROP AS SELECT f.fid AS a, min(b.id) AS b, count(*) AS n"
        " FROM {areas} b JOIN layers_feature f ON f.geom @ b.geom AND {covered} WHERE {a}{others} GROUP BY f.fid",
        areas=areas,
        covered=_covered("f", "b.geom"),
        a=_features(question, "f"),
        others=_not_itself(question, "b.id"),
    )
    rows = _sql(
        "SELECT f.fid, f.geom, {shown} || {made} AS properties FROM question_pairs p"
        " JOIN layers_feature f ON f.version_id = {version} AND f.fid = p.a JOIN {areas} b ON b.id = p.b",
        shown=shown_properties(question.a.layer),
        made=_made(question, berada_di="b.name"),
        version=question.a.version.pk,
        areas=areas,
    )
    return Plan(
        _count(question),
        rows,
        lambda answer: _facts(answer, "'several', (SELECT count(*) FROM question_pairs WHERE n > 1)"),
        prepare=(*_places(question), pairs, sql.SQL("ANALYZE question_pairs")),
        temporary=("question_pairs", *_place_tables(question)),
    )


def _nearest(question: Question) -> Plan:
    b = _required(question.b)
    prepare = (
        _sql(
            "CREATE TEMPORARY TABLE question_a ON COMMIT DROP AS SELECT f.fid, ST_Transform(f.geom, {metric}) AS geom"
            " FROM layers_feature f WHERE {a}",
            metric=METRIC,
            a=_features(question, "f"),
        ),
        _sql(
            "CREATE TEMPORARY TABLE question_b ON COMMIT DROP AS SELECT b.fid, ST_Transform(b.geom, {metric}) AS geom"
            " FROM layers_feature b WHERE {b}",
            metric=METRIC,
            b=_usable(b, "b"),
        ),
        sql.SQL("CREATE INDEX ON question_b USING gist (geom)"),
        sql.SQL("ANALYZE question_b"),
        sql.SQL("ANALYZE question_a"),
        # The index gives the nearest by true distance; of several equally near (before PostgreSQL 16 it cannot order by
        # distance and number) the lowest number is looked up.
        _sql(
            "CREATE TEMPORARY TABLE question_pairs ON COMMIT DROP AS"
            " SELECT a.fid AS a, coalesce(first.fid, n.fid) AS b, n.metres"
            " FROM question_a a CROSS JOIN LATERAL (SELECT b.fid, ST_Distance(a.geom, b.geom) AS metres"
            " FROM question_b b WHERE {others} ORDER BY a.geom <-> b.geom LIMIT 1) n"
            " CROSS JOIN LATERAL (SELECT min(b.fid) AS fid FROM question_b b"
            " WHERE {others} AND ST_DWithin(a.geom, b.geom, n.metres)) first WHERE {near}",
            others=sql.SQL("b.fid <> a.fid" if question.asks_itself else "true"),
            near=_sql("n.metres <= {metres}", metres=question.metres) if question.kind == "near" else sql.SQL("true"),
        ),
        sql.SQL("ANALYZE question_pairs"),
    )
    rows = _sql(
        "SELECT f.fid, f.geom, {shown} || {made} AS properties FROM question_pairs p"
        " JOIN layers_feature f ON f.version_id = {a} AND f.fid = p.a"
        " JOIN layers_feature b ON b.version_id = {b} AND b.fid = p.b",
        shown=shown_properties(question.a.layer),
        made=_made(question, terdekat=_label(b.layer, "b"), jarak_m="round(p.metres::numeric, 3)::float8"),
        a=question.a.version.pk,
        b=b.version.pk,
    )
    return Plan(
        _count(question),
        rows,
        lambda answer: _facts(
            answer,
            "'least_m', min({value}), 'half_m', percentile_cont(0.5) WITHIN GROUP (ORDER BY {value}),"
            " 'most_m', max({value})",
            value=_value(question, "jarak_m"),
        ),
        prepare=prepare,
        temporary=("question_a", "question_b", "question_pairs"),
    )


def _intersect(question: Question) -> Plan:
    pieces = _sql(
        "CREATE TEMPORARY TABLE question_pieces ON COMMIT DROP AS SELECT * FROM ("
        "SELECT f.fid AS a, b.id AS b, b.name, CASE WHEN ST_CoveredBy(s.geom, b.geom) THEN s.geom"
        " ELSE ST_CollectionExtract(ST_Intersection(s.geom, b.geom), ST_Dimension(s.geom) + 1) END AS geom"
        " FROM {areas} b JOIN layers_feature f ON ST_Intersects(f.geom, b.geom)"
        " CROSS JOIN LATERAL (SELECT CASE WHEN GeometryType(f.geom) = 'GEOMETRYCOLLECTION'"
        " THEN ST_CollectionExtract(f.geom, ST_Dimension(f.geom) + 1) ELSE f.geom END AS geom) s"
        " WHERE {a}{others} OFFSET 0) cut WHERE NOT ST_IsEmpty(geom) LIMIT {most}",
        areas=_areas(question),
        a=_features(question, "f"),
        others=_not_itself(question, "b.id"),
        most=PAIRS_MAX + 1,
    )
    rows = _sql(
        "SELECT row_number() OVER (ORDER BY p.a, p.b) AS fid, p.geom, {shown} || {made} AS properties"
        " FROM question_pieces p JOIN layers_feature f ON f.version_id = {version} AND f.fid = p.a",
        shown=shown_properties(question.a.layer),
        version=question.a.version.pk,
        made=_made(
            question,
            bagian_di="p.name",
            luas_bagian_m2="CASE WHEN ST_Dimension(p.geom) = 2"
            " THEN round(ST_Area(p.geom::geography)::numeric, 2)::float8 END",
            panjang_bagian_m="CASE WHEN ST_Dimension(p.geom) = 1"
            " THEN round(ST_Length(p.geom::geography)::numeric, 2)::float8 END",
        ),
    )
    return Plan(
        _count(question),
        rows,
        lambda answer: _facts(
            answer,
            "'found', (SELECT count(DISTINCT a) FROM question_pieces), 'area_m2', sum({area}),"
            " 'length_m', sum({length})",
            area=_value(question, "luas_bagian_m2"),
            length=_value(question, "panjang_bagian_m"),
        ),
        prepare=(*_places(question), pieces, sql.SQL("ANALYZE question_pieces")),
        pairs=sql.SQL("SELECT count(*) FROM question_pieces"),
        temporary=("question_pieces", *_place_tables(question)),
    )


def _count_in(question: Question) -> Plan:
    has_water = question.areas == "kecamatan"
    pairs = _sql(
        "CREATE TEMPORARY TABLE question_pairs ON COMMIT DROP AS SELECT {distinct}b.id AS b, f.fid AS a"
        " FROM {areas} b JOIN layers_feature f ON layers_lies_in(b.geom, f.geom){at_sea}"
        " WHERE {a}{others} LIMIT {most}",
        distinct=sql.SQL("DISTINCT " if has_water else ""),  # pieces of water touch each other
        areas=_with_water(question) if has_water else _areas(question),
        at_sea=sql.SQL(" AND ST_Dimension(f.geom) <= b.dimension" if has_water else ""),
        a=_features(question, "f"),
        others=_not_itself(question, "b.id"),
        most=PAIRS_MAX + 1,
    )
    made = _made(
        question,
        jumlah="coalesce(c.n, 0)",
        luas_km2="round(b.km2::numeric, 6)::float8",
        per_km2="round((coalesce(c.n, 0) / nullif(b.km2, 0))::numeric, 6)::float8",
    )
    counted = sql.SQL("(SELECT p.b, count(*) AS n FROM question_pairs p GROUP BY p.b)")
    if question.b:
        rows = _sql(
            "SELECT f.fid, f.geom, {shown} || {made} AS properties FROM layers_feature f"
            " LEFT JOIN {counted} c ON c.b = f.fid"
            " CROSS JOIN LATERAL (SELECT ST_Area(f.geom::geography) / 1e6 AS km2 OFFSET 0) b WHERE {b}",
            shown=shown_properties(question.b.layer),
            made=made,
            counted=counted,
            b=_polygons(question.b, "f", question),
        )
    else:
        rows = _sql(
            "SELECT row_number() OVER (ORDER BY b.code) AS fid, b.geom, b.properties || {made} AS properties"
            " FROM question_areas b LEFT JOIN {counted} c ON c.b = b.id",
            made=made,
            counted=counted,
        )
    return Plan(
        _count(question),
        rows,
        lambda answer: _facts(
            answer,
            "'found', (SELECT count(DISTINCT a) FROM question_pairs),"
            " 'several', (SELECT count(*) FROM (SELECT FROM question_pairs GROUP BY a HAVING count(*) > 1) m),"
            " 'filled', count(*) FILTER (WHERE {value} > 0), 'most', max({value}),"
            " 'most_fid', (array_agg(fid ORDER BY {value} DESC, fid))[1]",
            value=_value(question, "jumlah"),
        ),
        prepare=(*_places(question), pairs, sql.SQL("ANALYZE question_pairs")),
        pairs=sql.SQL("SELECT count(*) FROM question_pairs"),
        temporary=("question_pairs", *_place_tables(question)),
    )


PLANS: dict[str, Callable[[Question], Plan]] = {
    "buffer": _buffer,
    "within": _within,
    "near": _nearest,
    "nearest": _nearest,
    "intersect": _intersect,
    "count": _count_in,
}


# Pieces --------------------------------------------------------------------------------------------------------------


def _sql(statement: str, **parts: Any) -> sql.Composable:
    """Return the statement with its parts; what is not SQL becomes a literal."""
    return sql.SQL(statement).format(
        **{name: part if isinstance(part, sql.Composable) else sql.Literal(part) for name, part in parts.items()}
    )


def _usable(source: Source, alias: str) -> sql.Composable:
    """Return the condition that `alias` is a feature of the source that has a place."""
    return _sql(
        "{f}.version_id = {version} AND {f}.geom IS NOT NULL AND NOT ST_IsEmpty({f}.geom)",
        f=sql.Identifier(alias),
        version=source.version.pk,
    )


def _polygons(source: Source, alias: str, question: Question) -> sql.Composable:
    """Return the condition that `alias` is an area of the source, in or at the place if there is one."""
    return sql.SQL("{} AND GeometryType({}.geom) IN ('POLYGON', 'MULTIPOLYGON'){}").format(
        _usable(source, alias), sql.Identifier(alias), _at_place(question, alias)
    )


def _at_place(question: Question, alias: str) -> sql.Composable:
    place = question.place
    if place is None:
        return sql.SQL("")
    kecamatan, desa = ([place.pk], []) if isinstance(place, Kecamatan) else ([], [place.pk])
    return sql.SQL(" AND {}").format(in_areas(kecamatan, desa, feature=alias))


def _features(question: Question, alias: str) -> sql.Composable:
    """Return the condition that `alias` is one of the features that are asked about."""
    if question.place is None or (question.kind == "within" and question.b is None):
        return _usable(question.a, alias)
    if question.kind != "within":
        return _usable(question.a, alias) + _at_place(question, alias)
    outline = _sql("(SELECT p.geom FROM ({place}) p)", place=_outline(question.place, question))
    return _sql(
        "{usable} AND {f}.geom @ {outline} AND {covered}",
        usable=_usable(question.a, alias),
        f=sql.Identifier(alias),
        outline=outline,
        covered=_covered(alias, outline),
    )


def _count(question: Question) -> sql.Composable:
    """Return the statement that counts the features asked about, and those of the layer without a place.

    Within a place asks about all features: the place is part of what is found.
    """
    usable = _usable(question.a, "f")
    return _sql(
        "SELECT (SELECT count(*) FROM layers_feature f WHERE {asked}), (SELECT count(*) FROM layers_feature f"
        " WHERE f.version_id = {version} AND (f.geom IS NULL OR ST_IsEmpty(f.geom)))",
        asked=usable if question.kind == "within" else usable + _at_place(question, "f"),
        version=question.a.version.pk,
    )


def _not_itself(question: Question, other: str) -> sql.Composable:
    return sql.SQL(f" AND {other} <> f.fid" if question.asks_itself else "")


def _covered(alias: str, area: str | sql.Composable) -> sql.Composable:
    """Return the condition that a feature lies in an area, whose border belongs to it; of a collection every part."""
    return _sql(
        "CASE WHEN GeometryType({f}.geom) = 'GEOMETRYCOLLECTION' THEN NOT EXISTS (SELECT FROM ST_Dump({f}.geom) d"
        " WHERE NOT ST_CoveredBy(d.geom, {area})) ELSE ST_CoveredBy({f}.geom, {area}) END",
        f=sql.Identifier(alias),
        area=sql.SQL(area) if isinstance(area, str) else area,
    )


def _areas(question: Question) -> sql.Composable:
    """Return the areas of the other side: id, geom, name."""
    if question.b is None:
        return sql.SQL("question_areas")
    return _sql(
        "(SELECT b.fid AS id, b.geom, {name} AS name FROM layers_feature b WHERE {these})",
        name=_label(question.b.layer, "b"),
        these=_polygons(question.b, "b", question) if question.kind == "count" else _only_areas(question.b),
    )


def _with_water(question: Question) -> sql.Composable:
    """Return the kecamatan to count in and their coastal water, for points."""
    return _sql(
        "(SELECT id, geom, 2 AS dimension FROM question_areas UNION ALL"
        " SELECT w.kecamatan_id, w.geom, 0 FROM layers_coastpiece w JOIN question_areas k ON k.id = w.kecamatan_id"
        " WHERE w.edition_id = {edition})",
        edition=_required(question.edition).pk,
    )


def _only_areas(source: Source) -> sql.Composable:
    return _usable(source, "b") + sql.SQL(" AND GeometryType(b.geom) IN ('POLYGON', 'MULTIPOLYGON')")


def _place_as_area(question: Question) -> sql.Composable:
    return _sql("({place})", place=_outline(question.place, question))


def _outline(place: Kecamatan | Desa | None, question: Question) -> sql.Composable:
    edition = _required(question.edition).pk
    if isinstance(place, Desa):
        return _sql(
            "SELECT d.id, o.geom, d.name FROM geo_desaboundary o JOIN geo_desa d ON d.id = o.desa_id"
            " WHERE o.edition_id = {edition} AND d.id = {place}",
            edition=edition,
            place=place.pk,
        )
    return _sql(
        "SELECT k.id, o.geom, k.name FROM geo_kecamatanboundary o JOIN geo_kecamatan k ON k.id = o.kecamatan_id"
        " WHERE o.edition_id = {edition} AND k.id = {place}",
        edition=edition,
        place=_required(place).pk,
    )


def _places(question: Question) -> tuple[sql.Composable, ...]:
    """Return the statements that set out kecamatan or desa as areas: without an index, so that features' is used."""
    if not question.areas:
        return ()
    edition = _required(question.edition).pk
    place = question.place
    if question.areas == "desa":
        select = _sql(
            "SELECT d.id, d.code, d.name, o.geom, o.area_km2 AS km2,"
            " jsonb_build_object('kode', d.code, 'desa', d.name, 'kecamatan', k.name) AS properties"
            " FROM geo_desaboundary o JOIN geo_desa d ON d.id = o.desa_id JOIN geo_kecamatan k ON k.id = d.kecamatan_id"
            " WHERE o.edition_id = {edition} AND {these}",
            edition=edition,
            these=sql.SQL("true")
            if place is None
            else _sql("d.id = {pk}", pk=place.pk)
            if isinstance(place, Desa)
            else _sql("k.id = {pk}", pk=place.pk),
        )
    else:
        select = _sql(
            "SELECT k.id, k.code, k.name, o.geom, o.area_km2 AS km2,"
            " jsonb_build_object('kode', k.code, 'kecamatan', k.name) AS properties"
            " FROM geo_kecamatanboundary o JOIN geo_kecamatan k ON k.id = o.kecamatan_id"
            " WHERE o.edition_id = {edition} AND {these}",
            edition=edition,
            these=sql.SQL("true")
            if place is None
            else _sql("k.id = {pk}", pk=place.kecamatan_id if isinstance(place, Desa) else place.pk),
        )
    return (
        sql.SQL("CREATE TEMPORARY TABLE question_areas ON COMMIT DROP AS ") + select,
        sql.SQL("ANALYZE question_areas"),
    )


def _place_tables(question: Question) -> tuple[str, ...]:
    return ("question_areas",) if question.areas else ()


def _label(layer: Layer, alias: str) -> sql.Composable:
    """Return what a feature is called, as `selection.label_of` says it."""
    texts = [
        _sql(
            "CASE WHEN jsonb_typeof({f}.properties->{name}) = 'string'"
            " THEN nullif(left(btrim({f}.properties->>{name}), 120), '') END",
            f=sql.Identifier(alias),
            name=name,
        )
        for name in label_names(layer)
    ]
    return sql.SQL("coalesce({})").format(sql.SQL(", ").join([*texts, _sql("'#' || {f}.fid", f=sql.Identifier(alias))]))


def _made(question: Question, **values: str | sql.Composable) -> sql.Composable:
    """Return the object of the fields that the question makes."""
    names = made_names(question)
    pairs = [
        _sql("{name}::text, {value}", name=names[role], value=sql.SQL(value) if isinstance(value, str) else value)
        for role, value in values.items()
    ]
    return sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(pairs))


def _value(question: Question, role: str) -> sql.Composable:
    """Return the number that the question made, of a row of the answer."""
    return _sql("(properties->>{name})::float8", name=made_names(question)[role])


def _facts(answer: int, pairs: str, **parts: Any) -> sql.Composable:
    """Return the statement that sums an answer up, as one JSON object."""
    return _sql(
        "SELECT json_build_object('n', count(*), {pairs}) FROM layers_answerfeature WHERE answer_id = {answer}",
        pairs=_sql(pairs, **parts),
        answer=answer,
    )


def _required(value: Some | None) -> Some:
    if value is None:
        raise ValueError("The question lacks what its kind needs.")
    return value
