from typing import Any

import pytest

from geo.errors import Area
from geo.locate import Location
from geo.signals import edition_previewed
from tests.factories.incidents import make_kecamatan, make_report

pytestmark = pytest.mark.django_db


def place(code: str) -> Location:
    return Location(Area(1, code, code), None, (), False, 0.0, 1, "indicative")


def test_preview_counts_reports_that_would_move_and_those_outside() -> None:
    make_report(kecamatan=make_kecamatan("64.08.04"), place=(117.5, 0.5))
    make_report(kecamatan=make_kecamatan("64.08.04"), place=(117.6, 0.5))
    make_report(kecamatan=make_kecamatan("64.08.04"), place=(117.7, 0.5))
    candidate = {117.5: place("64.08.04"), 117.6: place("64.08.12"), 117.7: None}

    def locate_many(points: Any) -> list[Location | None]:
        return [candidate[lon] for lon, _lat in points]

    sentences = [text for _receiver, text in edition_previewed.send(None, edition=None, locate_many=locate_many)]
    assert len(sentences) == 1
    assert [word for word in sentences[0].split() if word.isdigit()] == ["1", "3", "1"]
