from datetime import date
from pathlib import Path

import pytest

from geo import definition
from geo.errors import BoundariesRefused
from geo.schematic import SCHEMATIC_DIR

GOOD = """
slug = "uji"
name = "Uji"
kind = "official"
source = "BIG"
licence = "?"
valid_from = 2026-01-01
[kecamatan]
file = "k.shp"
columns = { code = "KDCPUM" }
"""


def test_definition_of_the_bundled_set_names_its_files() -> None:
    found = definition.read(SCHEMATIC_DIR / "definition.toml")
    assert found.description.kind == "schematic"
    assert all(level and level.file.is_file() for level in (found.kecamatan, found.desa))


def test_definition_is_read(tmp_path: Path) -> None:
    (tmp_path / "definition.toml").write_text(GOOD)
    found = definition.read(tmp_path / "definition.toml")
    assert found.description.valid_from == date(2026, 1, 1)
    assert found.kecamatan == definition.Level(tmp_path / "k.shp", {"code": "KDCPUM"})
    assert found.desa is None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('slug = "uji"', ""),
        ('"official"', '"resmi"'),
        ("2026-01-01", '"soon"'),
        ('"k.shp"', '"../k.shp"'),
        ('"k.shp"', '"/etc/k.shp"'),
        ("[kecamatan]", "[kecamatan"),
    ],
)
def test_definition_refuses_what_is_missing_or_wrong(tmp_path: Path, old: str, new: str) -> None:
    (tmp_path / "definition.toml").write_text(GOOD.replace(old, new))
    with pytest.raises(BoundariesRefused, match=r"definition\.toml"):
        definition.read(tmp_path / "definition.toml")
