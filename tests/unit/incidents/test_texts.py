"""What people write, made fit to show."""

import pytest

from incidents.serializers import NewReportSerializer
from incidents.texts import clean_text, seen_length

FAMILY = "👨\u200d👩\u200d👧"


@pytest.mark.parametrize(
    ("typed", "one_line", "lines"),
    [
        ("Lubang\x00 be\x07sar", "Lubang besar", "Lubang besar"),
        ("satu\r\ndua\rtiga\u2028empat\tlima", "satu dua tiga empat lima", "satu\ndua\ntiga\nempat lima"),
        ("harga \u202e001\u202c \u2066x\u2069", "harga 001 x", "harga 001 x"),
        (FAMILY + " 🌧️ سلام ꦗꦮ", FAMILY + " 🌧️ سلام ꦗꦮ", FAMILY + " 🌧️ سلام ꦗꦮ"),
        ("\u200b" * 6, "", ""),
        ("\u3164\u2800\n", "", ""),
    ],
)
def test_text_loses_what_is_not_for_eyes(typed: str, one_line: str, lines: str) -> None:
    assert clean_text(typed) == one_line
    assert clean_text(typed, lines=True) == lines


def test_length_counts_what_is_seen() -> None:
    assert seen_length("a\u200b b\n\u00a0c\u2060") == 3


@pytest.mark.parametrize(
    ("title", "kept"),
    [
        ("Lubang\nbesar\u202e", "Lubang besar"),
        ("\u200b" * 6, None),
        ("a b c d", None),
        ("Lubang\x00 besar", None),
    ],
)
def test_api_takes_titles_as_the_form_does(title: str, kept: str | None) -> None:
    sent = {"lat": 0.5, "lon": 117.5, "category": "jalan-rusak", "kind": "laporan", "title": title}
    form = NewReportSerializer(data=sent | {"description": "Sudah dua\r\nminggu begini."})
    assert form.is_valid() == (kept is not None)
    if kept:
        assert form.validated_data["title"] == kept
        assert form.validated_data["description"] == "Sudah dua\nminggu begini."
    else:
        assert list(form.errors) == ["title"]
