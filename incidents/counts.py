"""Reading the counts that the database keeps (incidents/rollups.py): exact, stored rows plus what is not folded yet.

    counted(selection, by=["kecamatan"])         -> [{"kecamatan": 3, "n": 40, "routed": 12, ..., "open": 15}, ...]
    overdue(selection, by=["kecamatan"])         -> {(3,): 4, ...}
    durations(selection, "resolve", by=["agency"]) -> {(7,): {bucket: n, ...}, ...}
    squares(selection, level=12, standing="open")  -> [(cell, n), ...]
    hexes(selection, resolution=7)                 -> [(cell, n), ...]
    squares_monthly, hexes_monthly                 -> the same by month, as arrays

A period is put together from whole months and the weeks and days at its ends, so that reading a year costs what a
month's rows cost twelve times, however many reports they count. Areas, categories and agencies are row ids.
"""

import datetime as dt
import math
from collections.abc import Collection, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from django.db import connection

from geo.hexagons import parent_sql
from incidents.rollups import (
    AS_MEASURES,
    ENDED_MEASURES,
    FINEST_CELL,
    HEAT_LEVELS,
    HEAT_MEASURES,
    HEAT_STORED,
    HEXAGONS_STORED,
    MEASURES,
    RESOLUTIONS,
    coarser_cell,
)

DAY = dt.timedelta(days=1)
_LONG = {"w": 7 * DAY, "d": DAY}
OPEN = ("received", "routed", "in_progress", "on_hold", "reopened")
BUCKET_LOG = 0.2
"""Bucket k holds durations of e^(0.2 (k - 1)) to e^(0.2 k) hours, 0 those up to one hour (incidents migration 0030)."""
QUANTILE_ERROR = math.tanh(BUCKET_LOG / 2)
"""A quantile is right within this share of its value, 10 %; or within an hour, where it is below one."""


@dataclass(frozen=True)
class Selection:
    """Which reports are counted: received from `first` to `last` (days in WITA); empty tuples mean all.

    `confidential_of`: None counts confidential reports, too; else only those of these agencies. `today` tells what is
    overdue, and that no report can have come later.
    """

    first: dt.date
    last: dt.date
    today: dt.date
    kecamatan: tuple[int, ...] = ()
    desa: tuple[int, ...] = ()
    categories: tuple[int, ...] = ()
    agencies: tuple[int, ...] = ()
    channels: tuple[str, ...] = ()
    confidential_of: tuple[int, ...] | None = ()

    @property
    def last_month_is_whole(self) -> bool:
        """Whether nothing can lie between `last` and the end of its month."""
        return self.last >= self.today or (self.last + DAY).day == 1

    def conditions(self, *, desa: bool = True, agency: str = "agency") -> tuple[str, dict[str, Any]]:
        """Return the conditions on columns that stored rows and deltas share, as SQL and its parameters.

        `agency` is SQL for that column: as an expression no index is searched for it.
        """
        parts = ["TRUE"]
        params: dict[str, Any] = {}
        for column, values in (
            ("kecamatan", self.kecamatan),
            ("desa", self.desa if desa else ()),
            ("category", self.categories),
            ("agency", self.agencies),
            ("channel", self.channels),
        ):
            if values:
                parts.append(f"{agency if column == 'agency' else column} = ANY(%({column}s)s)")
                params[f"{column}s"] = list(values)
        if self.confidential_of == ():
            parts.append("NOT confidential")
        elif self.confidential_of is not None:
            parts.append("(NOT confidential OR agency = ANY(%(own)s))")
            params["own"] = list(self.confidential_of)
        return " AND ".join(parts), params


@dataclass(frozen=True)
class Piece:
    """A run of whole months (`span` m), of weeks (w) or of days (d), from `first` to `last`."""

    span: str
    first: dt.date
    last: dt.date

    @property
    def starts(self) -> list[dt.date]:
        """The first days of its months, weeks or days."""
        found = [self.first]
        while (following := _next_month(found[-1]) if self.span == "m" else found[-1] + _LONG[self.span]) <= self.last:
            found.append(following)
        return found


def pieces(selection: Selection, *, weeks: bool = False) -> Iterator[Piece]:
    """Yield the days before the first whole month, the whole months, and the days after the last.

    With `weeks`, whole weeks among those days come as weeks; they are kept for kecamatan only.
    """
    first, last = selection.first, selection.last
    start = first if first.day == 1 else _next_month(first)
    end = _next_month(last) if selection.last_month_is_whole else last.replace(day=1)
    if start >= end:
        yield from _days(first, last, weeks)
        return
    yield from _days(first, start - DAY, weeks)
    yield Piece("m", start, end - DAY)
    yield from _days(end, last, weeks)


def _days(first: dt.date, last: dt.date, weeks: bool) -> Iterator[Piece]:
    """Yield the days from `first` to `last`, whole weeks as such if wanted."""
    start = first + DAY * (-first.weekday() % 7)
    end = last + DAY - DAY * (last + DAY).weekday()
    if not weeks or start >= end:
        if first <= last:
            yield Piece("d", first, last)
        return
    yield from _days(first, start - DAY, False)
    yield Piece("w", start, end - DAY)
    yield from _days(end, last, False)


def counted(selection: Selection, by: Sequence[str] = (), measures: Sequence[str] = MEASURES) -> list[dict[str, Any]]:
    """Return `measures` of ReportCount, and `open` if its parts are among them, for each value of the columns `by`.

    Columns are kecamatan, desa, category, agency, channel, and one of day, week and month: its first day. `n` counts
    what was received in the period; `ended` what ended in it, whenever it was received.
    """
    columns = ["start" if name in _SPANS else name for name in by]
    rows, params = _rows_counted(selection, by, measures)
    sums = ", ".join(f"coalesce(sum({measure}), 0)::int" for measure in measures)
    sql = f"SELECT {''.join(f'{column}, ' for column in columns)}{sums} FROM ({rows}) AS counts"  # noqa: S608
    if columns:
        sql += f" GROUP BY {', '.join(columns)}"
    found = []
    for values in _run(sql, params):
        row = dict(zip((*by, *measures), values, strict=True))
        if row.keys() >= {*OPEN}:
            row["open"] = sum(row[status] for status in OPEN)
        found.append(row)
    return found


def received_daily(selection: Selection) -> dict[str, list[tuple[int, dt.date, int]]]:
    """Return (row id, day, n) by "kecamatan" and by "category", read in one go."""
    found: dict[str, list[tuple[int, dt.date, int]]] = {"kecamatan": [], "category": []}
    parts = []
    for kind in found:
        rows, params = _rows_counted(selection, [kind, "day"], ["n"])
        parts.append(
            f"SELECT '{kind}', {kind}, start, sum(n)::int FROM ({rows}) AS counts GROUP BY 2, 3 HAVING sum(n) > 0"  # noqa: S608
        )
    for kind, pk, day, n in _run(" UNION ALL ".join(parts), params):
        found[kind].append((pk, day, n))
    return found


CUTS = {"kecamatan": {"kecamatan", "desa"}, "agency": {"agency"}, "category": {"category"}}
"""What the rows of each cut tell apart, besides those of all; the narrowest first."""
CUTS_OF_DURATIONS = CUTS | {"pair": {"kecamatan", "agency"}}


def _cut(params: Collection[str], by: Sequence[str], cuts: Mapping[str, Set[str]] = CUTS) -> str:
    """Return the narrowest rows that tell the columns `by` and those of the conditions whose parameters these are."""
    used = {column for column in ("kecamatan", "desa", "category", "agency", "channel") if f"{column}s" in params}
    used |= {column for column in by if column not in _SPANS} | ({"agency"} if "own" in params else set())
    return next((cut for cut, told in cuts.items() if used <= told), "all")


_SPANS = {"day": "d", "week": "w", "month": "m"}
_SHARED = "kecamatan, desa, category, agency, channel, confidential"


def _rows_counted(selection: Selection, by: Sequence[str], measures: Sequence[str]) -> tuple[str, dict[str, Any]]:
    """Return the SELECT of all rows and deltas of the period, with the first day of the step in `by` as `start`."""
    where, params = selection.conditions()
    step, each_desa = next((name for name in by if name in _SPANS), None), "desa" in by
    cut = _cut(params, by)
    of_desa = bool(selection.desa) or each_desa
    area = "TRUE" if selection.desa else "desa <> 0" if each_desa else "desa = 0"
    read = list(_steps(selection, _SPANS[step], of_desa) if step else pieces(selection, weeks=not of_desa))
    names = f"kecamatan, desa, category, agency, channel, {', '.join(measures)}"
    rows = []
    for i, piece in enumerate(read):
        params |= {f"first{i}": piece.first, f"last{i}": piece.last, f"starts{i}": piece.starts}
        # Behind one desa, or none, the index has starts and then kecamatan, each of which would be looked for in all of
        # a range. Behind all desa it would look for each start anew.
        within = "BETWEEN %(first{i})s AND %(last{i})s" if area == "desa <> 0" else "= ANY(%(starts{i})s)"
        start = "start" if step and _SPANS[step] == piece.span else _truncated("start", step)
        rows.append(
            f"SELECT {start} AS start, {names} FROM incidents_reportcount"  # noqa: S608
            f" WHERE cut = '{cut}' AND span = '{piece.span}' AND start {within.format(i=i)} AND {area} AND {where}"
        )
    params |= {"first": selection.first, "last": max((piece.last for piece in read), default=selection.last)}
    rows.append(
        f"SELECT {_truncated('day', step)}, {names} FROM"  # noqa: S608
        f" (SELECT {_SHARED}, day, {AS_MEASURES} FROM incidents_reportcelldelta) AS delta"
        f" WHERE day BETWEEN %(first)s AND %(last)s AND {where}"
    )
    if "ended" in measures:
        rows.append(
            f"SELECT {_truncated('ended_on', step)}, {names} FROM"  # noqa: S608
            f" (SELECT {_SHARED}, ended AS ended_on, {ENDED_MEASURES} FROM incidents_reportcelldelta) AS delta"
            f" WHERE ended_on BETWEEN %(first)s AND %(last)s AND {where}"
        )
    return " UNION ALL ".join(rows), params


def overdue(selection: Selection, by: Sequence[str] = ()) -> dict[tuple[Any, ...], int]:
    """Return how many of the period's reports are owed, by a day before `today`, for each value of the columns `by`.

    Those are `Report.objects.overdue()`: open and not on hold. Promised days end at midnight in WITA, so the day tells.
    """
    where, params = selection.conditions()
    cut = _cut(params, by)
    area = "TRUE" if selection.desa else "desa <> 0" if "desa" in by else "desa = 0"
    params |= {
        "today": selection.today,
        "this_month": selection.today.replace(day=1),
        "first": selection.first,
        "last": selection.last,
    }
    rows = []
    for i, piece in enumerate(pieces(selection)):
        params |= {f"first{i}": piece.first, f"last{i}": piece.last}
        params["last"] = max(params["last"], piece.last)
        received = f"start BETWEEN %(first{i})s AND %(last{i})s"
        dues = {"m": "due < %(this_month)s", "d": "due < %(today)s"}
        if piece.span == "m":  # months that are over, and the days of this one
            dues["d"] = "due >= %(this_month)s AND due < %(today)s"
        else:
            del dues["m"]
        rows += [
            f"SELECT kecamatan, desa, category, agency, channel, n FROM incidents_duecount"  # noqa: S608
            f" WHERE cut = '{cut}' AND span = '{span}' AND {due} AND {received} AND {area} AND {where}"
            for span, due in dues.items()
        ]
    rows.append(
        "SELECT kecamatan, desa, category, agency, channel, n FROM incidents_reportcelldelta"  # noqa: S608
        f" WHERE due < %(today)s AND day BETWEEN %(first)s AND %(last)s AND {where}"
    )
    keys = "".join(f"{column}, " for column in by)
    sql = f"SELECT {keys}coalesce(sum(n), 0)::int FROM ({' UNION ALL '.join(rows)}) AS counts"  # noqa: S608
    if by:
        sql += f" GROUP BY {', '.join(by)}"
    return {tuple(values): n for *values, n in _run(sql, params)}


STEPS = {"verify": "verified", "respond": "responded", "resolve": "resolved"}
"""The steps whose durations are kept, and the columns of deltas that carry them."""


def durations(selection: Selection, step: str, by: Sequence[str] = ()) -> dict[tuple[Any, ...], dict[int, int]]:
    """Return a histogram for each value of the columns `by` (kecamatan, category, agency): how many took each bucket.

    `step` is verify, respond or resolve. Of the whole months that the period touches; desa play no part.
    """
    return {key[1:]: histogram for key, histogram in _durations(selection, [step], by).items()}


def all_durations(selection: Selection) -> dict[str, dict[int, int]]:
    """Return the histogram of each step, read in one go."""
    found = _durations(selection, list(STEPS), ())
    return {step: found.get((step,), {}) for step in STEPS}


def _durations(selection: Selection, steps: Sequence[str], by: Sequence[str]) -> dict[tuple[Any, ...], dict[int, int]]:
    cut = _cut(selection.conditions(desa=False)[1], by, CUTS_OF_DURATIONS)
    where, params = selection.conditions(desa=False, agency="(agency + 0)" if cut == "all" else "agency")
    params |= {
        "steps": list(steps),
        "cut": cut,
        "first": selection.first.replace(day=1),
        "last": _next_month(selection.last) - DAY,
    }
    params["months"] = Piece("m", params["first"], params["last"]).starts
    # Categories come before months and areas in the index: unless they are named, all of it would be read.
    named = "TRUE" if cut in {"all", "category"} else "category = 0"
    if cut == "all" and selection.kecamatan and not selection.categories:
        named = "category = ANY(ARRAY(SELECT id::int FROM incidents_category))"
    keys = ", ".join(("step", *by))
    took = ", ".join(f"('{step}', {STEPS[step]})" for step in steps)
    sql = f"""
        SELECT {keys}, bucket, sum(n)::int FROM (
            SELECT step, kecamatan, category, agency, bucket, n FROM incidents_durationcount
            WHERE cut = %(cut)s AND step = ANY(%(steps)s) AND month = ANY(%(months)s) AND {named} AND {where}
            UNION ALL
            SELECT took.step, kecamatan, category, agency, took.bucket, n FROM incidents_reportcelldelta
            CROSS JOIN LATERAL (VALUES {took}) AS took (step, bucket)
            WHERE took.bucket IS NOT NULL AND day BETWEEN %(first)s AND %(last)s AND {where}
        ) AS counts GROUP BY {keys}, bucket HAVING sum(n) > 0
    """  # noqa: S608 - names of ours only
    found: dict[tuple[Any, ...], dict[int, int]] = {}
    for *values, bucket, n in _run(sql, params):
        found.setdefault(tuple(values), {})[bucket] = n
    return found


def quantile_hours(histogram: dict[int, int], share: float) -> float | None:
    """Return the hours below which `share` (0 to 1) of a histogram lies, within `QUANTILE_ERROR`; None of an empty one.

    The smallest value that at least `share` of all do not exceed, as PostgreSQL's percentile_disc gives it.
    """
    total = sum(histogram.values())
    seen = 0
    for bucket in sorted(histogram):
        seen += histogram[bucket]
        if seen >= share * total:
            return bucket_hours(bucket)
    return None


def bucket_hours(bucket: int) -> float:
    """Return the hours that stand for a bucket: those whose largest relative error is the least."""
    return 0.5 if bucket == 0 else math.exp(BUCKET_LOG * bucket) * (1 - QUANTILE_ERROR)


STANDINGS = (*HEAT_MEASURES, "open", "overdue")
"""What cells can be asked for: all that were received (n), a status, those open, those overdue as of `today`."""


def squares(selection: Selection, level: int, standing: str = "n") -> list[tuple[int, int]]:
    """Return (cell, n) of the quadtree's cells of `level` (11 to 14) with such reports, of whole months.

    A cell is x * 2^32 + y. Reports count by where they stand now (`STANDINGS`). Channels play no part. "overdue" reads
    as many rows as are overdue; the others as many as there are cells, months and desa.
    """
    return _run(*_cells(selection, _quadtree(level), standing, "at", "ORDER BY at"))


def squares_monthly(selection: Selection, level: int, standing: str = "n") -> "CellMonths":
    """Return the counts of cells and months, as `squares` counts."""
    return _cells_monthly(selection, _quadtree(level), standing)


def hexes(selection: Selection, resolution: int, standing: str = "n") -> list[tuple[int, int]]:
    """Return (cell, n) of the hexagons of H3 of `resolution` (5 to 8) with such reports, as `squares` counts.

    Cells are H3 indexes as numbers (geo/hexagons.py).
    """
    return _run(*_cells(selection, _h3(resolution), standing, "at", "ORDER BY at"))


def hexes_monthly(selection: Selection, resolution: int, standing: str = "n") -> "CellMonths":
    """Return the counts of cells and months, as `hexes` counts."""
    return _cells_monthly(selection, _h3(resolution), standing)


@dataclass(frozen=True)
class CellMonths:
    """Arrays of equal length: the cell, the first day of the month (datetime64[D]) and n above 0; in no order."""

    cell: npt.NDArray[np.int64]
    month: npt.NDArray[np.datetime64]
    n: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Grid:
    """Where the cells of a level or resolution are read."""

    stored: int
    """The level of HeatCount."""
    coarser: str
    """SQL for the cell asked for of HeatCount's `cell`; of deltas and HeatDue's rows in the next two."""
    of_delta: str
    of_due: str


def _quadtree(level: int) -> _Grid:
    if level not in HEAT_LEVELS:
        raise ValueError(f"level {level}; heat cells have levels {HEAT_LEVELS[0]} to {HEAT_LEVELS[-1]}")
    stored = min(one for one in HEAT_STORED if one >= level)
    return _Grid(
        stored, coarser_cell("cell", level, stored), coarser_cell(FINEST_CELL, level), coarser_cell("cell", level)
    )


def _h3(resolution: int) -> _Grid:
    if resolution not in RESOLUTIONS:
        raise ValueError(f"resolution {resolution}; hexagons have {RESOLUTIONS[0]} to {RESOLUTIONS[-1]}")
    stored = min(one for one in HEXAGONS_STORED if one >= resolution)
    coarser = parent_sql("hexagon", resolution)
    return _Grid(stored, "cell" if stored == resolution else parent_sql("cell", resolution), coarser, coarser)


_CELL_MONTH = np.dtype([("cell", ">i8"), ("month", ">i4"), ("n", ">i4")])
_FIRST_DAY = np.datetime64("2000-01-01", "D")  # PostgreSQL's


def _cells_monthly(selection: Selection, grid: _Grid, standing: str) -> CellMonths:
    """Read tens of thousands of numbers in one piece: psycopg2 takes a microsecond for each one of a row."""
    sql, params = _cells(selection, grid, standing, "at, month")
    packed = "string_agg(int8send(at) || date_send(month) || int4send(n), ''::bytea)"
    ((found,),) = _run(f"SELECT {packed} FROM ({sql}) AS cells", params)  # noqa: S608 - names of ours only
    rows = np.frombuffer(found or b"", dtype=_CELL_MONTH)
    month = _FIRST_DAY + rows["month"].astype(np.int64)
    return CellMonths(rows["cell"].astype(np.int64), month, rows["n"].astype(np.int64))


def _cells(selection: Selection, grid: _Grid, standing: str, keys: str, order: str = "") -> tuple[str, dict[str, Any]]:
    """Return the statement for n by `at` (the cell), or by `at, month`, without zeros, and its parameters."""
    if standing not in STANDINGS:
        raise ValueError(f"standing {standing!r}; cells tell {', '.join(STANDINGS)}")
    where, params = replace(selection, channels=()).conditions()
    params |= {
        "stored": grid.stored,
        "cut": "all" if selection.categories else "agency" if {"agencys", "own"} & params.keys() else "total",
        "first": selection.first.replace(day=1),
        "last": _next_month(selection.last) - DAY,
        "today": selection.today,
        "statuses": list(OPEN) if standing == "open" else [standing],
    }
    if standing == "overdue":
        stored = f"SELECT {grid.of_due} AS at, month, n FROM incidents_heatdue WHERE due < %(today)s"  # noqa: S608
        changed = "due < %(today)s"
    else:
        number = " + ".join(OPEN) if standing == "open" else standing
        categories = "" if selection.categories else "AND category = 0"
        stored = (
            f"SELECT {grid.coarser} AS at, month, {number} AS n FROM incidents_heatcount"  # noqa: S608
            f" WHERE level = %(stored)s AND cut = %(cut)s {categories}"
        )
        changed = "TRUE" if standing == "n" else "status = ANY(%(statuses)s)"
    sql = f"""
        SELECT {keys}, sum(n)::int AS n FROM (
            {stored} AND month BETWEEN %(first)s AND %(last)s AND {where}
            UNION ALL
            SELECT {grid.of_delta}, date_trunc('month', day::timestamp)::date, n FROM incidents_reportcelldelta
            WHERE {changed} AND day BETWEEN %(first)s AND %(last)s AND {where}
        ) AS counts GROUP BY {keys} HAVING sum(n) > 0 {order}
    """  # noqa: S608 - names of ours only
    return sql, params


def _steps(selection: Selection, span: str, of_desa: bool) -> Iterator[Piece]:
    """Yield the period in runs of whole steps of `span`, with days where a step is cut at the period's ends."""
    if span == "m":
        yield from pieces(selection, weeks=False)
    elif span == "w" and not of_desa:
        last = selection.last
        if last >= selection.today:  # today's week is whole: no report is later
            last += DAY * (6 - last.weekday())
        yield from _days(selection.first, last, True)
    else:
        yield Piece("d", selection.first, selection.last)


def _truncated(column: str, step: str | None) -> str:
    """Return SQL for the first day of the step in which a date lies."""
    if step is None:
        return "NULL::date"
    return column if step == "day" else f"date_trunc('{step}', {column}::timestamp)::date"


def _next_month(day: dt.date) -> dt.date:
    return (day.replace(day=1) + 31 * DAY).replace(day=1)


def _run(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()
