"""CSV and XLSX as they are read: under other names, with marks of their encoding, and our own given back."""

from pathlib import Path
from typing import Any

import openpyxl
import pytest

from layers.reading import pipeline

ROWS = [["nama", "lon", "lat"], ["Pustu Bengalon", 117.6, 0.9], ["Pustu Wahau", 116.9, 1.2]]


def workbook(path: Path, **sheets: list[list[Any]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    with path.open("wb") as file:
        book.save(file)
    return path


def read(path: Path, folder: Path) -> dict[str, Any]:
    made = folder / "made"
    made.mkdir()
    return pipeline.answer({"file": str(path), "folder": str(made), "options": {"crs": "EPSG:4326"}})


def codes(answer: dict[str, Any]) -> set[str]:
    return {finding["code"] for finding in answer["findings"]}


@pytest.mark.parametrize("name", ["gabung.xls", "salah.shp", "gabung.xlsx"])
def test_workbook_is_read_whatever_its_name(name: str, tmp_path: Path) -> None:
    answer = read(workbook(tmp_path / name, data=ROWS), tmp_path)
    assert answer["status"] == "ready", answer["findings"]
    assert ("wrong_extension" in codes(answer)) == (name != "gabung.xlsx")
