import gzip
import threading
from typing import Any

import pytest
import shapely
from django.core.handlers.wsgi import WSGIHandler
from django.db import connection, transaction
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from config import kept_answers
from config.kept_answers import KeptAnswers
from geo.tiles import Tile
from incidents.models import Report
from layers import usage
from layers.models import Layer, LayerUse
from tests.factories.accounts import make_agency
from tests.factories.layers import make_layer
from tests.factories.map_reports import SANGATTA, Place
from tests.unit.incidents.test_tiles import features, tile_at

pytestmark = pytest.mark.django_db(transaction=True)


class Reader:
    """Asks the whole site as a web server does."""

    def __init__(self) -> None:
        self.site = KeptAnswers(WSGIHandler())
        self.status = ""
        self.headers: dict[str, str] = {}

    def ask(self, path: str, method: str = "GET", **headers: str) -> bytes:
        def start(status: str, headers: list[tuple[str, str]], *_more: Any) -> None:
            self.status, self.headers = status, dict(headers)

        answer = self.site(RequestFactory(headers=headers).generic(method, path).environ, start)
        return b"".join(answer)

    def queries(self, path: str, **headers: str) -> list[str]:
        with CaptureQueriesContext(connection) as queries:
            self.ask(path, **headers)
        return [query["sql"] for query in queries]


@pytest.fixture
def reader() -> Reader:
    return Reader()


@pytest.fixture
def _quiet_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Name the snapshot as if no other test used the cluster at the same time; the statement is sent all the same."""
    look = kept_answers.snapshot
    monkeypatch.setattr(kept_answers, "snapshot", lambda: look() and "quiet")


quiet = pytest.mark.usefixtures("_quiet_cluster")


def path_of(tile: Tile, query: str = "") -> str:
    return f"/tiles/reports/{tile}.mvt{query}"


def test_kept_answer_is_never_older_than_the_last_commit(reader: Reader) -> None:
    place = Place()
    place.report()
    path = path_of(tile_at(*SANGATTA, 8))

    def shown() -> int:
        return sum(feature["n"] for feature in features(reader.ask(path)))

    assert [shown(), shown(), shown()] == [1, 1, 1]
    begun, commit = threading.Event(), threading.Event()

    def write() -> None:
        with transaction.atomic():
            place.report()
            begun.set()
            commit.wait(10)
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    begun.wait(10)
    assert [shown(), shown(), shown()] == [1, 1, 1]
    commit.set()
    writer.join()
    assert shown() == 2
    Report.objects.all().delete()
    assert reader.ask(path) == b""
    assert reader.status == "204 No Content"


@quiet
def test_kept_answer_is_the_first_one_to_the_letter_and_takes_one_look_at_the_snapshot(reader: Reader) -> None:
    Place().report()
    path = path_of(tile_at(*SANGATTA, 9))
    said = []
    for _ in range(3):
        body = reader.ask(path)
        said.append((reader.status, reader.headers, body))
    assert said[0] == said[1] == said[2]
    assert reader.headers["Content-Security-Policy"]
    assert reader.headers["Cache-Control"].startswith("public")
    (query,) = reader.queries(f"{path}?v=7")
    assert "pg_current_snapshot" in query


@quiet
def test_kept_answer_is_packed_only_for_those_who_take_it(reader: Reader) -> None:
    place = Place()
    for n in range(60):
        place.report(SANGATTA[0] + n / 50_000, SANGATTA[1] + n / 70_000)
    path = path_of(tile_at(*SANGATTA, 14))
    for _ in range(3):
        packed = reader.ask(path, accept_encoding="gzip, br")
        assert reader.headers["Content-Encoding"] == "gzip"
        plain = reader.ask(path, accept_encoding="gzip;q=0")
        assert "Content-Encoding" not in reader.headers
        assert gzip.decompress(packed) == plain


@quiet
def test_kept_answer_is_not_sent_again_to_who_has_it(reader: Reader) -> None:
    Place().report()
    path = path_of(tile_at(*SANGATTA, 9))
    reader.ask(path)
    etag = reader.headers["ETag"]
    for _ in range(3):
        assert reader.ask(path, if_none_match=etag) == b""
        assert reader.status == "304 Not Modified"
        assert reader.headers["ETag"] == etag
        assert "Content-Type" not in reader.headers
        assert reader.ask(path, if_none_match='W/"another"') != b""


@pytest.mark.parametrize(
    ("query", "headers"),
    [("?overdue=1", {}), ("?%6Fverdue=1", {}), ("?q=pasar%20baru", {}), ("", {"X-API-Key": "kp_no_such_key"})],
    ids=["by the clock", "by the clock, written otherwise", "escaped", "with a key"],
)
def test_answers_that_may_differ_are_not_kept(reader: Reader, query: str, headers: dict[str, str]) -> None:
    Place().report()
    path = path_of(tile_at(*SANGATTA, 9), query)
    for _ in range(3):
        assert not any("pg_current_snapshot" in sql for sql in reader.queries(path, **headers))
    assert reader.site.kept.answers == {}


@quiet
def test_refusals_are_not_kept(reader: Reader) -> None:
    for path in ("/tiles/reports/6/99/0.mvt", "/tiles/reports/a/1/1.mvt", "/tiles/reports/6/51/31.mvt?tiada=1"):
        for _ in range(3):
            reader.ask(path)
            assert reader.status[:3] in {"400", "404"}
    assert reader.site.kept.answers == {}


@quiet
def test_other_methods_and_addresses_go_the_long_way(reader: Reader) -> None:
    Place().report()
    path = path_of(tile_at(*SANGATTA, 9))
    for _ in range(3):
        reader.ask(path, "HEAD")
        assert reader.status.startswith("200")
        reader.ask(path, "POST")
        assert reader.status.startswith("405")
        reader.ask("/healthz/")
        assert reader.status.startswith("200")
    assert reader.site.kept.answers == {}


@quiet
def test_answers_to_many_questions_are_not_kept_without_end(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_answers, "KEPT_BYTES", 15_000)
    tile = tile_at(*SANGATTA, 9)
    Place()
    for number in range(30):
        reader.ask(path_of(tile, f"?q=tidak-ada-{number}"))
    kept = len(reader.site.kept.answers)
    assert 1 <= kept <= 11
    for stamp in range(3):  # the stamp of a page makes no answer of its own
        reader.ask(path_of(tile, f"?q=tidak-ada&v={stamp}"))
    assert len(reader.site.kept.answers) <= kept + 1


@quiet
def test_nothing_is_kept_while_the_database_does_not_answer(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    Place().report()
    path = path_of(tile_at(*SANGATTA, 9))
    for _ in range(2):
        reader.ask(path)
    assert reader.site.kept.answers
    monkeypatch.setitem(connection.settings_dict, "PORT", "1")
    connection.close()
    reader.ask(path)
    assert reader.status.startswith("503")


@quiet
def test_tiles_of_a_public_layer_are_kept_and_still_counted(reader: Reader, monkeypatch: pytest.MonkeyPatch) -> None:
    layer = make_layer("sumur", [(shapely.Point(*SANGATTA), {"nama": "Sumur"})], make_agency("dlh"))
    path = f"/tiles/sumur/{tile_at(*SANGATTA, 14)}.mvt"
    bodies = {reader.ask(path) for _ in range(3)}
    assert len(bodies) == 1
    assert b"Sumur" in bodies.pop()
    (query,) = reader.queries(path)
    assert "pg_current_snapshot" in query
    usage.flush()
    assert LayerUse.objects.get(layer=layer, kind=LayerUse.Kind.TILES).n == 4
    monkeypatch.undo()
    Layer.objects.update(access="agency")
    for _ in range(3):
        reader.ask(path)
        assert reader.status.startswith("404")


@pytest.mark.parametrize("cookie", ["sessionid=abc", "bahasa=en; sessionid=abc"])
def test_tiles_for_somebody_with_a_session_go_the_long_way(reader: Reader, cookie: str) -> None:
    make_layer("sumur", [(shapely.Point(*SANGATTA), {"nama": "Sumur"})], make_agency("dlh"))
    path = f"/tiles/sumur/{tile_at(*SANGATTA, 14)}.mvt"
    for _ in range(3):
        assert not any("pg_current_snapshot" in sql for sql in reader.queries(path, cookie=cookie))
    assert reader.site.kept.answers == {}
