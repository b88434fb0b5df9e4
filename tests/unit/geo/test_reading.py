import io
import stat
import zipfile
from pathlib import Path

import geopandas
import pytest
import shapely

from geo import facts, reading
from geo.errors import BoundariesRefused
from geo.reading import read_table

OUTLINE = facts.outline()


def regency(crs: str = "EPSG:4326", **columns: list[str]) -> geopandas.GeoDataFrame:
    """The whole regency as one feature."""
    return geopandas.GeoDataFrame(columns or {"kode": ["64.08"]}, geometry=[OUTLINE], crs="EPSG:4326").to_crs(crs)


def zipped(path: Path, files: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def shapefile(folder: Path, crs: str = "EPSG:4326", **columns: list[str]) -> Path:
    regency(crs, **columns).to_file(folder / "batas.shp", encoding="UTF-8")
    return folder / "batas.shp"


@pytest.mark.parametrize("name", ["batas.gpkg", "batas.geojson", "batas.shp"])
def test_read_table_reads_each_kind(tmp_path: Path, name: str) -> None:
    regency(nama=["Kutai Timur"]).to_file(tmp_path / name)
    table = read_table(tmp_path / name)
    assert table.columns == {"nama": ["Kutai Timur"]}
    assert (table.crs, len(table), table.notes) == ("EPSG:4326", 1, [])


def test_read_table_reads_a_zip_with_a_folder_and_other_files(tmp_path: Path) -> None:
    shp = shapefile(tmp_path)
    files = {f"Batas 2025/{file.name}": file.read_bytes() for file in tmp_path.glob("batas.*")}
    path = zipped(tmp_path / "b.zip", files | {"Batas 2025/README.txt": b"x", "__MACOSX/._batas.shp": b"x"})
    assert len(read_table(path)) == len(read_table(shp)) == 1


@pytest.mark.parametrize("crs", reading.GUESSES)
def test_read_table_guesses_a_missing_crs_and_says_so(tmp_path: Path, crs: str) -> None:
    path = shapefile(tmp_path, crs)
    path.with_suffix(".prj").unlink()
    table = read_table(path)
    assert table.crs == crs
    assert any(crs in note for note in table.notes)


def test_read_table_refuses_to_guess_what_fits_nowhere(tmp_path: Path) -> None:
    path = tmp_path / "batas.shp"
    box = shapely.box(500_000, 500_000, 600_000, 600_000)
    geopandas.GeoDataFrame({"kode": ["x"]}, geometry=[box], crs="EPSG:32650").to_file(path)
    path.with_suffix(".prj").unlink()
    with pytest.raises(BoundariesRefused, match="--crs"):
        read_table(path)
    assert read_table(path, crs="EPSG:32650").crs == "EPSG:32650"


def test_read_table_refuses_to_guess_between_several(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "GUESSES", ("EPSG:32650", "EPSG:23870"))  # the same zone on two datums
    path = shapefile(tmp_path, "EPSG:32650")
    path.with_suffix(".prj").unlink()
    with pytest.raises(BoundariesRefused, match="EPSG:32650, EPSG:23870"):
        read_table(path)


def test_read_table_reads_windows_text_that_claims_to_be_utf8(tmp_path: Path) -> None:
    regency(nama=["Désa Sépaso"]).to_file(tmp_path / "batas.shp", encoding="CP1252")
    (tmp_path / "batas.cpg").write_text("UTF-8")
    table = read_table(tmp_path / "batas.shp")
    assert table.columns["nama"] == ["Désa Sépaso"]
    assert any("Windows-1252" in note for note in table.notes)


def test_read_table_reads_utf8_that_claims_to_be_windows_text(tmp_path: Path) -> None:
    regency(nama=["Désa Sépaso"]).to_file(tmp_path / "batas.shp", encoding="UTF-8")
    (tmp_path / "batas.cpg").write_text("1252")
    table = read_table(tmp_path / "batas.shp")
    assert table.columns["nama"] == ["Désa Sépaso"]
    assert any("UTF-8" in note for note in table.notes)


@pytest.mark.parametrize("name", ["../batas.shp", "a/../../batas.shp", "/etc/batas.shp", "..\\batas.shp", "C:\\b.shp"])
def test_read_table_refuses_a_zip_that_points_outside(tmp_path: Path, name: str) -> None:
    with pytest.raises(BoundariesRefused, match=r"outside|luar"):
        read_table(zipped(tmp_path / "slip.zip", {name: b"\x00\x00\x27\x0a"}))
    assert [file.name for file in tmp_path.iterdir()] == ["slip.zip"]


def test_read_table_refuses_a_link_in_a_zip(tmp_path: Path) -> None:
    entry = zipfile.ZipInfo("batas.shp")
    entry.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    with pytest.raises(BoundariesRefused, match=r"outside|luar"):
        read_table(tmp_path / "link.zip")


def test_read_table_refuses_a_bomb_by_its_declared_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ZIP_BYTES_MAX", 1_000_000)
    with pytest.raises(BoundariesRefused, match="1 MB"):
        read_table(zipped(tmp_path / "bomb.zip", {"batas.shp": bytes(2_000_000)}))


def test_read_table_refuses_a_bomb_that_lies_about_its_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "ZIP_BYTES_MAX", 1_000_000)
    true, false = (2_000_000).to_bytes(4, "little"), (1_000).to_bytes(4, "little")
    path = zipped(tmp_path / "bomb.zip", {"batas.shp": bytes(2_000_000)})
    path.write_bytes(path.read_bytes().replace(true, false))
    with pytest.raises(BoundariesRefused):
        read_table(path)


def test_read_table_refuses_a_zip_of_many_files(tmp_path: Path) -> None:
    with pytest.raises(BoundariesRefused, match="201"):
        read_table(zipped(tmp_path / "many.zip", {f"{i}.txt": b"" for i in range(201)}))


@pytest.mark.parametrize("files", [{}, {"a.shp": b"\x00\x00\x27\x0a", "b.shp": b"\x00\x00\x27\x0a"}])
def test_read_table_refuses_a_zip_without_exactly_one_data_set(tmp_path: Path, files: dict[str, bytes]) -> None:
    with pytest.raises(BoundariesRefused, match=r"one|satu"):
        read_table(zipped(tmp_path / "b.zip", files))


def test_read_table_refuses_a_broken_zip(tmp_path: Path) -> None:
    whole = io.BytesIO(zipped(tmp_path / "b.zip", {"batas.shp": b"x" * 1_000}).read_bytes()).getvalue()
    (tmp_path / "half.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BoundariesRefused):
        read_table(tmp_path / "half.zip")


def test_read_table_refuses_another_format_behind_a_known_name(tmp_path: Path) -> None:
    vrt = (
        '<OGRVRTDataSource><OGRVRTLayer name="a"><SrcDataSource>/etc/x</SrcDataSource></OGRVRTLayer></OGRVRTDataSource>'
    )
    (tmp_path / "batas.geojson").write_text(vrt)
    with pytest.raises(BoundariesRefused):
        read_table(tmp_path / "batas.geojson")
    (tmp_path / "batas.kml").write_text("<kml/>")
    with pytest.raises(BoundariesRefused):
        read_table(tmp_path / "batas.kml")


def test_read_table_names_the_missing_part_of_a_shapefile(tmp_path: Path) -> None:
    path = shapefile(tmp_path)
    path.with_suffix(".shx").unlink()
    with pytest.raises(BoundariesRefused, match=r"\.shx"):
        read_table(path)


def test_read_table_asks_for_the_layer_when_there_are_several(tmp_path: Path) -> None:
    for layer in ("satu", "dua"):
        regency(kode=[layer]).to_file(tmp_path / "b.gpkg", layer=layer)
    with pytest.raises(BoundariesRefused, match="--layer"):
        read_table(tmp_path / "b.gpkg")
    assert read_table(tmp_path / "b.gpkg", layer="dua").columns["kode"] == ["dua"]
    with pytest.raises(BoundariesRefused, match="satu, dua"):
        read_table(tmp_path / "b.gpkg", layer="tiga")


def test_read_table_refuses_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BoundariesRefused, match=r"none\.shp"):
        read_table(tmp_path / "none.shp")
