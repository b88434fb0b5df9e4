"""CQL2: random filters against an oracle, the grammar's corners, and what is refused."""

import json
import random
import re
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as some

from geo.errors import ParameterError
from layers.models import Layer
from layers.ogc import cql_text
from layers.ogc.cql import parse_filter
from layers.ogc.crs import CRS84
from layers.ogc.fields import Field
from tests.factories.layers import make_layer
from tests.unit.layers.cql_oracle import truth
from tests.unit.layers.cql_random import KINDS, make_feature, make_filter, write

FIELDS = [{"name": name, "title": name, "type": kind, "hidden": False} for name, kind in KINDS.items()]
ITEMS = "/ogc/collections/acak/items"


def ids(client: Client, **params: Any) -> list[int]:
    answer = client.get(ITEMS, {"limit": 10_000, **params})
    assert answer.status_code == 200, answer.content
    return [feature["id"] for feature in json.loads(answer.content)["features"]]


def refused(client: Client, text: str, **params: Any) -> str:
    answer = client.get(ITEMS, {"filter": text, **params})
    assert answer.status_code == 400, answer.content
    body = answer.json()
    assert "filter" in body["errors"]
    return str(body["detail"])


@pytest.fixture
def mixed(db: None) -> Layer:
    rows = [
        {"nama": "Sangatta", "jumlah": 1, "luas": 2.5, "aktif": True, "tanggal": "2025-01-31",
         "waktu": "2025-01-31T20:00:00Z"},
        {"nama": "d'Or", "jumlah": 2, "aktif": False, "tanggal": "2025-02-30"},
        {"nama": "Désa", "jumlah": "tiga", "kode": "64.08.01"},
    ]  # fmt: skip
    dice = random.Random(1)
    return make_layer("acak", [(make_feature(dice)[0], row) for row in rows], fields=FIELDS)


@pytest.mark.django_db
def test_random_filters_equal_the_oracle_as_text_and_as_json(client: Client) -> None:
    dice = random.Random(6408)
    rows = [make_feature(dice) for _ in range(300)]
    make_layer("acak", rows, fields=FIELDS)
    numbers = {name for name, kind in KINDS.items() if kind in {"integer", "number"}}
    features = [
        {"geometry": shape}
        | {name: None if name in numbers and isinstance(value, str) else value for name, value in row.items()}
        for shape, row in rows
    ]
    found_some = 0
    for number in range(200):
        node = make_filter(dice)
        expected = [fid for fid, feature in enumerate(features, start=1) if truth(node, feature, KINDS) is True]
        assert ids(client, filter=write(node)) == expected, (number, write(node))
        assert ids(client, filter=json.dumps(node), **{"filter-lang": "cql2-json"}) == expected, (number, node)
        found_some += 0 < len(expected) < len(rows)
    assert found_some > 120


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("jumlah = 1 OR jumlah = 2 AND aktif", [1]),
        ("jumlah=1", [1]),
        ("NOT (jumlah = 1)", [2]),
        ("nama = 'd''Or'", [2]),
        (r"nama = 'd\'Or'", [2]),
        ("\"nama\"\n=\t'Sangatta'", [1]),
        ("nama LIKE '_angatta'", [1]),
        ("nama ILIKE 'SANG%'", [1]),
        ("CASEI(nama) LIKE casei('SANG%')", [1]),
        ("ACCENTI(nama) = ACCENTI('Desa')", [3]),
        ("jumlah NOT IN (1, 3)", [2]),
        ("jumlah % 2 = 0 AND jumlah div 2 = 1 AND 2 ^ jumlah = 4", [2]),
        ("jumlah / 0 = 1", []),
        ("-jumlah < - 1", [2]),
        ("jumlah * (1 + 1) = 4", [2]),
        ("luas IS NOT NULL", [1]),
        ("kode IS NULL", [1, 2]),
        ("aktif", [1]),
        ("NOT aktif", [2]),
        ("tanggal >= '2025-03-01'", [2]),
        ("tanggal = TIMESTAMP('2025-01-30T20:00:00Z')", [1]),
        ("T_AFTER(waktu, DATE('2025-01-31'))", [1]),
        ("T_DURING(waktu, INTERVAL('2025-01-31T19:00:00Z', '..'))", [1]),
        ("T_INTERSECTS(INTERVAL(tanggal, '..'), INTERVAL('..', '2025-02-01'))", [1]),
        ("S_INTERSECTS(geometry, BBOX(-180,-90,180,90))", [1, 2, 3]),
        ("S_INTERSECTS(geometry, BBOX(170,-90,-170,90))", []),
        ("true", [1, 2, 3]),
    ],
)
def test_filter_finds(client: Client, mixed: Layer, text: str, expected: list[int]) -> None:
    assert ids(client, filter=text) == expected


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("buffer(geometry, 5) = 1", "buffer"),
        ("rahasia = 1", "rahasia"),
        ("nama = 1", "nama"),
        ("jumlah = 'satu'", "satu"),
        ("nama", "nama"),
        ("nama = ", "terlalu cepat|too early"),
        ("nama = 'x' nama", "nama"),
        ("a_contains(nama, ('a'))", "a_contains"),
        ("S_INTERSECTS(nama, POINT(1 2))", "nama"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1, 1 0, 0 1, 0 0)))", "Self-intersection"),
        ("S_INTERSECTS(geometry, POLYGON((0 0, 1 1)))", "POLYGON"),
        ("tanggal > DATE('2025-13-01')", "2025-13-01"),
        ("aktif > true", ""),
        ("nama LIKE 'x\\'", ""),
        ("jumlah = 1e9999", ""),
        ("10 ^ 400 = jumlah", ""),
        ("(" * 60 + "aktif" + ")" * 60, ""),
        ("nama = 'a' OR " * 150 + "aktif", ""),
        ("nama = null", "null"),
    ],
)
def test_filter_is_refused_with_the_reason(client: Client, mixed: Layer, text: str, word: str) -> None:
    assert re.search(word, refused(client, text))


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        "{}",
        '{"op":"="}',
        '{"op":"=","args":[1]}',
        '{"op":"=","args":[NaN,1]}',
        "[" * 5000,
        '{"op":1,"args":[]}',
        '{"op":"in","args":[{"property":"nama"},[]]}',
        '{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[1,2]}]}',
        '{"op":"s_intersects","args":[{"property":"geometry"},{"type":"Point","coordinates":["a"]}]}',
        '{"op":"t_after","args":[{"property":"tanggal"},{"interval":["..",{"a":1}]}]}',
        '{"op":"and","args":[]}',
        '"\\u0000"',
        '{"op":"not","args":[null]}',
        '{"op":"=","args":[{"property":"nama"},"a\\u0000b"]}',
        '{"op":"=","args":[{"property":"nama"},"\\ud800"]}',
        '{"op":"s_intersects","args":[{"property":"geometry"},{"bbox":[0,0,1,%s]}]}' % ("9" * 400),
        '{"op":"not","args":[' * 299 + "true" + "]}" * 299,
    ],
)
def test_broken_json_is_refused(client: Client, mixed: Layer, text: str) -> None:
    refused(client, text, **{"filter-lang": "cql2-json"})


def test_broken_json_is_told_where_without_the_words_of_python(client: Client, mixed: Layer) -> None:
    for language in ("id", "en"):
        answer = client.get(
            ITEMS, {"filter": '{"op":,}', "filter-lang": "cql2-json"}, headers={"Accept-Language": language}
        )
        assert "Expecting" not in answer.json()["detail"]
    assert answer.json()["detail"] == "The filter is no JSON: it cannot be read at line 1, column 7."


def test_number_is_not_called_as_the_number_of_a_version_is(client: Client, mixed: Layer) -> None:
    told = refused(client, "jumlah = 'a'")
    assert "(nomor)" not in told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("T_BEFORE(tanggal, TIMESTAMP('9999-12-31T23:59:59Z'))", [1, 2]),
        ("T_AFTER(tanggal, TIMESTAMP('9999-12-31T23:59:59Z'))", []),
        ("tanggal > TIMESTAMP('0001-01-01T00:00:00+14:00')", [1, 2]),
        ("T_BEFORE(waktu, TIMESTAMP('9999-12-31T23:59:59Z'))", [1]),
    ],
)
def test_moments_at_the_ends_of_the_calendar(client: Client, mixed: Layer, text: str, expected: list[int]) -> None:
    assert ids(client, filter=text) == expected


def test_filter_language_must_be_known(client: Client, mixed: Layer) -> None:
    answer = client.get(ITEMS, {"filter": "aktif", "filter-lang": "sql"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["filter-lang"])


def test_filter_crs_takes_lat_lon_for_4326(client: Client, mixed: Layer) -> None:
    uri = "http://www.opengis.net/def/crs/EPSG/0/4326"
    point = json.loads(client.get(f"{ITEMS}/1").content)["geometry"]
    text = f"S_INTERSECTS(geometry, BBOX(-4, 109, 7, 123)) AND jumlah = 1 AND '{point['type']}' = '{point['type']}'"
    assert ids(client, filter=text, **{"filter-crs": uri}) == [1]
    assert ids(client, filter="S_INTERSECTS(geometry, BBOX(-90, -180, -80, -170))", **{"filter-crs": uri}) == []


def test_text_never_becomes_sql(client: Client, mixed: Layer) -> None:
    assert ids(client, filter="nama = '''; DROP TABLE layers_feature; --'") == []
    assert "%s" in refused(client, "\"%s') --\" = 'x'")
    assert ids(client, filter="nama LIKE '%s'") == []


def test_and_binds_tighter_than_or() -> None:
    assert cql_text.parse("a OR b AND c")["op"] == "or"


PIECES = [
    *(
        "a",
        "AND",
        "OR",
        "NOT",
        "(",
        ")",
        "'x'",
        "1",
        "-",
        "*",
        "=",
        "<",
        "IN",
        "LIKE",
        "BETWEEN",
        "IS",
        "NULL",
        ",",
        "^",
    ),
    *("POINT", "INTERVAL", "DATE", "'2025-01-01'", "'..'", "T_AFTER", "S_WITHIN", "geometry", "BBOX", "1e5", '"', "'"),
]
LEAVES = (
    some.none() | some.booleans() | some.integers() | some.text(max_size=5) | some.sampled_from(["a", "geometry", ".."])
)
NAMES = some.sampled_from(["op", "args", "property", "date", "interval", "bbox", "type", "coordinates", "timestamp"])
OPERATORS = some.sampled_from(
    ["and", "=", "in", "between", "not", "t_after", "s_within", "casei", "like", "+", "isNull"]
)
NODES = some.recursive(
    LEAVES,
    lambda part: (
        some.lists(part, max_size=3)
        | some.dictionaries(NAMES, part, max_size=3)
        | some.fixed_dictionaries({"op": OPERATORS, "args": some.lists(part, max_size=3)})
        | some.fixed_dictionaries({"property": some.just("a")})
    ),
    max_leaves=12,
)


def made_or_refused(text: str, language: str) -> None:
    try:
        sql = parse_filter(text, language, {"a": Field("a", "number"), "b": Field("b", "date")}, CRS84)
    except ParameterError:
        return
    assert sql.text.count("%s") == len(sql.params)


@given(some.text(max_size=60) | some.lists(some.sampled_from(PIECES), max_size=12).map(" ".join))
def test_any_text_is_made_into_sql_or_refused(text: str) -> None:
    made_or_refused(text, "cql2-text")


@given(NODES)
def test_any_json_is_made_into_sql_or_refused(node: Any) -> None:
    made_or_refused(json.dumps(node), "cql2-json")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kode = 1", "“kode” (teks) dan “1” (bilangan)"),
        ("kode = -1.50", "“kode” (teks) dan “-1.50” (bilangan)"),
        ("jumlah = 'satu'", "“satu” (teks)"),
        ("DATE('2025-01-31') LIKE 'a%'", "“DATE('2025-01-31')” bukan teks"),
        ("nama LIKE 5", "“5” bukan teks"),
    ],
)
def test_literals_in_a_refusal_are_as_they_were_written(mixed: Layer, client: Client, text: str, said: str) -> None:
    assert said in refused(client, text)


@pytest.mark.parametrize("name", ["and", "or"])
def test_operator_without_arguments_is_not_called_unknown(client: Client, mixed: Layer, name: str) -> None:
    assert name in refused(client, f'{{"op":"{name}","args":[]}}', **{"filter-lang": "cql2-json"})
    assert "isnull" not in refused(client, f'{{"op":"{name}","args":[]}}', **{"filter-lang": "cql2-json"})
