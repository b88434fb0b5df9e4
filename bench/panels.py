"""What the dashboards show, one panel at a time: our answer to a question, and the same counted from the reports.

panels(people, tiles) -> Panel("totals", answer, direct), ...    each function behind a section of a page, and tiles
pages(facility)       -> [Page("/dasbor/", "leader"), ...]       what browsers ask for, and as whom
"""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AnonymousUser
from django.http import QueryDict

from accounts.models import User
from dashboards import numbers, service
from dashboards.cells import Drawing
from dashboards.concentration import Asked, Concentration, facilities
from dashboards.data import DataScreen
from dashboards.hotspot_forms import COUNTS, DEVELOPMENT, SMOOTH, SPOTS
from dashboards.planner_maps import Screen, count_of, page_of
from dashboards.planner_questions import Asked as Planned
from dashboards.planner_questions import PlannerForm, Scope, scope_of
from dashboards.questions import LEADERSHIP, PUBLIC, Audience, Question, QuestionForm, today_wita
from dashboards.study_area import FIRST_GRID, GRIDS, StudyArea, study_area
from geo import hexagons
from geo.tiles import WORLD_M, Tile
from incidents.rollups import HEAT_LEVELS, RESOLUTIONS
from incidents.tiles import report_tile

SEVERAL = "kecamatan=64.08.04&kecamatan=64.08.03&kecamatan=64.08.12&agency=dpu-pupr&agency=dlh"
"""Three kecamatan and two agencies."""
ONE = "64.08.04"

# What a panel answers, counted from the reports themselves. {only} are the question's conditions on a report.
RECEIVED = "{only} AND r.created_at >= %(since)s AND r.created_at < %(until)s"
STANDING = """
    count(*), count(*) FILTER (WHERE r.status IN ('received', 'routed', 'in_progress', 'on_hold', 'reopened')),
    count(*) FILTER (WHERE r.status IN ('received', 'routed', 'in_progress', 'reopened')
                     AND r.resolve_due_at < %(today)s),
    count(*) FILTER (WHERE r.answered_at <= r.resolve_due_at), count(*) FILTER (WHERE r.answered_at > r.resolve_due_at)
"""
QUANTILES = "percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY r.answered_at - r.created_at)"
REPORTS = "FROM incidents_report r"
STEPS = """
    FROM incidents_reportevent e JOIN incidents_report r ON r.id = e.report_id
    WHERE {only} AND e.created_at >= %(since)s AND e.created_at < %(until)s
"""
WENT = "date_trunc('%s', coalesce(r.answered_at, r.closed_at) AT TIME ZONE 'Asia/Makassar')"
CAME = "date_trunc('%s', r.created_at AT TIME ZONE 'Asia/Makassar')"
DIRECT = {
    "totals": f"SELECT {STANDING}, {QUANTILES} {REPORTS} WHERE {RECEIVED}",
    "by_kecamatan": f"SELECT r.kecamatan_id, {STANDING}, {QUANTILES} {REPORTS} WHERE {RECEIVED} GROUP BY 1",
    "by_desa": f"SELECT r.desa_id, {STANDING} {REPORTS} WHERE {RECEIVED} GROUP BY 1",
    "trend": f"SELECT {CAME % 'week'}, count(*) {REPORTS}"
    " WHERE {only} AND r.created_at >= %(before)s AND r.created_at < %(until)s GROUP BY 1",
    "top_categories": f"SELECT r.category_id, {STANDING} {REPORTS} WHERE {RECEIVED} GROUP BY 1",
    "by_agency": f"SELECT r.agency_id, {STANDING}, {QUANTILES} {REPORTS} WHERE {RECEIVED} GROUP BY 1",
    "flow": f"SELECT {CAME % 'month'}, {WENT % 'month'}, count(*) {REPORTS} WHERE {{only}} GROUP BY 1, 2",
    "changes": f"SELECT r.kecamatan_id, r.category_id, {CAME % 'day'}, count(*) {REPORTS}"
    " WHERE {only} AND r.created_at >= %(weeks)s GROUP BY 1, 2, 3",
    "broken_promises": f"SELECT r.ticket, r.resolve_due_at {REPORTS} WHERE {RECEIVED}"
    " AND r.status IN ('received', 'routed', 'in_progress', 'reopened') AND r.resolve_due_at < %(today)s"
    " ORDER BY r.resolve_due_at, r.id LIMIT 10",
    "recorded": f"SELECT count(*) {STEPS} AND e.type = 'received'",
    "states": """
        SELECT step.from_status, percentile_cont(ARRAY[0.5, 0.9]) WITHIN GROUP (ORDER BY step.took) FROM (
            SELECT e.from_status, e.report_id, e.created_at,
                   e.created_at - lag(e.created_at) OVER (PARTITION BY e.report_id ORDER BY e.id) AS took
            FROM incidents_reportevent e WHERE e.from_status <> e.to_status OR e.type = 'handed_over'
        ) AS step JOIN incidents_report r ON r.id = step.report_id
        WHERE {only} AND step.created_at >= %(since)s AND step.created_at < %(until)s GROUP BY 1
    """,
    "handovers": f"SELECT e.agency_id, count(*) {STEPS} AND e.type = 'handed_over' GROUP BY 1",
    "reopened": f"SELECT e.type, count(*) {STEPS} AND e.type IN ('answered', 'reopened') GROUP BY 1",
    "forecast": f"SELECT {CAME % 'week'}, {WENT % 'week'}, count(*) {REPORTS} WHERE {{only}} GROUP BY 1, 2",
}
BY = {"agency": "by_agency", "kecamatan": "by_kecamatan", "category": "top_categories"}
CELLS = f"SELECT {{cell}}, count(*) {REPORTS} WHERE {RECEIVED} GROUP BY 1"
CELLS_MONTHLY = f"SELECT {{cell}}, {CAME % 'month'}, count(*) {REPORTS} WHERE {RECEIVED} GROUP BY 1, 2"


@dataclass(frozen=True)
class Panel:
    """A section of a page. `direct` are a statement that counts the same from the reports, and its parameters."""

    name: str
    answer: Callable[[], Any]
    direct: tuple[str, dict[str, Any]] | None = None


@dataclass(frozen=True)
class Page:
    """A page, or what its map asks for, and as whom it is asked for: "" nobody signed in, leader or officer."""

    path: str
    who: str = ""

    @property
    def is_data(self) -> bool:
        """Whether it is what one map draws, and no page of many panels."""
        return "/sel" in self.path or self.path.startswith("/api/")


def pages(facility: str) -> list[Page]:
    """Return what is asked for over HTTP; `facility` is a layer's slug."""
    public = [
        "/dasbor/publik/", f"/dasbor/publik/?kecamatan={ONE}", f"/dasbor/publik/?{SEVERAL}",
        "/api/v1/areas/kecamatan/?simplify=200", "/dasbor/layanan/", "/dasbor/layanan/?by=kecamatan",
        "/dasbor/layanan/?by=category", f"/dasbor/layanan/?{SEVERAL}", "/dasbor/data/", "/dasbor/laporan-bulanan/",
        "/jejak/", "/dasbor/publik/titik-panas/", f"/dasbor/publik/titik-panas/?facility={facility}",
    ]  # fmt: skip
    views = [
        f"view={view}&grid={grid}" for view in (COUNTS, SPOTS, DEVELOPMENT, SMOOTH) for grid in ("hex-6", "square-14")
    ]
    public += [f"/dasbor/publik/titik-panas/?{view}" for view in views]
    public += [f"/dasbor/publik/titik-panas/sel/?{view}" for view in views]
    leader = ["/dasbor/", "/dasbor/?measure=overdue", f"/dasbor/?{SEVERAL}", "/dasbor/titik-panas/?view=spots"]
    officer = [
        "/opd/peta/", f"/opd/peta/?kecamatan={ONE}&shape=squares&size=4", "/opd/peta/?shape=smooth&standing=overdue",
        "/opd/peta/?shape=kecamatan&measure=per_1000", "/opd/peta/sel.json", "/opd/peta/sel.json?size=4",
        "/opd/peta/sel.json?shape=squares&size=4&standing=overdue", f"/opd/peta/laporan/?kecamatan={ONE}",
        "/opd/peta/titik-panas/?view=spots", "/dasbor/layanan/",
    ]  # fmt: skip
    return [
        *(Page(path) for path in public),
        *(Page(path, "leader") for path in leader),
        *(Page(path, "officer") for path in officer),
    ]


def panels(people: dict[str, User], tiles: dict[int, tuple[int, int]]) -> Iterator[Panel]:
    """Yield every panel; `tiles` are the busiest ones by zoom. No count is read before a panel is called."""
    for name, query, audience in (
        ("", "", PUBLIC),
        (", three kecamatan and two agencies", SEVERAL, LEADERSHIP),
        (", 100 days", _hundred_days(), LEADERSHIP),
    ):
        yield from _figures(name, _question(query, audience))
    yield from _planners("planner, ", people["leader"])
    yield from _planners("planner of one agency, ", people["officer"])
    question = _question("", PUBLIC)
    for grid in GRIDS:
        yield from _concentration(grid, question)
    yield from _areas_and_distances(question)
    yield Panel("data", _data)
    for zoom, (x, y) in tiles.items():
        tile = Tile(zoom, x, y)
        yield Panel(f"busiest tile of reports, z{zoom}", lambda tile=tile: report_tile(tile))


def _figures(suffix: str, question: Question) -> Iterator[Panel]:
    """Yield the panels of /dasbor/ and /dasbor/layanan/ for one question."""
    inside = question if question.kecamatan else _question(f"kecamatan={ONE}", question.audience)
    functions: dict[str, Callable[[], Any]] = {
        "totals": lambda: numbers.totals(question),
        "by_kecamatan": lambda: numbers.by_kecamatan(question),
        "by_desa": lambda: numbers.by_desa(inside),
        "trend": lambda: numbers.trend(question, numbers.WEEK),
        "top_categories": lambda: numbers.top_categories(question),
        "by_agency": lambda: numbers.by_agency(question),
        "flow": lambda: numbers.flow(question),
        "changes": lambda: numbers.changes(question),
        "broken_promises": lambda: numbers.broken_promises(question),
        "recorded": lambda: service.recorded(question),
        "states": lambda: service.states(question),
        "handovers": lambda: service.handovers(question),
        "reopened": lambda: service.reopened(question),
        "forecast": lambda: service.forecast(question),
    }
    for name, function in functions.items():
        asked = inside if name == "by_desa" else question
        yield Panel(f"{name}{suffix}", function, _direct(DIRECT[name], asked))
    for by in service.PARTS:
        yield Panel(
            f"service by {by}{suffix}", lambda by=by: service.service(question, by), _direct(DIRECT[BY[by]], question)
        )
    for level in HEAT_LEVELS:
        yield Panel(f"heat, level {level}{suffix}", lambda level=level: numbers.heat(question, level),
                    _direct(CELLS, question, _square(level)))  # fmt: skip


def _planners(prefix: str, user: User) -> Iterator[Panel]:
    """Yield the parts of /opd/peta/: cells of each size and shape, areas, and lists."""
    scope = scope_of(user)
    for size, level, resolution in zip("1234", HEAT_LEVELS, RESOLUTIONS, strict=True):
        for shape, cell in (("hexagons", hexagons.parent_sql("r.hexagon", resolution)), ("squares", _square(level))):
            asked = _planned(f"shape={shape}&size={size}", scope)
            yield Panel(f"{prefix}{shape} of size {size}", lambda asked=asked: Screen(asked).as_json(),
                        _direct(CELLS, asked.question, cell))  # fmt: skip
    for standing in ("open", "overdue"):
        asked = _planned(f"size=4&standing={standing}", scope)
        yield Panel(f"{prefix}hexagons of size 4, {standing}", lambda asked=asked: Screen(asked).as_json())
    asked = _planned("", scope)
    yield Panel(f"{prefix}table of cells", lambda: Screen(asked).rows)
    rates = _planned("shape=kecamatan&measure=per_1000", scope)
    yield Panel(f"{prefix}kecamatan", lambda: Screen(rates).kecamatan, _direct(DIRECT["by_kecamatan"], rates.question))
    inside = _planned(f"kecamatan={ONE}", scope)
    yield Panel(f"{prefix}desa", lambda: Screen(inside).desa, _direct(DIRECT["by_desa"], inside.question))
    for name, query in (("a kecamatan", f"kecamatan={ONE}"), ("all", ""), ("overdue", "standing=overdue")):
        listed = _planned(query, scope)
        yield Panel(f"{prefix}list of {name}", lambda listed=listed: _listed(listed, user))


def _concentration(name: str, question: Question) -> Iterator[Panel]:
    """Yield the sections of a page about cells, for one kind of cells. Each begins anew, as each request does."""
    grid = GRIDS[name]
    asked = Asked(question, grid, 10)
    cell = hexagons.parent_sql("r.hexagon", grid.level) if grid.hexagonal else _square(grid.level)
    direct = {"counts": CELLS, "development": CELLS_MONTHLY}
    for view in (COUNTS, SPOTS, DEVELOPMENT, SMOOTH):
        yield Panel(
            f"hot spots, {name}, {view}",
            lambda view=view: Drawing(view, con := Concentration(asked, _area(name))).as_json(con),
            _direct(direct[view], asked.months, cell) if view in direct else None,
        )


def _areas_and_distances(question: Question) -> Iterator[Panel]:
    asked = Asked(question, GRIDS[FIRST_GRID], 10)

    def con() -> Concentration:
        return Concentration(asked, _area(FIRST_GRID))

    yield Panel("hot spots, steadied rates of kecamatan", lambda: con().rates,
                _direct(DIRECT["by_kecamatan"], asked.months))  # fmt: skip
    yield Panel("hot spots, steadied shares of desa", lambda: con().late, _direct(DIRECT["by_desa"], asked.months))
    layer = facilities().first()
    if layer is None:
        raise SystemExit("there is no public layer of points to measure distances from")
    yield Panel("hot spots, distances to the nearest facility", lambda: con().distances(layer))


def _data() -> None:
    screen = DataScreen(AnonymousUser())
    for section in ("rows", "agencies", "totals", "late", "most_used", "asked", "searched"):
        getattr(screen, section)


def _listed(asked: Planned, user: User) -> None:
    page_of(asked, user, None, limit=25)
    count_of(asked, user)


def _area(name: str) -> StudyArea:
    area = study_area(name)
    if area is None:
        raise SystemExit("no boundary edition is in use")
    return area


def _question(query: str, audience: Audience) -> Question:
    form = QuestionForm(QueryDict(query))
    if not form.is_valid():
        raise SystemExit(f"{query}: {form.errors}")
    return form.question(audience=audience)


def _planned(query: str, scope: Scope) -> Planned:
    form = PlannerForm(QueryDict(query), scope=scope)
    if not form.is_valid():
        raise SystemExit(f"{query}: {form.errors}")
    return form.asked()


def _hundred_days() -> str:
    """Return a period with cut months at both ends."""
    until = today_wita().replace(day=1) - dt.timedelta(days=12)
    return f"since={until - dt.timedelta(days=99)}&until={until}"


def _square(level: int) -> str:
    """Return SQL for the cell of the quadtree in which a report lies."""
    edge = WORLD_M / (1 << level)
    return f"floor(ST_X(r.geom_3857) / {edge})::bigint << 32 | floor(-ST_Y(r.geom_3857) / {edge})::bigint"


def _direct(sql: str, question: Question, cell: str = "") -> tuple[str, dict[str, Any]]:
    """Return the statement and its parameters for a question: of whole days in WITA."""
    selection, only = question.selection(), ["TRUE"]
    params: dict[str, Any] = {
        "since": question.since, "until": question.until + dt.timedelta(days=1), "today": question.today,
        "before": question.since - dt.timedelta(days=364),
        "weeks": question.today - dt.timedelta(days=7 * (numbers.WEEKS_BEFORE + 1)),
    }  # fmt: skip
    for column, values in (("kecamatan", selection.kecamatan), ("agency", selection.agencies)):
        if values:
            only.append(f"r.{column}_id = ANY(%({column})s)")
            params[column] = list(values)
    if selection.confidential_of == ():
        only.append("NOT r.confidential")
    elif selection.confidential_of is not None:
        only.append("(NOT r.confidential OR r.agency_id = ANY(%(own)s))")
        params["own"] = list(selection.confidential_of)
    return sql.format(only=" AND ".join(only), cell=cell), params
