"""Synthetic reports for demonstrations, benchmarks and tests: many, plausible, and always labelled as synthetic.

The spread over desa follows the kecamatan's population; within a desa, hamlets lie 0.3 to 4 km around its point with a
heavy tail, and reports close around hamlets. Time has a daily and a weekly rhythm and grows over 24 months. The same
count, seed, areas and `now` give the same reports (but for the ticket numbers, which continue the sequence), whether
they are stored in batches beside other work or in bulk (incidents/synthetic_bulk.py).
"""

import datetime as dt
import io
import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Agency
from geo import hexagons
from geo.locate import Location, locate_many
from geo.models import Desa
from incidents import clock, move_counts, rollups, tickets
from incidents.models import Category, Report, RoutingRule
from incidents.models.reports import Status
from incidents.moves import passed_on
from incidents.routing import Route, choose, explain
from incidents.synthetic_texts import (
    ANSWERS,
    HANDINGS,
    HOLDS,
    OBJECTIONS,
    OTHER,
    PLACES,
    REJECTIONS,
    SINCE,
    TEXTS,
    THANKS,
    WISHES,
)
from incidents.workflow import NOT_AUTHORITY, REJECTION_REASONS

BATCH = 50_000
EVENTS_FOR = 20_000
"""In larger sets, only this many of the newest reports get their events: the others show no timeline."""
MONTHS = 24
GROWTH = 3.0
"""How many times as many reports arrive at the end of the months as at their beginning."""

M_PER_DEGREE = 111_320.0  # along a meridian; at 0 to 2 degrees north also along a parallel, within 0.1 %
HAMLET_NEAR_M, HAMLET_FAR_M = 300.0, 4_000.0

HOURS = (1, 1, 1, 1, 2, 4, 8, 12, 14, 14, 13, 11, 8, 9, 10, 10, 9, 8, 8, 9, 9, 7, 4, 2)
"""How busy each hour of the day in WITA is."""
WEEKDAYS = (1.15, 1.1, 1.05, 1.05, 0.9, 0.85, 0.8)

POPULAR = {
    "jalan-rusak": 14,
    "penerangan-jalan": 7,
    "sampah": 7,
    "air-bersih": 8,
    "banjir": 4,
    "drainase": 4,
    "listrik": 4,
    "kependudukan": 4,
    "internet": 4,
    "jalan-lingkungan": 3,
    "pasar": 3,
    "puskesmas": 3,
    "pencemaran": 3,
    "jembatan": 2,
    "bansos": 2,
    "kekerasan": 0.3,
    "pungli": 0.4,
}
"""How often a category comes, against 1 for all others."""

UNROUTED_DAYS, UNROUTED_EVERY = 12, 12
"""Of the reports of the last days, each twelfth waits for the coordinator: its category has no rule of its own."""

HANDED_OVER, BOUNCED = 0.055, 0.2
"""Of all reports so many are handed over to another agency; and of those, so many are handed back."""

DAYS_TO_ANSWER = {"information": 3.0, "desk": 9.0, "field": 24.0}
"""The median, by handling; the spread is log-normal."""

REPORT_COLUMNS = [
    *("id", "ticket", "body_digest", "kind", "category_id", "title", "description", "occurred_at", "anonymous"),
    *("confidential", "channel", "language", "geom", "hexagon", "place_source", "accuracy_m"),
    *("kecamatan_id", "desa_id"),
    *("near_border", "edition_id", "agency_id", "rule_id", "reason_id", "reason_en", "status", "created_at"),
    *("changed_at", "verify_due_at", "respond_due_at", "resolve_due_at", "verified_at", "responded_at"),
    *("answered_at", "closed_at", "held_at", "held_until"),
]
_EVENT_COLUMNS = [
    *("report_id", "type", "from_status", "to_status", "by_reporter", "agency_id", "text", "public", "data"),
    "created_at",
]

Progress = Callable[[int], Any]


@dataclass(frozen=True)
class Life:
    """What became of a report by now: its status, the moments of its row, and its events."""

    status: str
    moments: dict[str, Any]
    events: list[tuple[str, str, str, bool, str, dict[str, Any], dt.datetime, int | None]]
    """(type, from, to, by the reporter, text, data, when, id of the agency)"""
    handed_to: Agency | None = None
    """The agency that has it now, if it was handed over."""

    @property
    def changed_at(self) -> dt.datetime:
        return self.events[-1][-2]


def make_reports(
    *, count: int, seed: int, now: dt.datetime | None = None, progress: Progress = lambda _made: None
) -> int:
    """Store `count` synthetic reports that arrived in the 24 months before `now`; return how many.

    Needs areas, an active boundary edition, categories, standards and rules (`manage.py prepare`). Raises LookupError
    when they are missing. Each batch is one transaction; counts on the map are folded as it goes.
    """
    writer = Writer(count=count, seed=seed, now=now or timezone.now())
    for batch in batches(count):
        with transaction.atomic():
            with connection.cursor() as cursor:
                # Unset, each firing of a trigger raises and catches an exception in pgtrigger itself: three times the
                # work.
                cursor.execute("SET LOCAL pgtrigger.ignore = '{}'")
            store(writer.write(batch, *reserve(len(batch))))
        rollups.fold_all()
        move_counts.fold_all()
        progress(batch.stop)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE incidents_report, incidents_reportevent, incidents_reportcell")
    return count


def batches(count: int) -> Iterator[range]:
    """Yield the places of `count` reports in runs of at most `BATCH`."""
    for start in range(0, count, BATCH):
        yield range(start, min(start + BATCH, count))


@dataclass(frozen=True)
class Written:
    """Rows of reports and of their events, in the text format of COPY."""

    reports: str
    events: str


def store(written: Written) -> None:
    """Copy rows into their tables, in the transaction that is going on."""
    for table, columns, rows in (
        ("incidents_report", REPORT_COLUMNS, written.reports),
        ("incidents_reportevent", _EVENT_COLUMNS, written.events),
    ):
        with connection.cursor() as cursor:
            cursor.cursor.copy_expert(f"COPY {table} ({', '.join(columns)}) FROM STDIN", io.StringIO(rows))


class Writer:
    """Writes the reports of a set, batch by batch, each by dice of its own; only reads the database."""

    def __init__(self, *, count: int, seed: int, now: dt.datetime) -> None:
        self.count, self.seed, self.now = count, seed, now
        self.categories = list(Category.objects.filter(active=True, parent__isnull=False).order_by("code"))
        desa = list(Desa.objects.select_related("kecamatan").order_by("code"))
        if not self.categories or not desa:
            raise LookupError("There are no areas or categories yet. Run manage.py prepare first.")
        chance = np.random.default_rng(seed)
        self.spread = _Spread(desa, chance)
        self.times = _times(count, now, chance)
        self.routes = _Routes(self.categories)

    def write(self, batch: range, ids: Sequence[int], numbers: Sequence[int]) -> Written:
        """Return the rows of a batch, with these ids and ticket numbers."""
        chance = np.random.default_rng([self.seed, batch.start])
        size, categories, routes, now = len(batch), self.categories, self.routes, self.now
        weights = np.array([POPULAR.get(category.code, 1.0) for category in categories])
        chosen = chance.choice(len(categories), size, p=weights / weights.sum())
        points, places = self.spread.draw(size, chance)
        rows, events = io.StringIO(), io.StringIO()
        for i, dice in enumerate(chance.random((size, 16)).tolist()):
            category, place = categories[chosen[i]], places[i]
            created = dt.datetime.fromtimestamp(self.times[batch[i]], dt.UTC)
            recent = created > now - dt.timedelta(days=UNROUTED_DAYS)
            if recent and (self.count - batch[i]) % UNROUTED_EVERY == 1:
                category = routes.without_rule[int(dice[6] * len(routes.without_rule))]
                route = explain(category, place, None)
            else:
                route = routes.route(category, place)
            due = routes.due(created, category)
            others = routes.others(place, route.agency) if route.agency else []
            life = _life(created, now, category, route, others, routes.addressees, dice)
            holder = life.handed_to or route.agency
            reason = {"reason_id": route.reason_id, "reason_en": route.reason_en}
            reason |= passed_on(life.handed_to) if life.handed_to else {}
            title, description = _words(category, dice)
            source = "tap" if dice[0] < 0.5 else "device" if dice[0] < 0.85 else "search" if dice[0] < 0.93 else "area"
            row = {
                "id": ids[i],
                "ticket": tickets.make(year=created.astimezone(clock.WITA).year, number=numbers[i]),
                "body_digest": "",
                "kind": category.kind if dice[1] < 0.85 else "keluhan" if dice[1] < 0.93 else "saran",
                "category_id": category.pk,
                "title": title,
                "description": description,
                "occurred_at": created - dt.timedelta(hours=dice[2] * 40) if dice[2] < 0.4 else None,
                "anonymous": dice[3] < 0.15,
                "confidential": category.sensitive or dice[3] > 0.985,
                "channel": Report.Channel.SYNTHETIC.value,
                "language": "id",
                "geom": f"SRID=4326;POINT({points[i][0]:.6f} {points[i][1]:.6f})",
                "hexagon": hexagons.at(*points[i]),
                "place_source": source,
                "accuracy_m": round(5 + 60 * dice[4] ** 3, 1) if source == "device" else None,
                "kecamatan_id": place.kecamatan.id,
                "desa_id": place.desa.id if place.desa else None,
                "near_border": json.dumps([asdict(border) for border in place.near_border]),
                "edition_id": place.edition_id,
                "agency_id": holder.pk if holder else None,
                "rule_id": route.rule.pk if route.rule and not life.handed_to else None,
                **reason,
                "status": life.status,
                "created_at": created,
                "changed_at": life.changed_at,
                "verify_due_at": due.verify,
                "respond_due_at": due.respond,
                "resolve_due_at": due.resolve,
                **life.moments,
            }
            _write(rows, (row[name] for name in REPORT_COLUMNS))
            if batch[i] >= self.count - EVENTS_FOR:
                for kind, before, after, by_reporter, text, data, when, agency in life.events:
                    values = ids[i], kind, before, after, by_reporter, agency, text, True, json.dumps(data), when
                    _write(events, values)
        return Written(rows.getvalue(), events.getvalue())


class _Spread:
    """Where reports lie: desa by population, hamlets around the desa's point, reports around hamlets."""

    def __init__(self, desa: list[Desa], chance: np.random.Generator) -> None:
        villages = Counter(row.kecamatan_id for row in desa)
        uneven = chance.lognormal(0.0, 0.7, len(desa))
        share = np.array([(row.kecamatan.population or 10_000) / villages[row.kecamatan_id] for row in desa]) * uneven
        lon, lat, weight = [], [], []
        for row, part in zip(desa, share / share.sum(), strict=True):
            hamlets = int(chance.integers(3, 12))
            distance = np.minimum(HAMLET_NEAR_M * (1 + chance.pareto(1.2, hamlets)), HAMLET_FAR_M)
            distance[0] = 0.0
            angle = chance.uniform(0, 2 * np.pi, hamlets)
            lon.append(row.point.x + distance * np.cos(angle) / M_PER_DEGREE)
            lat.append(row.point.y + distance * np.sin(angle) / M_PER_DEGREE)
            rank = 1.0 / np.arange(1, hamlets + 1)
            weight.append(part * rank / rank.sum())
        self.lon, self.lat, self.weight = np.concatenate(lon), np.concatenate(lat), np.concatenate(weight)
        centres = locate_many(zip(self.lon.tolist(), self.lat.tolist(), strict=True))
        inside = np.array([centre is not None and not centre.coastal for centre in centres])
        self.lon, self.lat, self.weight = self.lon[inside], self.lat[inside], self.weight[inside]
        self.weight /= self.weight.sum()

    def draw(self, size: int, chance: np.random.Generator) -> tuple[list[tuple[float, float]], list[Location]]:
        """Return `size` points (lon, lat) inside the regency, and where each lies."""
        hamlet = chance.choice(len(self.weight), size, p=self.weight)
        distance = np.minimum(chance.lognormal(np.log(160.0), 0.9, size), HAMLET_FAR_M)
        angle = chance.uniform(0, 2 * np.pi, size)
        points: list[tuple[float, float]] = [(0.0, 0.0)] * size
        places: list[Location | None] = [None] * size
        missing = np.arange(size)
        for shrunk in (1.0, 0.5, 0.1, 0.0):
            east, north = np.cos(angle[missing]), np.sin(angle[missing])
            reach = distance[missing] * shrunk / M_PER_DEGREE
            drawn = [
                (round(float(x), 6), round(float(y), 6))
                for x, y in zip(
                    self.lon[hamlet[missing]] + reach * east, self.lat[hamlet[missing]] + reach * north, strict=True
                )
            ]
            for i, point, place in zip(missing, drawn, locate_many(drawn), strict=True):
                points[i], places[i] = point, place
            missing = np.array([i for i in missing if places[i] is None], dtype=int)
            if not len(missing):
                break
        return points, [place for place in places if place is not None]


class _Routes:
    """Routes and due dates, each worked out once for all reports that share them."""

    def __init__(self, categories: list[Category]) -> None:
        bodies = Agency.objects.filter(active=True, kind=Agency.Kind.EXTERNAL).order_by("code")
        self.addressees: list[dict[str, str]] = [{"code": body.code, "name": body.name} for body in bodies]
        self.addressees.append({"name": "Pemerintah Provinsi Kalimantan Timur"})
        ruled = set(RoutingRule.objects.filter(active=True).values_list("category", flat=True))
        self.without_rule = [one for one in categories if not {one.pk, one.parent_id} & ruled] or categories
        rules = RoutingRule.objects.filter(active=True).select_related("agency").order_by("pk")
        self.offices = {rule.kecamatan_id: rule.agency for rule in rules if rule.category_id is None}
        self.busy = [agency for agency, _n in Counter(rule.agency for rule in rules if rule.category_id).most_common(6)]
        self.rules: dict[tuple[int, int], RoutingRule | None] = {}
        self.plain: dict[tuple[int, int], Route] = {}
        self.promised: dict[tuple[dt.date, str], clock.Due] = {}

    def route(self, category: Category, place: Location) -> Route:
        """Return the route as intake would choose it."""
        key = category.pk, place.kecamatan.id
        if key not in self.rules:
            self.rules[key] = choose(category.code, place.kecamatan.id)[1]
        if place.near_border or place.coastal:
            return explain(category, place, self.rules[key])
        if key not in self.plain:
            self.plain[key] = explain(category, place, self.rules[key])
        return self.plain[key]

    def others(self, place: Location, agency: Agency) -> list[Agency]:
        """Return to whom `agency` may hand a report over: the office of its kecamatan, and the busiest agencies."""
        office = self.offices.get(place.kecamatan.id)
        return [one for one in (*([office] * 3 if office else []), *self.busy) if one != agency]

    def due(self, created: dt.datetime, category: Category) -> clock.Due:
        """Return the promised dates; they depend on the day in WITA alone."""
        key = created.astimezone(clock.WITA).date(), category.handling
        if key not in self.promised:
            self.promised[key] = clock.promise(created, category.handling)
        return self.promised[key]


def _times(count: int, now: dt.datetime, chance: np.random.Generator) -> np.ndarray:
    """Return `count` moments of the last 24 months in order, as seconds since 1970."""
    today = now.astimezone(clock.WITA).date()
    days = [today - dt.timedelta(days=n) for n in range(MONTHS * 365 // 12, -1, -1)]
    weight = np.array([WEEKDAYS[day.weekday()] for day in days]) * GROWTH ** np.linspace(0, 1, len(days))
    weight *= chance.lognormal(0.0, 0.2, len(days))  # storms, quiet days
    weight[-1] *= 0.3  # today is not over
    day = chance.choice(len(days), count, p=weight / weight.sum())
    hours = np.array(HOURS) / sum(HOURS)
    second = chance.choice(24, count, p=hours) * 3_600 + chance.integers(0, 3_600, count)
    earliest = dt.datetime.combine(days[0], dt.time(), clock.WITA)
    at = np.sort(
        np.minimum(day * 86_400.0 + second, (now - earliest).total_seconds() - 60 * (1 + chance.random(count)))
    )
    return at + earliest.timestamp()


def _life(
    created: dt.datetime,
    now: dt.datetime,
    category: Category,
    route: Route,
    others: Sequence[Agency],
    addressees: Sequence[dict[str, str]],
    dice: Sequence[float],
) -> Life:
    """Let a report live from `created` to `now`, as the workflow allows."""
    events: list[tuple[str, str, str, bool, str, dict[str, Any], dt.datetime, int | None]] = []
    holder: Agency | None = None
    moments: dict[str, Any] = dict.fromkeys(
        ("verified_at", "responded_at", "answered_at", "closed_at", "held_at", "held_until")
    )
    status = ""

    def step(
        kind: str,
        to: str,
        when: dt.datetime,
        text: str = "",
        *,
        reporter: bool = False,
        data: dict[str, Any] | None = None,
    ) -> bool:
        nonlocal status
        if when > now:
            return False
        events.append((kind, status, to, reporter, text, data or {}, when, holder.pk if holder else None))
        status = to
        return True

    def spread(median: float, at: int, sigma: float = 0.8) -> float:
        """A log-normal number of days from one of the dice."""
        z = math.log(max(dice[at], 1e-9) / max(1 - dice[at], 1e-9)) / 1.702  # logistic, close to the normal quantile
        return median * math.exp(sigma * z)

    def life() -> Life:
        handed = any(event[0] == "handed_over" for event in events)
        return Life(status, moments, events, holder if handed else None)

    step("received", Status.RECEIVED, created, reporter=True)
    if route.agency is None:
        return life()
    holder = route.agency
    reason = {"reason_id": route.reason_id, "reason_en": route.reason_en, "rule": route.rule.pk if route.rule else None}
    step("routed", Status.ROUTED, created, data=reason)
    moments["verified_at"] = created
    when = created
    if others and dice[6] > 1 - HANDED_OVER:
        path = [others[int(dice[7] * len(others))], *([route.agency] if dice[8] < BOUNCED else [])]
        for place, taker in enumerate(path):
            when += dt.timedelta(days=spread(1.5, (9, 4)[place]))
            before, holder = holder, taker
            if not step("handed_over", Status.ROUTED, when, _pick(HANDINGS, dice[15])):
                holder = before
                return life()
    when += dt.timedelta(days=spread(1.2, 5))
    if dice[6] < 0.04:
        code = list(REJECTION_REASONS)[int(dice[7] * len(REJECTION_REASONS))]
        data: dict[str, Any] = {"reason_code": code}
        if code == NOT_AUTHORITY:
            data["addressee"] = addressees[int(dice[8] * len(addressees))]
        if step("rejected", Status.REJECTED, when, REJECTIONS[code], data=data):
            moments |= {"responded_at": when, "closed_at": when}
        return life()
    if not step("taken", Status.IN_PROGRESS, when):
        return life()
    moments["responded_at"] = when
    if dice[6] < 0.08:
        held = when + dt.timedelta(days=spread(2, 7))
        until = (held + dt.timedelta(days=10 + 60 * dice[8])).astimezone(clock.WITA).date()
        if step("held", Status.ON_HOLD, held, _pick(HOLDS, dice[9]), data={"until": until.isoformat()}):
            when = dt.datetime.combine(until, dt.time(1), dt.UTC)
            if not step("resumed", Status.IN_PROGRESS, when):
                moments |= {"held_at": held, "held_until": until}
                return life()
    slow = 5.0 if dice[11] < 0.06 else 1.0
    when += dt.timedelta(days=slow * spread(DAYS_TO_ANSWER[category.handling], 10))
    done = {"no_photo_reason": "Laporan contoh tanpa foto."}
    if not step("answered", Status.ANSWERED, when, _pick(ANSWERS, dice[9]), data=done):
        return life()
    moments["answered_at"] = when
    if dice[12] < 0.05:
        if step("reopened", Status.REOPENED, when + dt.timedelta(days=2), _pick(OBJECTIONS, dice[13]), reporter=True):
            moments["answered_at"] = None
        when += dt.timedelta(days=2 + spread(15, 11))
        if not step("answered", Status.ANSWERED, when, _pick(ANSWERS, dice[15]), data=done):
            return life()
        moments["answered_at"] = when
    closed = when + dt.timedelta(days=spread(2, 14)) if dice[12] < 0.45 else when + dt.timedelta(days=14)
    if dice[12] < 0.45:
        ended = step("confirmed", Status.CLOSED, closed, _pick(THANKS, dice[15]), reporter=True)
    else:
        ended = step("closed_silent", Status.CLOSED, closed)
    if ended:
        moments["closed_at"] = closed
    return life()


def _words(category: Category, dice: Sequence[float]) -> tuple[str, str]:
    titles, openings = TEXTS.get(category.code, OTHER)
    title = _pick(titles, dice[13]).format(place=_pick(PLACES, dice[14]))
    return title, f"{_pick(openings, dice[15])} {_pick(SINCE, dice[9])} {_pick(WISHES, dice[8])}"


def _pick(options: Sequence[str], share: float) -> str:
    return options[int(share * len(options))]


def reserve(size: int) -> tuple[list[int], list[int]]:
    """Take `size` ids and ticket numbers from their sequences."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT nextval(pg_get_serial_sequence('incidents_report', 'id')), nextval('incidents_ticket_sequence')
            FROM generate_series(1, %s)
            """,
            [size],
        )
        ids, numbers = zip(*cursor.fetchall(), strict=True)
    return list(ids), list(numbers)


def _write(lines: io.StringIO, values: Iterator[Any] | Sequence[Any]) -> None:
    """Write one row in the text format of COPY."""
    lines.write("\t".join(_text(value) for value in values) + "\n")


def _text(value: Any) -> str:
    if value is None:
        return r"\N"
    if isinstance(value, str):
        return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")
    if value is True or value is False:
        return "t" if value else "f"
    return value.isoformat() if isinstance(value, dt.date) else str(value)
