"""Spatial questions: each equals an oracle made with shapely and geopandas; limits, leaks, pages, files, drafts."""

import csv
import io
import json
import re
from typing import Any

import geopandas as gpd
import numpy as np
import pytest
import shapely
from django.core.management import call_command
from django.db import InternalError, connection, transaction
from django.test import Client
from pyproj import Geod
from shapely.geometry.base import BaseGeometry

from accounts.models import Agency, User
from geo.locate import locate_many
from geo.models import BoundaryEdition, Desa, Kecamatan, KecamatanBoundary
from layers import questions, uploads
from layers.errors import QuestionRefused, QuestionsBusy, QuestionTooSlow
from layers.models import Answer, AnswerFeature, ImportJob, Layer, LayerDownload, LayerVersion
from layers.question_kinds import KINDS, Question, Source
from layers.question_words import finding, lineage, notes, origin
from layers.questions import answer_to
from layers.versions import publish
from tests.factories.accounts import make_agency, make_coordinator, make_officer, make_user
from tests.factories.layers import Rows, make_layer, make_version

pytestmark = pytest.mark.django_db

WEST, SOUTH = 117.4, 0.4
STEP = 0.01
"""Corners of random shapes lie on this grid, so that many touch and share borders."""
GEOD = Geod(ellps="WGS84")
SEEDS = [1, 2, 3]


# Random layers and the oracle ----------------------------------------------------------------------------------------


def at(x: float, y: float) -> tuple[float, float]:
    return round(WEST + STEP * x, 6), round(SOUTH + STEP * y, 6)


def boxes(rng: np.random.Generator, count: int) -> list[BaseGeometry]:
    """Boxes, some with a hole, some in two parts, many sharing borders."""
    made: list[BaseGeometry] = []
    for number in range(count):
        x, y = rng.integers(0, 16, 2)
        width, height = rng.integers(1, 5, 2)
        box = shapely.box(*at(x, y), *at(x + width, y + height))
        if number % 5 == 0 and min(width, height) > 2:
            box = box.difference(shapely.box(*at(x + 1, y + 1), *at(x + 2, y + 2)))
        if number % 7 == 0:
            box = shapely.MultiPolygon([box, shapely.box(*at(x + 20, y), *at(x + 21, y + 1))])
        made.append(box)
    return made


def lines(rng: np.random.Generator, count: int) -> list[BaseGeometry]:
    """Lines of two bends, short enough to lie inside a box; some along a border."""
    made: list[BaseGeometry] = []
    while len(made) < count:
        corners = rng.integers(0, 18, 2) + rng.integers(0, 3, (3, 2))
        line = shapely.LineString([at(x, y) for x, y in corners])
        if line.length and line.is_simple:
            made.append(line)
    return made


def points(rng: np.random.Generator, count: int) -> list[BaseGeometry]:
    """Points on the grid, hence often on a border, and between it."""
    return [
        shapely.Point(*(at(*rng.integers(0, 20, 2)) if number % 2 else at(*rng.uniform(0, 20, 2))))
        for number in range(count)
    ]


def mixed(rng: np.random.Generator, count: int) -> list[BaseGeometry]:
    third = max(1, count // 3)
    both = shapely.GeometryCollection([*points(rng, 1), *boxes(rng, 1)])
    return [*points(rng, third), *lines(rng, third), *boxes(rng, third), both, shapely.Point(), shapely.Polygon()]


MAKERS = {"points": points, "lines": lines, "boxes": boxes, "mixed": mixed}
BASIC = ["points", "lines", "boxes", "mixed"]


def layer_of(shapes: list[BaseGeometry], slug: str, **over: Any) -> Source:
    rows: Rows = [(shape, {"nama": f"{slug} {n}", "nilai": n}) for n, shape in enumerate(shapes, start=1)]
    over.setdefault("fields", [{"name": "nama", "type": "text"}, {"name": "nilai", "type": "integer"}])
    layer = make_layer(slug, rows, title_id=f"Data {slug}", **over)
    if len({shape.geom_type.removeprefix("Multi") for shape in shapes}) > 1:
        LayerVersion.objects.filter(layer=layer).update(geometry_type="Geometry")
        layer = Layer.objects.get(pk=layer.pk)
    if not shapes:
        LayerVersion.objects.filter(layer=layer).update(geometry_type="None")
        layer = Layer.objects.get(pk=layer.pk)
    assert layer.current is not None
    return Source(layer, layer.current)


def rows_of(answer: Answer) -> list[AnswerFeature]:
    return list(AnswerFeature.objects.filter(answer=answer).order_by("fid"))


def shape_of(row: AnswerFeature) -> BaseGeometry:
    return shapely.from_wkb(bytes(row.geom.wkb))


def metric(shapes: list[BaseGeometry]) -> list[BaseGeometry]:
    return list(gpd.GeoSeries(shapes, crs=4326).to_crs(32650))


def usable(shapes: list[BaseGeometry]) -> dict[int, BaseGeometry]:
    """Return the shapes that have a place, by their number."""
    return {n: shape for n, shape in enumerate(shapes, start=1) if not shape.is_empty}


def areas(shapes: list[BaseGeometry]) -> dict[int, BaseGeometry]:
    return {n: shape for n, shape in usable(shapes).items() if shape.geom_type in {"Polygon", "MultiPolygon"}}


def lies_in(area: BaseGeometry, shape: BaseGeometry) -> bool:
    """Return whether a shape counts in an area, as ADR 99 says it."""
    if not shapely.intersects(shape, area):
        return False
    if shapely.get_dimensions(shape) < 2 or area.covers(shape):
        return True
    return bool(shape.intersection(area).area > 0.01 * min(shape.area, area.area))


def size(shape: BaseGeometry) -> float:
    """Return square metres, or metres of a line, on the spheroid."""
    dimension = shapely.get_dimensions(shape)
    return abs(GEOD.geometry_area_perimeter(shapely.orient_polygons(shape))[0]) if dimension == 2 else (
        GEOD.geometry_length(shape) if dimension == 1 else 0.0
    )  # fmt: skip


def inside(shape: BaseGeometry, area: BaseGeometry) -> bool:
    parts = shapely.get_parts(shape) if shape.geom_type == "GeometryCollection" else [shape]
    return all(part.covered_by(area) for part in parts)


def of_top_dimension(shape: BaseGeometry, dimension: int) -> list[BaseGeometry]:
    parts = shapely.get_parts(shapely.get_parts(shape))
    return [part for part in parts if shapely.get_dimensions(part) == dimension and not part.is_empty]


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BASIC)
def test_within_equals_shapely(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = MAKERS[kind](rng, 60), mixed(rng, 36)
    answer = answer_to(Question(kind="within", a=layer_of(a, "a"), b=layer_of(b, "b")))
    expected = {}
    for n, shape in usable(a).items():
        found = [m for m, area in areas(b).items() if inside(shape, area)]
        if found:
            expected[n] = f"b {found[0]}"
    assert {row.fid: row.properties["berada_di"] for row in rows_of(answer)} == expected
    assert expected
    assert answer.facts["all"] == len(usable(a))
    assert answer.facts["placeless"] == len(a) - len(usable(a))


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("kind", "other"), [("points", "points"), ("points", "lines"), ("boxes", "mixed"), ("mixed", "boxes")]
)
def test_nearest_and_near_equal_shapely(kind: str, other: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = MAKERS[kind](rng, 45), MAKERS[other](rng, 30)
    source, other_source = layer_of(a, "a"), layer_of(b, "b")
    to_b = dict(zip(usable(b), metric(list(usable(b).values())), strict=True))
    expected = {}
    for n, shape in zip(usable(a), metric(list(usable(a).values())), strict=True):
        expected[n] = min((shape.distance(there), m) for m, there in to_b.items())
    found = {row.fid: row.properties for row in rows_of(answer_to(Question(kind="nearest", a=source, b=other_source)))}
    assert found.keys() == expected.keys()
    for n, (metres, m) in expected.items():
        assert found[n]["jarak_m"] == pytest.approx(metres, abs=0.01)
        here = metric([a[n - 1]])[0]
        ties = [k for k, there in to_b.items() if here.distance(there) <= metres]
        assert found[n]["terdekat"] == f"b {m}" == f"b {ties[0]}"
    reach = 1_500
    near = {
        row.fid: row.properties["jarak_m"]
        for row in rows_of(answer_to(Question(kind="near", metres=reach, a=source, b=other_source)))
    }
    assert near.keys() == {n for n, (metres, _m) in expected.items() if metres <= reach}


def test_nearest_is_near_the_spheroids_distance() -> None:
    rng = np.random.default_rng(9)
    a, b = points(rng, 30), points(rng, 20)
    answer = answer_to(Question(kind="nearest", a=layer_of(a, "a"), b=layer_of(b, "b")))
    for row in rows_of(answer):
        from_a = a[row.fid - 1]
        true = min(GEOD.inv(from_a.x, from_a.y, there.x, there.y)[2] for there in b)
        assert row.properties["jarak_m"] == pytest.approx(true, rel=0.001, abs=0.01)


def test_nearest_of_the_same_data_is_another_one() -> None:
    a = layer_of([shapely.Point(117.50, 0.5), shapely.Point(117.50, 0.5), shapely.Point(117.6, 0.5)], "a")
    rows = rows_of(answer_to(Question(kind="nearest", a=a, b=a)))
    assert [row.properties["terdekat"] for row in rows] == ["a 2", "a 1", "a 1"]
    assert rows[0].properties["jarak_m"] == 0


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BASIC)
def test_buffer_equals_shapely(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a = MAKERS[kind](rng, 24)
    source = layer_of(a, "a")
    shapes = dict(zip(usable(a), metric(list(usable(a).values())), strict=True))
    rings = {n: shape.buffer(700, quad_segs=16) for n, shape in shapes.items()}
    each = rows_of(answer_to(Question(kind="buffer", a=source, metres=700, merge=False)))
    assert {row.fid for row in each} == set(rings)
    for row in each:
        back = gpd.GeoSeries([rings[row.fid]], crs=32650).to_crs(4326)[0]
        assert row.properties["luas_km2"] == pytest.approx(size(back) / 1e6, rel=0.001)
        difference = metric([shape_of(row)])[0].symmetric_difference(rings[row.fid])
        assert difference.area < 0.0001 * rings[row.fid].area
    joined = shapely.union_all(list(rings.values()))
    merged = answer_to(Question(kind="buffer", a=source, metres=700, merge=True))
    assert merged.feature_count == len(shapely.get_parts(joined))
    back = gpd.GeoSeries([joined], crs=32650).to_crs(4326)[0]
    assert merged.facts["area_km2"] == pytest.approx(size(back) / 1e6, rel=0.001)
    assert merged.geometry_type == "MultiPolygon"


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BASIC)
def test_intersect_equals_shapely(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = MAKERS[kind](rng, 30), mixed(rng, 30)
    answer = answer_to(Question(kind="intersect", a=layer_of(a, "a"), b=layer_of(b, "b")))
    expected = {}
    for n, shape in usable(a).items():
        dimension = int(shapely.get_dimensions(shape))
        top = (
            shapely.union_all(of_top_dimension(shape, dimension)) if shape.geom_type == "GeometryCollection" else shape
        )
        for m, area in areas(b).items():
            parts = of_top_dimension(top.intersection(area), dimension)
            if parts:
                expected[n, f"b {m}"] = (dimension, sum(size(part) for part in parts))
    found = {(row.properties["nilai"], row.properties["bagian_di"]): row.properties for row in rows_of(answer)}
    assert found.keys() == expected.keys()
    assert answer.feature_count == len(expected)
    for key, (dimension, measured) in expected.items():
        assert (found[key]["luas_bagian_m2"] is not None) == (dimension == 2)
        assert (found[key]["panjang_bagian_m"] is not None) == (dimension == 1)
        if dimension:
            value = found[key]["luas_bagian_m2"] if dimension == 2 else found[key]["panjang_bagian_m"]
            assert value == pytest.approx(measured, rel=0.001, abs=0.02)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("kind", BASIC)
def test_count_equals_shapely(kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = MAKERS[kind](rng, 60), mixed(rng, 30)
    answer = answer_to(Question(kind="count", a=layer_of(a, "a"), b=layer_of(b, "b")))
    pairs = {(n, m) for n, s in usable(a).items() for m, area in areas(b).items() if lies_in(area, s)}
    expected = {m: sum(1 for _n, k in pairs if k == m) for m in areas(b)}
    rows = {row.fid: row.properties for row in rows_of(answer)}
    assert {m: row["jumlah"] for m, row in rows.items()} == expected
    for m, row in rows.items():
        km2 = size(areas(b)[m]) / 1e6
        assert row["luas_km2"] == pytest.approx(km2, rel=0.001)
        assert row["per_km2"] == pytest.approx(expected[m] / km2, rel=0.001, abs=0.000001)
    assert answer.facts["found"] == len({n for n, _m in pairs})
    assert answer.facts["several"] == sum(1 for n in {n for n, _m in pairs} if sum(k == n for k, _m in pairs) > 1)


def test_area_that_only_touches_another_does_not_count_there() -> None:
    squares = [shapely.box(117 + n / 10, 0.5, 117.1 + n / 10, 0.6) for n in range(3)]
    answer = answer_to(Question(kind="count", a=layer_of(squares, "a"), b=layer_of(squares, "b")))
    assert [row.properties["jumlah"] for row in rows_of(answer)] == [1, 1, 1]


# Kecamatan and desa --------------------------------------------------------------------------------------------------


@pytest.fixture
def edition(kutim: None) -> BoundaryEdition:
    return BoundaryEdition.objects.active().get()


def outlines(edition: BoundaryEdition) -> dict[str, BaseGeometry]:
    rows = KecamatanBoundary.objects.filter(edition=edition).select_related("kecamatan")
    return {row.kecamatan.code: shapely.from_wkb(bytes(row.geom.wkb)) for row in rows}


def test_count_in_kecamatan_and_desa_equals_shapely(edition: BoundaryEdition) -> None:
    rng = np.random.default_rng(4)
    a = [shapely.Point(x, y) for x, y in zip(rng.uniform(116, 119, 300), rng.uniform(0, 1.9, 300), strict=True)]
    expected = {code: sum(shapely.intersects(point, area) for point in a) for code, area in outlines(edition).items()}
    on_land = sum(expected.values())
    at_sea = [one.kecamatan.code for one in locate_many((point.x, point.y) for point in a) if one and one.coastal]
    for code in at_sea:  # as reports from there
        expected[code] += 1
    source = layer_of(a, "a")
    answer = answer_to(Question(kind="count", a=source, areas="kecamatan", edition=edition))
    rows = rows_of(answer)
    assert {row.properties["kode"]: row.properties["jumlah"] for row in rows} == expected
    km2 = {row.kecamatan.code: row.area_km2 for row in KecamatanBoundary.objects.filter(edition=edition)}
    for row in rows:
        assert row.properties["luas_km2"] == pytest.approx(km2[row.properties["kode"]], rel=1e-6)
    assert answer.facts["filled"] == sum(1 for n in expected.values() if n)
    desa = answer_to(Question(kind="count", a=source, areas="desa", edition=edition))
    assert desa.feature_count == Desa.objects.count()
    assert (desa.facts["found"], answer.facts["found"]) == (on_land, on_land + len(at_sea))  # water is no desa's
    kecamatan = Kecamatan.objects.get(code="64.08.04")
    of_one = answer_to(Question(kind="count", a=source, areas="desa", place=kecamatan, edition=edition))
    assert of_one.feature_count == kecamatan.desa.count()
    assert of_one.facts["all"] == expected["64.08.04"]


def test_intersect_with_kecamatan_keeps_the_whole(edition: BoundaryEdition) -> None:
    borders = outlines(edition)
    line = shapely.LineString([borders["64.08.04"].representative_point(), borders["64.08.01"].representative_point()])
    answer = answer_to(Question(kind="intersect", a=layer_of([line], "a"), areas="kecamatan", edition=edition))
    crossed = {code: line.intersection(area) for code, area in borders.items()}
    crossed = {code: part for code, part in crossed.items() if part.length > 0}
    assert answer.feature_count == len(crossed) > 1
    assert answer.facts["length_m"] == pytest.approx(sum(GEOD.geometry_length(p) for p in crossed.values()), rel=0.001)


def test_within_a_place_takes_what_lies_in_it_and_a_filter_what_touches_it(edition: BoundaryEdition) -> None:
    kecamatan = Kecamatan.objects.get(code="64.08.04")
    outline = outlines(edition)["64.08.04"]
    middle = outline.representative_point()
    across = shapely.LineString([middle, (middle.x - 3, middle.y)])
    a = layer_of([middle, across, shapely.Point(118.9, 0.1)], "a")
    within = answer_to(Question(kind="within", a=a, place=kecamatan, edition=edition))
    assert [row.fid for row in rows_of(within)] == [1]
    assert within.facts["all"] == 3
    drawn = answer_to(Question(kind="buffer", a=a, place=kecamatan, edition=edition, metres=100, merge=False))
    assert [row.fid for row in rows_of(drawn)] == [1, 2]
    b = layer_of([middle.buffer(0.5)], "b")
    both = answer_to(Question(kind="within", a=a, b=b, place=kecamatan, edition=edition))
    assert [row.fid for row in rows_of(both)] == [1]


def test_within_a_desa(edition: BoundaryEdition) -> None:
    desa = Desa.objects.order_by("code")[5]
    a = layer_of([shapely.Point(desa.point.x, desa.point.y), shapely.Point(117.0, 1.5)], "a")
    answer = answer_to(Question(kind="within", a=a, place=desa, edition=edition))
    assert [row.properties["berada_di"] for row in rows_of(answer)] == [desa.name]


# Keeping and refusing ------------------------------------------------------------------------------------------------


def test_answer_is_kept_until_a_version_or_a_hidden_field_changes() -> None:
    a, b = layer_of([shapely.Point(117.5, 0.5)], "a"), layer_of([shapely.Point(117.501, 0.5)], "b")
    first = answer_to(Question(kind="near", a=a, b=b, metres=500))
    assert answer_to(Question(kind="near", a=a, b=b, metres=500)).pk == first.pk
    assert answer_to(Question(kind="near", a=a, b=b, metres=501)).pk != first.pk
    b.layer.fields = [{"name": "nama", "type": "text", "hidden": True}, {"name": "nilai", "type": "integer"}]
    b.layer.save()
    hidden = answer_to(Question(kind="near", a=a, b=b, metres=500))
    assert hidden.pk != first.pk
    assert rows_of(hidden)[0].properties["terdekat"] == "#1"
    publish(version=make_version(b.layer, [(shapely.Point(117.9, 0.5), {"nama": "jauh"})]), by=None)
    layer = Layer.objects.get(slug="b")
    assert layer.current is not None
    later = answer_to(Question(kind="near", a=a, b=Source(layer, layer.current), metres=500))
    assert later.feature_count == 0


def test_names_that_a_question_makes_do_not_hide_a_field() -> None:
    rows: Rows = [(shapely.Point(117.5, 0.5), {"jarak_m": "lama"})]
    layer = make_layer("a", rows, fields=[{"name": "jarak_m", "type": "text"}])
    assert layer.current is not None
    source = Source(layer, layer.current)
    row = rows_of(answer_to(Question(kind="nearest", a=source, b=layer_of([shapely.Point(117.5, 0.51)], "b"))))[0]
    assert row.properties["jarak_m"] == "lama"
    assert row.properties["jarak_m_"] == pytest.approx(1105, abs=5)


def test_old_and_many_answers_are_forgotten(monkeypatch: pytest.MonkeyPatch) -> None:
    a = layer_of([shapely.Point(117.5, 0.5)], "a")
    monkeypatch.setattr(questions, "KEPT_ANSWERS", 3)
    for metres in range(10, 16):
        answer_to(Question(kind="buffer", a=a, metres=metres))
    assert Answer.objects.count() == 3
    assert AnswerFeature.objects.count() == 3
    Answer.objects.update(used_at="2020-01-01T00:00:00Z")
    questions.clear_answers()
    assert Answer.objects.count() == 0
    assert AnswerFeature.objects.count() == 0


def test_too_much_is_refused_with_the_limit(monkeypatch: pytest.MonkeyPatch, edition: BoundaryEdition) -> None:
    a, b = layer_of(points(np.random.default_rng(1), 12), "a"), layer_of(boxes(np.random.default_rng(2), 12), "b")
    monkeypatch.setattr(questions, "OUT_MAX", 5)
    with pytest.raises(QuestionRefused, match="5"):
        answer_to(Question(kind="count", a=a, b=b))
    assert Answer.objects.count() == 0
    monkeypatch.setattr(questions, "OUT_MAX", 100)
    monkeypatch.setattr(questions, "OUT_BYTES", 10)
    with pytest.raises(QuestionRefused, match="MB"):
        answer_to(Question(kind="buffer", a=a, metres=10))
    monkeypatch.setattr(questions, "PAIRS_MAX", 1)
    with pytest.raises(QuestionRefused, match="1"):
        answer_to(Question(kind="count", a=a, areas="kecamatan", edition=edition))
    monkeypatch.setattr(questions, "IN_MAX", 3)
    for kind in ("nearest", "count", "within", "intersect"):
        with pytest.raises(QuestionRefused, match="12"):
            answer_to(Question(kind=kind, a=a, b=b))


def test_slow_question_ends_with_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    a = layer_of(boxes(np.random.default_rng(2), 200), "a")
    monkeypatch.setattr(questions, "TIMEOUT_S", 0.001)
    with pytest.raises(QuestionTooSlow), transaction.atomic():
        answer_to(Question(kind="intersect", a=a, b=a))
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_statement_timeout_is_what_it_was_afterwards() -> None:
    answer_to(Question(kind="buffer", a=layer_of([shapely.Point(117.5, 0.5)], "a"), metres=10))
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_no_more_than_so_many_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    a = layer_of([shapely.Point(117.5, 0.5)], "a")
    monkeypatch.setattr(questions, "AT_ONCE", 0)
    with pytest.raises(QuestionsBusy):
        answer_to(Question(kind="buffer", a=a, metres=10))


def test_metres_are_refused_outside_the_zone_and_areas_where_there_are_none() -> None:
    far, near = layer_of([shapely.Point(106.8, -6.2)], "jauh"), layer_of([shapely.Point(117.5, 0.5)], "dekat")
    for question in (
        Question(kind="buffer", a=far, metres=10),
        Question(kind="nearest", a=near, b=far),
        Question(kind="near", a=far, b=near, metres=10),
    ):
        with pytest.raises(QuestionRefused, match="Data jauh"):
            answer_to(question)
    for kind in ("within", "intersect", "count"):
        with pytest.raises(QuestionRefused, match="Data dekat"):
            answer_to(Question(kind=kind, a=far, b=near))


def test_outline_that_cannot_be_computed_with_ends_with_a_sentence() -> None:
    bow = shapely.Polygon([(117.5, 0.5), (117.6, 0.6), (117.6, 0.5), (117.5, 0.6)])
    odd = layer_of([bow, shapely.box(117.5, 0.5, 117.58, 0.57)], "silang")
    with pytest.raises(QuestionRefused) as caught, transaction.atomic():
        answer_to(Question(kind="intersect", a=odd, b=odd))
    assert isinstance(caught.value.__cause__, InternalError)
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def test_empty_layers_answer_with_nothing() -> None:
    empty = layer_of([], "kosong", fields=[{"name": "nama", "type": "text"}])
    full = layer_of([shapely.box(117.5, 0.5, 117.6, 0.6)], "ada")
    for kind in KINDS:
        for a, b in ((empty, full), (full, empty)):
            question = Question(kind=kind, a=a, b=None if kind == "buffer" else b, metres=100)
            answer = answer_to(question)
            assert finding(question, answer)
            assert isinstance(notes(question, answer), list)


# Words ---------------------------------------------------------------------------------------------------------------


def test_words_name_numbers_versions_and_dates() -> None:
    a = layer_of([shapely.Point(117.5, 0.5), shapely.Point(117.6, 0.5), shapely.Point()], "puskesmas")
    b = layer_of([shapely.LineString([(117.5, 0.4), (117.501, 0.6)])], "jalan")
    question = Question(kind="near", a=a, b=b, metres=500)
    answer = answer_to(question)
    told = lineage(question, answer, "https://example.org")
    assert "1" in finding(question, answer)
    assert "2" in finding(question, answer)
    for words in ("Data puskesmas", "Data jalan", "500", "https://example.org/data/tanya/?kind=near"):
        assert words in told
    assert "a_version=1" in told
    assert "b_version=1" in told
    assert str(answer.made_at.year) in origin(question, answer)
    assert len(notes(question, answer)) == 1


# Pages ---------------------------------------------------------------------------------------------------------------


def get(query: str, user: User | None = None, status: int = 200, path: str = "/data/tanya/") -> str:
    client = Client(headers={"Accept-Language": "en"})
    if user:
        client.force_login(user)
    response = client.get(f"{path}?{query}")
    assert response.status_code == status, response.content[:2000]
    return (response.getvalue() if response.streaming else response.content).decode("utf-8", "replace")


@pytest.fixture
def two(kutim: None) -> tuple[Source, Source]:
    clinics = layer_of(
        [shapely.Point(117.50, 0.50), shapely.Point(117.60, 0.55), shapely.Point(117.45, 0.60)], "puskesmas",
        agency=make_agency("dinkes-x"),
    )  # fmt: skip
    zones = layer_of([shapely.box(117.48, 0.48, 117.52, 0.52), shapely.box(117.55, 0.5, 117.65, 0.6)], "zona")
    return clinics, zones


EVERY = [
    "kind=near&a=puskesmas&b=zona&metres=500",
    "kind=within&a=puskesmas&b=zona",
    "kind=within&a=puskesmas&b=&place=64.08.04",
    "kind=nearest&a=puskesmas&b=zona",
    "kind=count&a=puskesmas&b=zona",
    "kind=count&a=puskesmas&b=@kecamatan",
    "kind=count&a=puskesmas&b=@desa&place=64.08.04",
    "kind=intersect&a=zona&b=@kecamatan",
    "kind=buffer&a=puskesmas&metres=500&merge=yes",
    "kind=buffer&a=puskesmas&metres=500&merge=no",
]


@pytest.mark.parametrize("query", EVERY)
def test_page_answers_and_every_format_is_given(query: str, two: tuple[Source, Source]) -> None:
    text = get(query)
    assert 'id="answer"' in text
    assert "version 1 of" in text
    assert text.count("<tr>") >= 2
    assert get(query) == get(query) or 'nonce="' in text
    features = json.loads(get(query, path="/data/tanya/unduh/geojson/"))["features"]
    assert len(features) == Answer.objects.get().feature_count > 0
    for code in ("csv", "kml", "gpkg", "xlsx", "shp", "fgb", "parquet"):
        get(f"{query}&crs=4326", path=f"/data/tanya/unduh/{code}/")
    get(f"{query}&crs=32650", path="/data/tanya/unduh/gpkg/")
    found = json.loads(get(query, path=f"/data/tanya/fitur/{features[0]['id']}/"))
    assert found["lon"] is not None
    get(query, path="/data/tanya/ubin/0/0/0.mvt")
    assert Answer.objects.count() == 1


def test_csv_says_what_the_table_says(two: tuple[Source, Source]) -> None:
    rows = list(csv.DictReader(io.StringIO(get(EVERY[3], path="/data/tanya/unduh/csv/").lstrip("\ufeff"))))
    assert [row["nama"] for row in rows] == ["puskesmas 1", "puskesmas 2", "puskesmas 3"]
    assert [float(row["jarak_m"]) for row in rows[:2]] == [0, 0]
    assert float(rows[2]["jarak_m"]) > 3_000


def test_distances_are_whole_metres_on_screens_alone(two: tuple[Source, Source]) -> None:
    text = get(EVERY[3])
    answer = Answer.objects.get()
    exact = AnswerFeature.objects.get(answer=answer, fid=3).properties["jarak_m"]
    assert exact != int(exact)
    assert f'<td class="is-number">{exact:,.0f}</td>' in text
    assert f"{exact:,.3f}" not in text
    shown = json.loads(get(EVERY[3], path="/data/tanya/fitur/3/"))["fields"]
    assert f"{exact:,.0f}" in [one["value"] for one in shown]
    assert json.loads(get(EVERY[3], path="/data/tanya/unduh/geojson/"))["features"][2]["properties"]["jarak_m"] == exact
    [end] = re.findall(r'"upper": ?\[0.0, ([\d.]+)\]', text)
    assert float(end) >= exact
    assert f"</span>{float(end):,.0f}</li>" in text


def test_few_things_in_large_areas_are_counted_per_100_km2_on_screens_alone(two: tuple[Source, Source]) -> None:
    text = get("kind=count&a=puskesmas&b=@kecamatan")
    answer = Answer.objects.get()
    rows = {one.fid: one.properties for one in AnswerFeature.objects.filter(answer=answer)}
    fid, most = max(rows.items(), key=lambda row: row[1]["per_km2"])
    assert 0 < most["per_km2"] < 0.1
    assert most["per_km2"] == pytest.approx(most["jumlah"] / most["luas_km2"], abs=0.000001)
    shown = f"{most['per_km2'] * 100:.2f}".rstrip("0")
    assert '<p class="answer__key">Number per 100 km²</p>' in text
    assert text.count("Number per 100 km²") == 2
    assert "Number per km²" not in text
    assert f'<td class="is-number">{shown}</td>' in text
    [ends] = re.findall(r'"upper": ?\[([\d., ]+)\]', text)
    assert most["per_km2"] <= float(ends.split(",")[-1]) <= most["per_km2"] + 0.0001
    fields = json.loads(get("kind=count&a=puskesmas&b=@kecamatan", path=f"/data/tanya/fitur/{fid}/"))["fields"]
    assert {"title": "Number per 100 km²", "value": shown} in fields
    path = "/data/tanya/unduh/csv/"
    taken = csv.DictReader(io.StringIO(get("kind=count&a=puskesmas&b=@kecamatan", path=path).lstrip("\ufeff")))
    assert max(float(row["per_km2"]) for row in taken) == most["per_km2"]


def test_many_things_in_small_areas_are_counted_per_km2(kutim: None) -> None:
    wells = [shapely.Point(117.50 + n / 1000, 0.50) for n in range(20)]
    layer_of(wells, "sumur", agency=make_agency("pdam"))
    layer_of([shapely.box(117.48, 0.48, 117.53, 0.52), shapely.box(117.5, 0.49, 117.51, 0.51)], "zona")
    text = get("kind=count&a=sumur&b=zona")
    assert text.count("Number per km²") == 2
    assert "100 km²" not in text


def test_mark_that_ends_the_sentence_stands_beside_its_last_blank(two: tuple[Source, Source]) -> None:
    text = get("kind=near&a=puskesmas")
    assert '</select><span class="question__mark">?</span></div>' in text
    assert '<span class="question__words">?</span>' not in text


def test_map_and_features_are_not_computed_for_nobody(two: tuple[Source, Source]) -> None:
    get(EVERY[0], path="/data/tanya/ubin/0/0/0.mvt", status=404)
    get(EVERY[0], path="/data/tanya/fitur/1/", status=404)
    assert Answer.objects.count() == 0


def test_page_offers_the_questions_and_the_blanks(two: tuple[Source, Source]) -> None:
    text = get("a=puskesmas")
    for kind in KINDS:
        assert f"?kind={kind}&amp;a=puskesmas" in text
    form = get("kind=near&a=puskesmas")
    assert '<option value="puskesmas" selected>' in form
    assert 'value="500"' in form
    assert 'id="answer-title"' not in form
    assert 'class="error-summary"' not in form
    assert "/data/tanya/?a=puskesmas" in get("", path="/data/puskesmas/")
    assert "/data/tanya/" in get("", path="/data/")
    get("kind=entah", status=400)


def test_errors_keep_what_was_typed(two: tuple[Source, Source]) -> None:
    text = get("kind=near&a=puskesmas&b=&metres=lima", status=422)
    assert 'value="lima"' in text
    assert '<option value="puskesmas" selected>' in text
    assert 'href="#id_metres"' in text
    assert 'href="#id_b"' in text
    for metres in ("0", "-5", "50001", "1.5", "1e3", "\x00", "9" * 5000):
        get(f"kind=near&a=puskesmas&b=zona&metres={metres}", status=422)
    for query in ("&b=zona&place=99.99.99", "&b=zona&a_version=9", "&b=zona&a_version=x", "&b=@kecamatan", "&b="):
        get(f"kind=within&a=puskesmas{query}", status=422)
    get("kind=buffer&a=puskesmas&metres=5&merge=perhaps", status=422)
    assert Answer.objects.count() == 0


def test_refusal_stands_on_the_page(two: tuple[Source, Source], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(questions, "IN_MAX", 1)
    assert "at most 1" in get(EVERY[0], status=422)
    get(EVERY[0], path="/data/tanya/unduh/csv/", status=400)
    monkeypatch.setattr(questions, "IN_MAX", 100)
    monkeypatch.setattr(questions, "AT_ONCE", 0)
    assert "Try again" in get(EVERY[0], status=503)


def test_nothing_found_is_said(two: tuple[Source, Source]) -> None:
    far = layer_of([shapely.Point(118.5, 1.5)], "jauh")
    assert far
    text = get("kind=near&a=jauh&b=zona&metres=5")
    assert "Nothing is like that" in text
    assert "0 of 1 feature" in text
    get("kind=near&a=jauh&b=zona&metres=5", path="/data/tanya/unduh/csv/")


def test_pinned_address_gives_the_old_answer(two: tuple[Source, Source]) -> None:
    query = "kind=within&a=puskesmas&b=zona"
    assert "2 of 3" in get(query)
    publish(version=make_version(two[0].layer, [(shapely.Point(118, 1), {"nama": "lain", "nilai": 1})]), by=None)
    assert "0 of 1" in get(query)
    old = get(f"{query}&a_version=1&b_version=1")
    assert "2 of 3" in old
    assert "a_version=1" in get(f"{query}&a_version=1", path="/data/tanya/")


def test_table_sorts_and_pages(two: tuple[Source, Source]) -> None:
    many = layer_of([shapely.Point(117.4 + n / 1000, 0.5) for n in range(120)], "banyak")
    assert many
    query = "kind=nearest&a=banyak&b=zona"
    body = get(f"{query}&sort=-nilai").split("<tbody>")[1]
    assert "banyak 120<" in body
    assert "banyak 70<" not in body
    assert "banyak 1<" in get(f"{query}&sort=-nilai&page=3").split("<tbody>")[1]
    get(f"{query}&sort=rahasia", status=400)


# Who may see what ----------------------------------------------------------------------------------------------------


MARK = "RAHASIAMARKER"


@pytest.fixture
def secret(two: tuple[Source, Source]) -> Source:
    shapes: list[BaseGeometry] = [shapely.box(117.49, 0.49, 117.51, 0.51)]
    rows: Rows = [(shapes[0], {"nama": MARK, "pemilik": MARK})]
    layer = make_layer(
        "rahasia", rows, title_id=f"Judul {MARK}", access="agency", agency=make_agency("dlh-x"),
        fields=[{"name": "nama", "type": "text"}, {"name": "pemilik", "type": "text", "hidden": True}],
    )  # fmt: skip
    assert layer.current is not None
    return Source(layer, layer.current)


WITH_SECRET = [
    "kind=near&a=puskesmas&b={}&metres=500",
    "kind=near&a={}&b=puskesmas&metres=500",
    "kind=within&a=puskesmas&b={}",
    "kind=count&a=puskesmas&b={}",
    "kind=intersect&a={}&b=zona",
    "kind=buffer&a={}&metres=100&merge=no",
]


@pytest.mark.parametrize("query", WITH_SECRET)
def test_private_layer_is_as_unknown_as_a_missing_one(query: str, secret: Source) -> None:
    insider = make_officer(secret.layer.agency)
    assert MARK in get(query.format("rahasia"), insider) or query.startswith("kind=near&a=puskesmas")
    for person in (None, make_user(), make_officer(make_agency("lain-x"))):
        page, missing = (get(query.format(slug), person, status=422) for slug in ("rahasia", "tidak-ada"))
        assert MARK not in page
        assert MARK not in get("kind=near", person)
        assert len(page) == pytest.approx(len(missing), abs=40)  # the slug that was asked, the nonce
        for path in ("unduh/csv/", "unduh/geojson/", "unduh/gpkg/", "fitur/1/", "ubin/0/0/0.mvt"):
            get(query.format("rahasia"), person, status=404, path=f"/data/tanya/{path}")


def test_answers_are_never_for_shared_caches(secret: Source) -> None:
    client = Client()
    client.force_login(make_officer(secret.layer.agency))
    query = WITH_SECRET[2].format("rahasia")
    for path in ("", "unduh/csv/", "unduh/gpkg/", "fitur/1/", "ubin/0/0/0.mvt"):
        response = client.get(f"/data/tanya/{path}?{query}")
        if response.streaming:
            response.getvalue()
        assert response.status_code in {200, 204}
        assert "private" in response["Cache-Control"]
        assert "public" not in response["Cache-Control"]
        assert "Cookie" in response["Vary"]


def test_hidden_field_is_in_no_answer(secret: Source) -> None:
    secret.layer.access = "public"
    secret.layer.title_id = "Umum"
    secret.layer.fields = [{"name": "nama", "type": "text", "hidden": True}, secret.layer.fields[1]]
    secret.layer.save()
    for query in WITH_SECRET:
        asked = query.format("rahasia")
        assert MARK not in get(asked)
        for path in ("unduh/csv/", "unduh/geojson/", "unduh/kml/", "unduh/gpkg/", "ubin/0/0/0.mvt"):
            assert MARK not in get(asked, path=f"/data/tanya/{path}")
        get(f"{asked}&sort=pemilik", status=400)
    assert not any(MARK in json.dumps(row.properties) for row in AnswerFeature.objects.all())


def test_taking_an_answer_from_private_data_is_recorded(secret: Source) -> None:
    officer = make_officer(secret.layer.agency)
    get(WITH_SECRET[2].format("rahasia"), officer, path="/data/tanya/unduh/csv/")
    taken = LayerDownload.objects.get()
    assert (taken.layer, taken.user, taken.format) == (secret.layer, officer, "csv")
    assert taken.conditions["kind"] == "within"
    get(EVERY[0], officer, path="/data/tanya/unduh/csv/")
    assert LayerDownload.objects.count() == 1


# Keeping as a draft --------------------------------------------------------------------------------------------------


def post(client: Client, **data: str) -> Any:
    return client.post("/data/tanya/simpan/", {"kind": "within", "a": "puskesmas", "b": "zona", **data})


def test_answer_becomes_a_draft_that_the_steward_publishes(two: tuple[Source, Source], client: Client) -> None:
    agency = Agency.objects.get(short_name="DLH")
    officer = make_officer(agency)
    client.force_login(officer)
    page = get("kind=within&a=puskesmas&b=zona", officer)
    assert "/data/tanya/simpan/" in page
    response = post(client)
    job = ImportJob.objects.get()
    assert response.url == f"/data/unggah/{job.pk}/"
    assert job.agency == agency
    assert "Data puskesmas" in job.about["lineage"]
    assert "Data zona" in job.about["lineage"]
    assert "a_version=1" in job.about["lineage"]
    assert uploads.read_due()
    job.refresh_from_db()
    assert job.state == ImportJob.State.READY, job.inspection
    form = client.get(f"/data/unggah/{job.pk}/").content.decode()
    assert "a_version=1" in form
    assert job.version is not None
    assert job.version.feature_count == 2
    assert job.layer is not None
    assert not Layer.objects.public().filter(pk=job.layer.pk).exists()
    about = {**job.about, "abstract_id": "Puskesmas di dalam zona.", "theme": "sosial", "cycle": "once", "do": "submit"}
    client.post(f"/data/unggah/{job.pk}/isi/", about)
    layer = uploads.approve(job=ImportJob.objects.get(pk=job.pk), by=make_coordinator())
    assert layer.state == "published"
    assert "Data zona" in layer.lineage
    assert layer.access == "agency"
    assert {"nama", "nilai", "berada_di"} <= {field["name"] for field in layer.fields}


def test_only_uploaders_may_keep_and_only_what_they_see(two: tuple[Source, Source], secret: Source) -> None:
    citizen, officer = Client(), Client()
    assert post(Client()).status_code == 302  # to sign in
    citizen.force_login(make_user())
    assert post(citizen).status_code == 403
    officer.force_login(make_officer(Agency.objects.get(short_name="DLH")))
    assert post(officer, b="rahasia").status_code == 404
    assert post(officer, a="tidak-ada").status_code == 404
    assert officer.get("/data/tanya/simpan/").status_code == 405
    assert ImportJob.objects.count() == 0


def test_coordinator_says_whose_data_it_shall_be(two: tuple[Source, Source], client: Client) -> None:
    client.force_login(make_coordinator())
    assert post(client)["Location"].startswith("/data/tanya/?")
    assert ImportJob.objects.count() == 0
    post(client, agency=Agency.objects.get(short_name="DLH").code)
    assert ImportJob.objects.get().agency.short_name == "DLH"


def test_synthetic_layers_answer_every_question(kutim: None) -> None:
    call_command("make_layers", "--count=300", "--seed=1", verbosity=0)
    for query in (
        "kind=near&a=sintetis-sekolah&b=sintetis-jalan&metres=2000",
        "kind=nearest&a=sintetis-sekolah&b=sintetis-posyandu",
        "kind=count&a=sintetis-bidang&b=@kecamatan",
        "kind=intersect&a=sintetis-jalan&b=@desa",
        "kind=within&a=sintetis-sekolah&b=sintetis-bidang",
        "kind=buffer&a=sintetis-jalan&metres=100&merge=yes",
    ):
        assert "made up" in get(query)


# Where there are many layers ------------------------------------------------------------------------------------------


def test_many_layers_are_searched_for_instead_of_listed(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layers.question_forms.FEW", 1)
    make_layer("sumur", title_id="Sumur bor")
    make_layer("sumur-tua", title_id="Sumur lama")
    make_layer("jalan", title_id="Jalan desa")
    asked = {"kind": "near", "metres": "500"}
    page = client.get("/data/tanya/", {"kind": "near", "a": "sumur"}).content.decode()
    assert 'list="id_a_known"' in page
    assert 'value="Sumur bor"' in page  # the short name of an address is shown as its title
    assert page.count("<select") == 1  # the place alone
    by_title = client.get("/data/tanya/", asked | {"a": "sumur BOR", "b": "jalan"})
    assert by_title.status_code == 200
    assert by_title.context["answer"] is not None
    several = client.get("/data/tanya/", asked | {"a": "sumur", "b": "Jalan desa"} | {"a": "sumu"})
    assert several.status_code == 422
    assert "Sumur bor" in several.content.decode().partition('name="a"')[2].partition("</select>")[0]
    assert "Sumur lama" in several.content.decode().partition('name="a"')[2].partition("</select>")[0]
    none = client.get("/data/tanya/", asked | {"a": "zebra", "b": "jalan"})
    assert none.status_code == 422
    assert "a" in none.context["form"].errors
