"""`manage.py load_boundaries` on files of our own making: the schematic set, well and badly written."""

import re
import shutil
import zipfile
from io import StringIO
from pathlib import Path
from typing import Any

import geopandas
import pytest
import shapely
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import translation

from geo.locate import locate
from geo.models import BoundaryEdition, BoundaryPiece, NeighbourBoundary
from geo.schematic import SCHEMATIC_DIR
from geo.seed import seed

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _seeded_in_english(db: None) -> Any:
    seed()
    with translation.override("en"):
        yield


def load(*arguments: object, **options: Any) -> str:
    out = StringIO()
    call_command("load_boundaries", *map(str, arguments), stdout=out, no_color=True, **options)
    return out.getvalue()


def refusal(*arguments: object) -> str:
    before = rows()
    with pytest.raises(CommandError) as refused:
        load(*arguments)
    assert rows() == before
    assert refused.value.returncode == 1
    return str(refused.value)


def rows() -> tuple[int, int]:
    return BoundaryEdition.objects.count(), BoundaryPiece.objects.count()


def skematik(level: str = "kecamatan") -> geopandas.GeoDataFrame:
    return geopandas.read_file(SCHEMATIC_DIR / f"{level}.shp")


def write(frame: geopandas.GeoDataFrame, path: Path) -> Path:
    frame.to_file(path, index=False)
    return path


def test_load_boundaries_is_a_trial_unless_told_otherwise() -> None:
    before = rows()
    out = load(SCHEMATIC_DIR, "--slug=uji")
    assert "nothing was written" in out
    assert "0.0 %" in out
    assert rows() == before


def test_load_boundaries_commit_stores_and_leaves_the_active_edition() -> None:
    load(SCHEMATIC_DIR, "--slug=uji", "--name=Uji", "--commit")
    edition = BoundaryEdition.objects.get(slug="uji")
    assert (edition.name, edition.kind, edition.status, edition.licence) == ("Uji", "schematic", "loaded", "CC0-1.0")
    assert edition.desa_boundaries.count() == 141
    assert BoundaryEdition.objects.active().get().slug == "kecamatan-skematik"


def test_load_boundaries_activate_puts_it_in_use_and_boundaries_puts_it_back() -> None:
    load(SCHEMATIC_DIR / "kecamatan.shp", "--slug=uji", "--activate")
    assert BoundaryEdition.objects.active().get().slug == "uji"
    out = StringIO()
    call_command("boundaries", "--activate=kecamatan-skematik", stdout=out)
    assert BoundaryEdition.objects.active().get().slug == "kecamatan-skematik"
    assert re.search(r"^\* kecamatan-skematik", out.getvalue(), re.MULTILINE)
    with pytest.raises(CommandError, match="tidak-ada"):
        call_command("boundaries", "--activate=tidak-ada")


def test_load_boundaries_speaks_indonesian() -> None:
    with translation.override("id"):
        assert load(SCHEMATIC_DIR, "--slug=uji")  # every sentence formats


def test_load_boundaries_of_kecamatan_alone_warns_and_leaves_desa_empty(tmp_path: Path) -> None:
    path = write(skematik(), tmp_path / "batas.gpkg")
    out = load(path, "--kind=schematic", "--activate")
    assert "--desa" in out
    found = locate(117.55, 0.52)
    assert (found.kecamatan.name, found.desa) == ("Sangatta Utara", None)
    edition = BoundaryEdition.objects.active().get()
    assert (edition.slug, edition.source, edition.kind) == ("batas", "batas.gpkg", "schematic")


def test_load_boundaries_takes_a_desa_file_beside(tmp_path: Path) -> None:
    path, desa = write(skematik(), tmp_path / "k.geojson"), write(skematik("desa"), tmp_path / "d.geojson")
    load(path, "--kind=schematic", f"--desa={desa}", "--activate")
    assert locate(117.55, 0.52).desa is not None


def test_load_boundaries_of_desa_joins_the_kecamatan(tmp_path: Path) -> None:
    out = load(write(skematik("desa"), tmp_path / "desa.gpkg"), "--kind=schematic", "--activate")
    assert "joined" in out
    assert "0.0 %" in out
    edition = BoundaryEdition.objects.active().get()
    assert (edition.kecamatan_boundaries.count(), edition.desa_boundaries.count()) == (18, 141)


def test_load_boundaries_says_which_desa_leave_their_kecamatan(tmp_path: Path) -> None:
    desa = skematik("desa")
    desa.geometry = desa.geometry.translate(0.01, 0)
    out = load(write(skematik(), tmp_path / "k.gpkg"), "--kind=schematic", f"--desa={write(desa, tmp_path / 'd.gpkg')}")
    assert "partly outside of their kecamatan" in out


def test_load_boundaries_reads_a_zip_of_tm3_without_prj_with_heights(tmp_path: Path) -> None:
    frame = skematik().rename(columns={"kode": "KDCPUM", "nama": "WADMKC"}).to_crs("EPSG:23837")
    frame.geometry = shapely.force_3d(frame.geometry.values, 12.0)
    (tmp_path / "raw").mkdir()
    write(frame, tmp_path / "raw" / "batas.shp")
    with zipfile.ZipFile(tmp_path / "batas.zip", "w") as archive:
        for part in (tmp_path / "raw").iterdir():
            if part.suffix != ".prj":
                archive.write(part, f"Batas/{part.name}")
    out = load(tmp_path / "batas.zip", "--kind=schematic")
    assert "EPSG:23837" in out
    assert "KDCPUM" in out
    assert "0.0 %" in out


def test_load_boundaries_reads_the_definition_beside_a_file(tmp_path: Path) -> None:
    shutil.copytree(SCHEMATIC_DIR, tmp_path / "set")
    definition = tmp_path / "set" / "definition.toml"
    definition.write_text(definition.read_text().replace("kecamatan-skematik", "lain"))
    load(definition, "--commit")
    assert BoundaryEdition.objects.get(slug="lain").valid_from is not None
    assert "lain" in refusal(tmp_path / "set" / "kecamatan.shp")  # the name is taken
    for part in (tmp_path / "set").glob("kecamatan.*"):
        part.rename(part.with_stem("batas"))
    load(tmp_path / "set" / "batas.shp", "--kind=schematic", "--commit")  # not the file that the definition names
    assert BoundaryEdition.objects.get(slug="batas").source == "batas.shp"


def test_load_boundaries_mends_small_faults_and_says_so(tmp_path: Path) -> None:
    frame = skematik()
    shape = frame.geometry[0]
    ring = list(shape.exterior.coords)
    x, y = ring[1]
    ring[1:2] = [(x, y), (x + 1e-6, y), (x, y), (x, y + 1e-6), (x, y)]  # two spikes of 11 cm
    frame.loc[0, "geometry"] = shapely.Polygon(ring)
    assert not frame.is_valid.all()
    assert "was mended" in load(write(frame, tmp_path / "b.gpkg"), "--kind=schematic")


def test_load_boundaries_refuses_large_faults(tmp_path: Path) -> None:
    frame = skematik()
    (west, south, east, north) = frame.geometry[0].bounds
    bow_tie = shapely.Polygon([(west, south), (east, north), (east, south), (west, north)])
    frame.loc[0, "geometry"] = bow_tie
    said = refusal(write(frame, tmp_path / "b.gpkg"), "--kind=schematic")
    assert "64.08.01" in said
    assert "Fix geometries" in said


def test_load_boundaries_refuses_overlaps_and_gaps_with_hectares(tmp_path: Path) -> None:
    frame = skematik()
    # Sangatta Utara, moved 0.01 degree east: over its eastern neighbour, away from its western one.
    row = frame.index[frame.nama == "Rantau Pulung"][0]
    frame.loc[row, "geometry"] = shapely.affinity.translate(frame.geometry[row], 0.01, 0)
    said = refusal(write(frame, tmp_path / "b.gpkg"), "--kind=schematic")
    assert re.search(r"\d+ overlaps, [\d,]+ ha in all", said)
    assert re.search(r"Rantau Pulung \(64\.08\.14\).*: [\d,.]+ ha", said)
    assert re.search(r"\d+ gaps?, [\d,.]+ ha in all", said)


def test_load_boundaries_refuses_missing_double_and_unknown_codes_at_once(tmp_path: Path) -> None:
    frame = skematik()
    frame.loc[0, "kode"], frame.loc[1, "kode"] = "64.08.03", "64.03.01"
    said = refusal(write(frame, tmp_path / "b.gpkg"))
    assert "64.03.01" in said
    assert "Muara Bengkal (64.08.03) comes 2 times (features 1, 3)" in said
    assert "2 kecamatan of 18 are missing: Muara Ancalong (64.08.01), Muara Wahau (64.08.02)" in said


def test_load_boundaries_refuses_two_kecamatan_with_swapped_codes_by_their_area(tmp_path: Path) -> None:
    frame = skematik()
    big, small = (frame.index[frame.nama == name][0] for name in ("Muara Wahau", "Kaliorang"))
    frame.loc[[big, small], "kode"] = frame.loc[[small, big], "kode"].to_numpy()
    said = refusal(write(frame, tmp_path / "b.gpkg"))
    assert "Muara Wahau (64.08.02) has" in said
    assert "Kaliorang (64.08.10) has" in said


def test_load_boundaries_refuses_points_and_another_place(tmp_path: Path) -> None:
    points = skematik()
    points.geometry = points.geometry.representative_point()
    assert "no area: Point" in refusal(write(points, tmp_path / "p.gpkg"))
    swapped = skematik()
    swapped.geometry = shapely.transform(swapped.geometry.values, lambda corners: corners[:, ::-1])
    assert "swapped" in refusal(write(swapped, tmp_path / "s.gpkg"))
    lying = skematik().to_crs("EPSG:32650").set_crs("EPSG:4326", allow_override=True)
    path = write(lying, tmp_path / "l.gpkg")
    assert "--crs" in refusal(path)
    assert "0.0 %" in load(path, "--kind=schematic", "--crs=EPSG:32650")
    assert "EPSG:1" in refusal(path, "--crs=EPSG:1")


def test_load_boundaries_refuses_a_bad_column_option(tmp_path: Path) -> None:
    path = write(skematik(), tmp_path / "b.gpkg")
    assert "OURS=THEIRS" in refusal(path, "--column=kode")
    assert "kode, nama" in refusal(path, "--column=kode=KDCPUM")
    assert "nothing was written" in load(path, "--kind=schematic", "--column=kode=kode", "--column=nama=nama")


def test_load_boundaries_neighbours_replaces_by_code(tmp_path: Path) -> None:
    frame = geopandas.GeoDataFrame(
        {"KDPKAB": ["64.03"], "WADMKK": ["Kabupaten Berau"]},
        geometry=[shapely.box(117, 1.9, 118, 2.5)],
        crs="EPSG:4326",
    )
    path = write(frame, tmp_path / "n.gpkg")
    load(path, "--neighbours")
    assert not NeighbourBoundary.objects.exists()
    for _time in range(2):
        load(path, "--neighbours", "--commit", "--source=digambar")
    stored = NeighbourBoundary.objects.get()
    assert (stored.code, stored.name, stored.source) == ("64.03", "Kabupaten Berau", "digambar")
    frame["KDPKAB"] = "64.08"  # the regency itself
    assert "64.08" in refusal(write(frame, tmp_path / "own.gpkg"), "--neighbours")


def test_load_boundaries_never_writes_to_the_file_system_of_the_data(tmp_path: Path) -> None:
    path = write(skematik(), tmp_path / "b.gpkg")
    before = {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()}
    load(path, "--kind=schematic")
    assert {file.name: file.stat().st_mtime_ns for file in tmp_path.iterdir()} == before


def test_seeded_database_has_no_leftovers_of_trials() -> None:
    load(SCHEMATIC_DIR, "--slug=uji")
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM geo_boundaryedition WHERE slug = 'uji'")
        assert cursor.fetchone() == (0,)
