"""Cells, spots, developments, rates and distances of real reports: exact counts, honest limits, who sees what."""

import csv
import datetime as dt
import html
import io
import itertools
import re
from collections import Counter
from typing import Any
from urllib.parse import urlencode

import numpy as np
import pytest
from django.contrib.gis.geos import Point
from django.core.management import call_command
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils.translation import gettext as _
from h3.api.basic_int import cell_to_parent

from accounts.models import Agency
from dashboards import concentration
from dashboards.cells import Drawing, classes
from dashboards.concentration import Concentration
from dashboards.hotspot_forms import VIEWS, HotspotForm
from dashboards.hotspots import FEWEST_MONTHS
from dashboards.questions import LEADERSHIP, PUBLIC, Audience, today_wita
from dashboards.study_area import study_area
from geo import hexagons
from geo.models import Kecamatan
from incidents import rollups
from incidents.models import Category, Report
from incidents.synthetic import make_reports
from layers.models import Layer
from tests.factories.accounts import make_coordinator, make_leader, make_officer, make_user

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("kutim")]
ENGLISH = {"Accept-Language": "en"}
PUBLIC_PAGE, LEADERS_PAGE, DESK_PAGE = "/dasbor/publik/titik-panas/", "/dasbor/titik-panas/", "/opd/peta/titik-panas/"


def of(query: str = "", audience: Audience = PUBLIC, today: dt.date | None = None) -> Concentration:
    form = HotspotForm(QueryDict(query), audience=audience)
    assert form.is_valid(), form.errors
    asked = form.asked(today)[0]
    area = study_area(asked.grid.name)
    assert area is not None
    return Concentration(asked, area)


def drawn(client: Client, query: str) -> dict[str, Any]:
    """Ask for what a map draws, and put on each cell and month its dress, as the script does."""
    answer: dict[str, Any] = client.get(f"{PUBLIC_PAGE}sel/?{query}", headers=ENGLISH).json()
    worn = {cell["dress"] for cell in answer["cells"]} | {place for row in answer["monthly"] for place in row}
    assert answer["dresses"][0] is None
    assert worn | {0} == set(range(len(answer["dresses"])))  # nothing is told that is not drawn
    for i, cell in enumerate(answer["cells"]):
        cell["step"], cell["sign"], cell["words"] = answer["dresses"][cell["dress"]]
        cell["months"] = [answer["dresses"][place] for place in answer["monthly"][i]] if answer["monthly"] else []
    return answer


def whole_months(reports: Any, con: Concentration) -> Any:
    first, last = con.question.since, con.question.until
    days = [(report, (report.created_at + dt.timedelta(hours=8)).date()) for report in reports]
    return [(report, day) for report, day in days if first <= day <= last]


@pytest.mark.parametrize("fold", [False, True])
@pytest.mark.parametrize("name", ["hex-5", "square-12"])
def test_cells_equal_a_recount_of_the_reports(fold: bool, name: str) -> None:
    make_reports(count=100, seed=4)
    if fold:
        rollups.fold_all()
    con = of(f"grid={name}")
    told = {int(cell): int(n) for cell, n in zip(con.area.cells, con.counts, strict=True) if n}
    told |= con.beyond
    known: Counter[int] = Counter()
    months: Counter[tuple[int, dt.date]] = Counter()
    for report, day in whole_months(Report.objects.public(), con):
        lon, lat = report.geom.coords
        if con.asked.grid.hexagonal:
            cell = cell_to_parent(hexagons.at(lon, lat), con.asked.grid.level)
        else:
            size = 2**con.asked.grid.level
            y = 0.5 - np.arcsinh(np.tan(np.radians(lat))) / (2 * np.pi)
            cell = int((lon / 360 + 0.5) * size) << 32 | int(y * size)
        known[cell] += 1
        months[cell, day.replace(day=1)] += 1
    assert told == dict(known)
    assert con.n == sum(known.values())
    for month, row in zip(con.months, con.monthly, strict=True):
        for cell, n in zip(con.area.cells, row, strict=True):
            assert n == months[int(cell), month]
    assert (con.monthly.sum(axis=0) == con.counts).all()
    by_months = of(f"grid={name}")
    by_months.read_months()
    assert (by_months.counts == con.counts).all()
    assert by_months.beyond == con.beyond


def report_at(lon: float, lat: float, day: dt.date, **fields: Any) -> Report:
    model = Report.objects.order_by("-pk").first()
    assert model is not None
    model.pk = None
    model.ticket = f"KT-26-{Report.objects.count() + 5_000_000}-X"
    model.geom = Point(lon, lat, srid=4326)
    model.created_at = dt.datetime.combine(day, dt.time(4), dt.UTC)
    model.confidential = False
    for name, value in fields.items():
        setattr(model, name, value)
    model.save()
    return model


def cluster(months: int, each: int) -> None:
    """Store reports at one place in each of the last months that are over; some more, one in a place, all over."""
    make_reports(count=1, seed=1)
    today = today_wita()
    for back in range(1, months + 1):
        day = (today.replace(day=1) - dt.timedelta(days=30 * back - 10)).replace(day=9)
        for _n in range(each):
            report_at(117.55, 0.52, day)


def test_a_cluster_is_hot_and_the_empty_cells_make_it_so() -> None:
    cluster(8, 7)
    con = of()
    assert con.enough
    assert con.hot
    assert con.hot[0].near >= 56
    assert con.hot[0].expected < 1
    assert con.cold == []
    assert 0 < len(con.hot) <= 19  # the cell, its ring, and theirs
    assert {spot.place.kecamatan for spot in con.hot} <= {
        "Sangatta Utara",
        "Sangatta Selatan",
        "Bengalon",
        "Teluk Pandan",
    }
    kinds = {row.kind for row in con.developments}
    assert kinds <= {"persistent", "consecutive", "sporadic", "historical", "new"}
    assert con.developments


def test_of_too_few_reports_nothing_is_told_but_counts() -> None:
    cluster(2, 10)
    con = of()
    assert con.counts.sum() < concentration.FEWEST_REPORTS
    assert not con.enough
    assert con.spots == con.developments == []
    page = Client().get(f"{PUBLIC_PAGE}?view=spots", headers=ENGLISH).content.decode()
    assert f"and {concentration.FEWEST_REPORTS} are needed" in page


def test_of_few_months_no_development_is_told() -> None:
    cluster(2, 26)
    since = (today_wita().replace(day=1) - dt.timedelta(days=60)).isoformat()
    con = of(f"since={since}")
    assert not con.enough_months
    assert set(con.kinds) == {""}
    page = Client().get(f"{PUBLIC_PAGE}?view=development&since={since}", headers=ENGLISH).content.decode()
    assert f"{FEWEST_MONTHS} are needed" in page


def test_the_current_month_takes_no_part_in_developments() -> None:
    con = of(today=dt.date(2026, 6, 17))
    assert con.months[-1] == dt.date(2026, 6, 1)
    assert len(con.months) == 12
    assert con.over == 11


def test_rates_stand_beside_the_raw_ones_for_each_kecamatan() -> None:
    make_reports(count=120, seed=2)
    con = of()
    rates = con.rates
    assert len(rates) == Kecamatan.objects.exclude(population=None).count()
    n = Counter(report.kecamatan.name for report, _day in whole_months(Report.objects.public(), con))
    whole = 1000 * sum(n[row.name] for row in rates) / sum(row.base for row in rates)
    for row in rates:
        assert row.n == n[row.name]
        assert row.raw == pytest.approx(1000 * row.n / row.base)
        assert min(row.raw, whole) - 1e-9 <= row.steadied <= max(row.raw, whole) + 1e-9
    assert [row.steadied for row in rates] == sorted((row.steadied for row in rates), reverse=True)


def test_desa_shares_are_of_open_reports() -> None:
    make_reports(count=120, seed=2)
    con = of()
    for row in con.late:
        assert 0 <= row.n <= row.base
        assert 0 <= row.raw <= 100
    late = sum(row.n for row in con.late)
    with_desa = Report.objects.public().overdue().exclude(desa=None)
    assert late == len(whole_months(with_desa, con))


def test_distances_are_those_of_postgis_for_every_cell() -> None:
    make_reports(count=80, seed=2)
    call_command("make_layers", count=60, seed=7, verbosity=0)
    layer = Layer.objects.get(slug="sintetis-sekolah")
    found = of("grid=hex-7").distances(layer)
    assert found is not None
    assert found.median is not None
    assert found.p90 is not None
    assert sum(band.n for band in found.bands) == found.n
    assert sum(band.share for band in found.bands) == pytest.approx(1)
    assert sum(band.land_share for band in found.bands) == pytest.approx(1)
    con = of("grid=hex-7")
    assert layer.current is not None
    km = concentration._distances(con.area, layer.current)
    assert km is not None
    with connection.cursor() as cursor:
        for i in range(0, len(km), 997):
            cursor.execute(
                "SELECT min(ST_Distance(geom::geography, ST_SetSRID(ST_MakePoint(%s, %s), 4326)::geography)) / 1000"
                " FROM layers_feature WHERE version_id = %s",
                [float(con.area.lon[i]), float(con.area.lat[i]), layer.current_id],
            )
            assert km[i] == pytest.approx(cursor.fetchone()[0], rel=2e-3)
    assert found.median == pytest.approx(np.quantile(np.repeat(km, con.counts), 0.5, method="inverted_cdf"), abs=1e-9)


def test_distances_to_too_many_points_or_too_late_are_not_told_but_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    call_command("make_layers", count=60, seed=7, verbosity=0)
    layer = Layer.objects.get(slug="sintetis-posyandu")
    con = of("grid=hex-5")
    with monkeypatch.context() as patch:
        patch.setattr(concentration, "POINTS_MAX", 0)
        assert con.distances(layer) is None
    with monkeypatch.context() as patch:
        patch.setattr(concentration, "POINTS_WITHIN_MS", 20)
        patch.setattr(concentration, "_POINTS", "SELECT pg_sleep(5), %s")
        assert con.distances(layer) is None
    assert con.distances(layer) is not None


def test_no_layer_but_public_ones_can_be_measured_to() -> None:
    call_command("make_layers", count=20, seed=7, verbosity=0)
    Layer.objects.filter(slug="sintetis-sekolah").update(access="agency")
    form = HotspotForm(QueryDict("facility=sintetis-sekolah"), audience=LEADERSHIP)
    assert not form.is_valid()
    assert "There is no public layer" in str(form.errors) or "sintetis-sekolah" in str(form.errors)


# Who sees what.


def test_the_public_never_counts_confidential_reports() -> None:
    cluster(8, 7)
    report_at(117.55, 0.52, today_wita(), confidential=True)
    assert of(audience=LEADERSHIP).n == of().n + 1
    agency = Report.objects.filter(confidential=True).values_list("agency", flat=True).get()
    assert of(audience=Audience("agency", (agency or 0,))).n == of().n + 1


def sensitive_cluster(n: int) -> Category:
    category = Category.objects.filter(sensitive=True, parent__isnull=False).first()
    assert category is not None
    make_reports(count=1, seed=1)
    for _n in range(n):
        report_at(117.55, 0.52, today_wita(), category=category)
    report_at(116.9, 0.9, today_wita(), category=category)
    return category


def test_of_a_sensitive_matter_the_public_sees_no_cell_under_five() -> None:
    category = sensitive_cluster(55)
    query = f"category={category.code}"
    client = Client()
    answer = drawn(client, query)
    assert [cell["words"] for cell in answer["cells"]] == ["reports: 55"]
    assert {month and month[2] for month in answer["cells"][0]["months"]} == {None, "reports: 55"}
    for view in VIEWS[1:]:
        assert client.get(f"{PUBLIC_PAGE}sel/?{query}&view={view}").json()["cells"] == []
    rows = list(csv.DictReader(io.StringIO(client.get(f"{PUBLIC_PAGE}sel.csv?{query}").content.decode())))
    assert [(row["n"], row["z"], row["n_near"], row["per_100km2"]) for row in rows] == [("55", "", "", "")]
    page = client.get(f"{PUBLIC_PAGE}?{query}", headers=ENGLISH).content.decode()
    assert "sensitive matter" in page
    assert 'id="rates"' not in page
    assert "cells touch land" not in page
    for view in ("spots", "development"):
        page = client.get(f"{PUBLIC_PAGE}?{query}&view={view}", headers=ENGLISH).content.decode()
        told = page.split('id="list"')[1].split("</section>")[0]
        assert "Not told for sensitive matters." in told
        for reason in ("fewer than", "stands out", "are needed"):
            assert reason not in told
    beside = client.get(f"{PUBLIC_PAGE}?with_category={category.code}", headers=ENGLISH).content.decode()
    assert 'id="rates"' not in beside
    assert of(query, LEADERSHIP).n == 56
    assert of(query, LEADERSHIP).enough


@pytest.mark.parametrize(
    ("make", "where"),
    [
        (make_leader, LEADERS_PAGE),
        (make_coordinator, LEADERS_PAGE),
        (make_officer, DESK_PAGE),
        (make_user, PUBLIC_PAGE),
    ],
)
def test_everybody_is_led_to_their_own_page_and_may_read_the_public_one(make: Any, where: str) -> None:
    client = Client()
    client.force_login(make())
    for page, part in itertools.product((LEADERS_PAGE, DESK_PAGE, PUBLIC_PAGE), ("", "sel/", "sel.csv")):
        response = client.get(f"{page}{part}?grid=hex-5")
        if page in (where, PUBLIC_PAGE):
            assert response.status_code == 200
            assert "no-store" in response["Cache-Control"]
        else:
            assert response.status_code == 302
            assert response["Location"] == f"{where}{part}?grid=hex-5"


def test_nobody_is_asked_to_sign_in_at_the_desk_and_sent_to_the_public_elsewhere(client: Client) -> None:
    assert client.get(DESK_PAGE)["Location"].startswith("/akun/login/")
    assert client.get(LEADERS_PAGE)["Location"] == PUBLIC_PAGE
    assert client.post(PUBLIC_PAGE).status_code == 405


def test_an_agency_sees_its_own_reports_only() -> None:
    make_reports(count=80, seed=3)
    mine = Agency.objects.get(code="dpu-pupr")
    other = Agency.objects.exclude(pk=mine.pk).filter(report__isnull=False).first()
    assert other is not None
    client = Client()
    client.force_login(make_officer(mine))
    rows = csv.DictReader(io.StringIO(client.get(f"{DESK_PAGE}sel.csv").content.decode()))
    con = of(audience=Audience("agency", (mine.pk,)))
    known = len(whole_months(Report.objects.filter(agency=mine), con))
    assert sum(int(row["n"]) for row in rows) + con.n_beyond == known > 0
    refused = client.get(f"{DESK_PAGE}?agency={other.code}", headers=ENGLISH)
    assert refused.status_code == 400
    assert "is not yours" in html.unescape(refused.content.decode())


# By URL.


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("since=kemarin", "Write the day as YYYY-MM-DD"),
        ("since=2026-05-01&until=2026-04-01", "ends before it begins"),
        ("with_since=2026-05-01&with_until=2026-04-01", "ends before it begins"),
        ("with_since=2026-05-01", "Give both days"),
        ("grid=triangle", "triangle"),
        ("view=beauty", "beauty"),
        ("view=beauty", "Map shows: "),
        ("side=c", "Which of two maps: "),
        ("bandwidth=7", "7"),
        ("facility=tiada", "There is no public layer “tiada”"),
        ("facility=%00", "Null characters are not allowed"),
        ("category=%00", "There is no"),
    ],
)
def test_a_wrong_question_says_what_to_mend(client: Client, query: str, words: str) -> None:
    response = client.get(f"{PUBLIC_PAGE}?{query}", headers=ENGLISH)
    assert response.status_code == 400
    assert words in html.unescape(response.content.decode())
    for part in ("sel/", "sel.csv"):
        assert client.get(f"{PUBLIC_PAGE}{part}?{query}").status_code == 400


def test_what_does_not_belong_here_is_named(client: Client) -> None:
    page = client.get(f"{PUBLIC_PAGE}?kecamatan=64.08.04&foo=1", headers=ENGLISH).content.decode()
    assert "left out: kecamatan, foo" in page
    wrong = client.get(f"{PUBLIC_PAGE}?since=x&foo=1", headers=ENGLISH).content.decode()
    assert "left out: foo" in wrong
    assert 'class="dash-frame"' in wrong
    evil = client.get(f"{PUBLIC_PAGE}?" + urlencode({"grid": '"><script>alert(1)</script>'}))
    assert "<script>alert" not in evil.content.decode()


def test_of_nothing_no_cold_spot_is_claimed_to_be_missing(client: Client) -> None:
    page = client.get(f"{PUBLIC_PAGE}?since=2150-01-01&view=spots", headers=ENGLISH).content.decode()
    assert "Not told: fewer than 50 reports." in page
    assert "stands out" not in page


@pytest.mark.parametrize("view", VIEWS)
def test_an_empty_system_has_every_view(client: Client, view: str) -> None:
    for more in ("", "&with_since=2025-01-01&with_until=2025-06-30", "&since=2150-01-01"):
        assert client.get(f"{PUBLIC_PAGE}?view={view}{more}").status_code == 200
        assert client.get(f"{PUBLIC_PAGE}sel/?view={view}{more}").json()["cells"] == []


def test_without_boundaries_the_page_says_so(client: Client) -> None:
    from geo.models import BoundaryEdition

    BoundaryEdition.objects.update(status="retired")
    assert "no study area" in client.get(PUBLIC_PAGE, headers=ENGLISH).content.decode()
    assert client.get(f"{PUBLIC_PAGE}sel/").json()["cells"] == []
    assert client.get(f"{PUBLIC_PAGE}sel.csv").status_code == 200


def test_two_maps_share_one_legend_and_the_table_has_the_differences(client: Client) -> None:
    make_reports(count=100, seed=5)
    query = "with_category=jalan-rusak"
    if not Category.objects.filter(code="jalan-rusak").exists():
        code = Category.objects.filter(parent__isnull=False, sensitive=False).values_list("code", flat=True)[0]
        query = f"with_category={code}"
    page = client.get(f"{PUBLIC_PAGE}?{query}", headers=ENGLISH).content.decode()
    assert page.count("data-map") == 2
    assert page.count("importmap") == 1
    one, two = (drawn(client, query + side) for side in ("", "&side=b"))
    step: dict[str, str] = {}
    for cell in one["cells"] + two["cells"]:
        assert step.setdefault(cell["words"], cell["step"]) == cell["step"]
    assert sum(int(cell["words"].split(": ")[1]) for cell in one["cells"]) == of().n
    assert len(two["cells"]) < len(one["cells"])


def test_the_map_tells_what_the_table_tells(client: Client) -> None:
    cluster(8, 7)
    answer = drawn(client, "view=spots")
    page = client.get(f"{PUBLIC_PAGE}?view=spots", headers=ENGLISH).content.decode()
    con = of()
    told = [cell for cell in answer["cells"] if cell["step"] != "even"]
    assert len(told) == len(con.spots)
    assert page.count('<tr><th scope="row">') >= len(con.spots)
    assert {cell["sign"] for cell in told} <= {"▲", "△"}
    assert len(answer["months"]) == len(con.months)
    assert all(len(cell["months"]) == len(con.months) for cell in answer["cells"])


def test_csv_has_every_cell_with_its_zeros(client: Client) -> None:
    cluster(8, 7)
    con = of()
    response = client.get(f"{PUBLIC_PAGE}sel.csv")
    assert re.search(r'filename="titik-panas_hex-6_[\d-]+_[\d-]+\.csv"', response["Content-Disposition"])
    rows = list(csv.DictReader(io.StringIO(response.content.decode())))
    assert len(rows) == len(con.counts)
    assert [int(row["n"]) for row in rows] == con.counts.tolist()
    np.testing.assert_allclose([float(row["z"]) for row in rows], con.gi.z, rtol=1e-8)
    assert {row["spot"] for row in rows} >= {"hot_1pct", ""}


@pytest.mark.parametrize("view", ["counts", "development"])
def test_queries_do_not_grow_with_the_cells(client: Client, view: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as made:
            assert client.get(f"{PUBLIC_PAGE}?view={view}").status_code == 200
        return len(made)

    make_reports(count=20, seed=1)
    queries()
    few = queries()
    make_reports(count=80, seed=2)
    assert queries() <= few + 1 <= 18


def numbers(first: int, last: int) -> str:
    return _("%(first)s to %(last)s") % {"first": first, "last": last}


def test_classes_are_whole_and_in_order() -> None:
    found = classes(np.array([1, 1, 1, 1, 2, 2, 3, 5, 9, 40]))
    assert found.upper == (1.0, 3.0, 9.0, 40.0)
    assert [str(mark.label) for mark in found.marks][::3] == ["1", numbers(10, 40)]
    assert [mark.token for mark in found.marks] == ["scale-1", "scale-2", "scale-4", "scale-5"]
    assert classes(np.array([], dtype=np.int64)).marks == ()
    assert len(classes(np.array([7, 7])).marks) == 1
    assert Drawing("counts", of()).legend == []
