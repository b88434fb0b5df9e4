"""The press fetches nothing, and words of people are words, in the PDF and in the workbook."""

import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.utils import timezone, translation
from openpyxl import load_workbook
from pypdf import PdfReader

from dashboards.monthly import making, press
from dashboards.monthly.document import html_of, tokens
from dashboards.monthly.figures import figures_of
from dashboards.monthly.workbook import workbook_of
from tests.factories.map_reports import Place
from tests.unit.dashboards.test_numbers import TODAY, ask, report

STRANGE = [
    "<script>alert(1)</script> & <b>tebal</b>",
    "${7*7} {{ 7*7 }} {% now 'Y' %} %s",
    "الطريق مكسور أمام السوق",
    '=HYPERLINK("http://contoh.test","klik")',
    "+62 @SUM(A1) -1",
    "😀🚧 jalan ꦗꦭꦤ꧀",
    "tab\tdan\x0bkendali\x1f",
]


def printed_text(pdf: bytes) -> str:
    """Return the text of all pages without blanks (and without the zeros that pypdf leaves between characters)."""
    pages = PdfReader(io.BytesIO(pdf)).pages
    return "".join("".join(page.extract_text().replace("\0", "").split()) for page in pages)


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1/x", "https://contoh.test/", "file:///etc/passwd", "data:text/css,a{}", "sheet:../../config"],
)
def test_nothing_but_our_sheets_is_fetched(url: str) -> None:
    with pytest.raises(ValueError, match="not fetched"):
        press.sheet(url)


def test_a_page_that_asks_for_more_is_not_printed() -> None:
    page = '<html lang="id"><title>x</title><link rel="stylesheet" href="http://127.0.0.1:9/x.css"><p>x</p></html>'
    with pytest.raises(making.CannotPrint):
        making.printed(page)


def test_sheets_are_there_and_colours_are_those_of_the_site() -> None:
    for name in press.SHEETS:
        assert press.sheet(f"sheet:{name}")
    assert tokens()["forest"] == "#0f5c4a"
    assert {f"scale-{step}" for step in range(6)} | {"scale-none"} <= set(tokens())


def test_the_press_gets_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: dict[str, Any] = {}

    def run(*args: Any, **kwargs: Any) -> Any:
        seen.update(kwargs["env"])
        return subprocess.CompletedProcess(args, 0, b"%PDF-", b"")

    monkeypatch.setattr(making.subprocess, "run", run)
    monkeypatch.setenv("SECRET_KEY", "rahasia")
    making.printed("<p>")
    assert not {"SECRET_KEY", "DATABASE_URL", "STATE_DIR"} & set(seen)


def test_without_pango_the_press_says_so(tmp_path: Path) -> None:
    (tmp_path / "weasyprint.py").write_text("raise OSError(\"cannot load library 'libpango-1.0-0'\")")
    done = subprocess.run(
        [sys.executable, "-m", "dashboards.monthly.press"],
        input=b"<p>",
        capture_output=True,
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(tmp_path)},
        check=False,
    )
    assert done.returncode == press.NO_PANGO


@pytest.mark.django_db
def test_strange_words_are_shown_as_words_in_print_and_workbook() -> None:
    place = Place()
    place.hole.name_id = place.hole.name_en = "Jalan <i>rusak</i> =1+1"
    place.hole.save()
    place.desa.name = "Teluk & <u>Lingga</u>"
    place.desa.save()
    for n, title in enumerate(STRANGE):
        report(place, TODAY.replace(month=4, day=n + 1), due=3, title=title)
    with translation.override("en"):
        figures = figures_of(ask("since=2026-04-01&until=2026-04-30"), as_of=timezone.now())
        page = html_of(figures, edition=1)
        book = workbook_of(figures, edition=1, reason='=cmd|"/C calc"!A0')
    for mark in ("<script", "<b>tebal", "<i>rusak", "<u>Lingga"):
        assert mark not in page
    pdf = making.printed(page)
    reader = PdfReader(io.BytesIO(pdf))
    text = printed_text(pdf)
    for words in (STRANGE[0], STRANGE[1], STRANGE[3], STRANGE[4], "Jalan <i>rusak</i> =1+1", "Teluk & <u>Lingga</u>"):
        assert "".join(words.split()) in text, words
    assert "alert(1)" in text
    assert reader.trailer["/Root"]["/MarkInfo"]["/Marked"]
    assert reader.trailer["/Root"]["/Lang"] == "en"
    assert "/JavaScript" not in str(reader.trailer["/Root"])
    assert reader.metadata is not None
    assert "April 2026" in (reader.metadata.title or "")

    sheets = load_workbook(io.BytesIO(book))
    cells = [cell for sheet in sheets for row in sheet.iter_rows() for cell in row if cell.value is not None]
    assert not [cell.value for cell in cells if cell.data_type == "f"]
    told = {cell.value for cell in cells if cell.data_type == "s"}
    assert {STRANGE[0], STRANGE[1], STRANGE[2], STRANGE[3], STRANGE[4], STRANGE[5]} <= told
    assert any(str(text).startswith("=cmd") for text in told)
