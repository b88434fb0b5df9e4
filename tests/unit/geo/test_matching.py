import numpy as np
import pytest
import shapely

from geo import facts
from geo.errors import BoundariesRefused
from geo.matching import code_key, match, name_key, text
from geo.reading import Table

KECAMATAN = facts.kecamatan()
DESA = facts.desa()


def table(**columns: list[object]) -> Table:
    length = len(next(iter(columns.values())))
    return Table(columns=columns, geometries=np.array([shapely.box(0, 0, 1, 1)] * length), crs="EPSG:4326")


@pytest.mark.parametrize(
    "values",
    [
        [fact.code for fact in KECAMATAN],
        [fact.code.replace(".", "") for fact in KECAMATAN],
        [fact.bps_code for fact in KECAMATAN],
        [int(fact.bps_code) for fact in KECAMATAN],
        [float(fact.bps_code) for fact in KECAMATAN],
    ],
    ids=["dotted", "digits", "bps", "number", "float"],
)
def test_match_finds_codes_under_any_name(values: list[object]) -> None:
    found = match(table(OBJECTID=list(range(18)), APA=values, WADMKC=[fact.name for fact in KECAMATAN]), {})
    assert (found.level, found.codes) == ("kecamatan", [fact.code for fact in KECAMATAN])
    assert any("APA" in note for note in found.notes)


def test_match_tells_desa_by_their_codes_beside_those_of_their_kecamatan() -> None:
    columns = {"kec": [fact.kecamatan_code for fact in DESA], "KDEPUM": [fact.code for fact in DESA]}
    found = match(table(**columns), {})
    assert (found.level, found.codes) == ("desa", [fact.code for fact in DESA])


def test_match_by_names_says_so() -> None:
    names: list[object] = [f"KEC. {(fact.other_name or fact.name).upper()}" for fact in KECAMATAN]
    found = match(table(apa=names), {})
    assert found.codes == [fact.code for fact in KECAMATAN]
    assert any("apa" in note for note in found.notes)


def test_match_obeys_a_named_column() -> None:
    codes: list[object] = [fact.code for fact in KECAMATAN]
    found = match(table(kode=codes, lama=codes[::-1]), {"kode": "lama"})
    assert found.codes == codes[::-1]


def test_match_leaves_unknown_codes_open() -> None:
    codes: list[object] = [fact.code for fact in KECAMATAN[:17]] + ["64.03.01"]
    assert match(table(kode=codes), {}).codes[-1] is None


def test_match_refuses_a_column_that_is_not_there() -> None:
    with pytest.raises(BoundariesRefused, match="kode, nama"):
        match(table(kode=["64.08.01"], nama=["x"]), {"kode": "KDCPUM"})


def test_match_refuses_a_file_without_codes_and_names() -> None:
    with pytest.raises(BoundariesRefused, match="--column"):
        match(table(id=[1, 2], ket=["a", "b"]), {})


def test_keys_and_text() -> None:
    assert (code_key("64.08.01"), code_key("abc"), code_key("")) == ("640801", "", "")
    assert name_key("Kecamatan  Muara-Wahau ") == name_key("muara wahau") == "muarawahau"
    assert (text(None), text(float("nan")), text(3.0), text(" a ")) == ("", "", "3", "a")
