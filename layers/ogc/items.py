"""Features of a layer as GeoJSON, which PostGIS writes: Python only joins the pieces.

Pages go by feature id, inside one version: whatever is published meanwhile, no feature comes twice and none that stayed
is left out.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import shapely
from django.db import DataError, InternalError, OperationalError, ProgrammingError, connection, transaction
from django.http import Http404, QueryDict
from django.utils.translation import gettext as _
from psycopg2 import errors as database

from geo.errors import ParameterError
from geo.params import SHOWN, parse_number
from layers import editing
from layers.models import Layer, LayerEdit, LayerVersion
from layers.ogc import kept
from layers.ogc.cql import LANGUAGES, field_sql, parse_filter
from layers.ogc.crs import CRS84, CRS84H, Crs, crs_of, parse_crs
from layers.ogc.errors import TooSlow
from layers.ogc.fields import Field, fields_of, time_field
from layers.ogc.geojson import feature_sql, properties_sql
from layers.ogc.remembered import Proof
from layers.ogc.statements import Sql, filled, joined
from layers.ogc.times import day_of, first_instant, last_instant, parse_moment, parse_span
from layers.selection import withheld

log = logging.getLogger(__name__)

LIMIT_DEFAULT = 100
LIMIT_MAX = 10_000
COUNT_MAX = 100_000
"""More matches than this are not counted: `numberMatched` is left out."""
COUNT_UP_TO_LIMIT = 500
"""With a larger page somebody takes a box away in bulk; counting what it holds would cost as much as a page."""
TIMEOUT_MS = 10_000
RESERVED = (
    "f", "limit", "bbox", "bbox-crs", "datetime", "crs", "filter", "filter-lang", "filter-crs", "cursor",
)  # fmt: skip
MERCATOR_EDGE_M = 20_037_508.342789244
Box = tuple[float, float, float, float]
BOX_STEPS = 16
"""Into how many pieces an edge is cut before it is transformed: straight lines bend between systems."""


@dataclass(frozen=True)
class Question:
    """What a request for items asks."""

    version: LayerVersion
    limit: int
    crs: Crs
    after: int | None
    conditions: tuple[Sql, ...]
    timed: bool
    """Whether it reads properties, which no index serves, or an edit, so that it may take long."""
    hidden: tuple[str, ...]
    """The properties that must not leave."""
    edit: LayerEdit | None = None
    """The open edit whose features are asked for, instead of the version's."""


@dataclass(frozen=True)
class Page:
    """Features as GeoJSON text with commas between them, how many they are, the id after which the next page begins
    (None: it was the last), and the number of all that match.
    """

    features: str
    returned: int
    next_after: int | None
    matched: int | None


def parse_items(layer: Layer, version: LayerVersion, query: QueryDict, *, edit: LayerEdit | None = None) -> Question:
    """Read the parameters of a request for items. Raises ParameterError for whatever cannot be understood.

    With `edit`, the features of that edit are meant.
    """
    fields = fields_of(layer)
    _refuse_unknown(query, fields)
    params = {name: str(query[name]) for name in query}
    systems = crs_of(version)
    after = None
    if "cursor" in params:
        version, after = _cursor(layer, params["cursor"])
    if version != layer.current:
        edit = None  # the pages of an older version, to the end
    box = _bbox(params, systems)
    others = [
        *_datetime(params, time_field(fields)),
        *_filter(params, fields, systems),
        *(_equals(fields[name], params[name]) for name in params if name in fields and name not in RESERVED),
    ]
    return Question(
        version=version,
        limit=parse_limit(params.get("limit")),
        crs=parse_crs(params["crs"], systems, name="crs") if "crs" in params else CRS84,
        after=after,
        conditions=(*box, *others),
        timed=bool(others) or edit is not None,
        hidden=tuple(withheld(layer, version)),
        edit=edit,
    )


def read_page(question: Question, proof: Proof | None = None) -> Page:
    """Return one page. Raises TooSlow, or ParameterError where a filter fails on the data (such as an overflow).

    With a proof, the layer's mark is read by the same statement; raises Outdated.
    """
    if _is_kept(question):
        try:
            return _read(question, proof, as_kept=True)
        except ProgrammingError as error:
            if not isinstance(error.__cause__, database.UndefinedTable):
                raise
            log.warning("what was kept of version %d is gone", question.version.pk)  # dropped since its mark was read
    return _read(question, proof, as_kept=False)


def _read(question: Question, proof: Proof | None, *, as_kept: bool) -> Page:
    if as_kept:
        source, these = kept.source(question.version), Sql("true")
        columns, feature = Sql("f.fid, f.feature"), Sql("f.feature")
    else:
        source, these = _source(question.version, question.edit)
        columns, feature = Sql("f.fid, f.geom, f.properties"), feature_sql(question.crs, question.hidden)
    where = joined("AND", [these, *question.conditions])
    after = Sql("") if question.after is None else Sql(" AND f.fid > %s", (question.after,))
    found = filled("SELECT {} FROM {} f WHERE {}{} ORDER BY f.fid LIMIT %s", columns, source, where, after)
    # One row more than the page tells whether there is another page. The database joins the features, each on a line of
    # its own: a row for each would cost as much as all else that is done here. Numbering them would cost a tenth of it,
    # so the one too many is cut off here: JSON from PostgreSQL has no line breaks. Aggregates take rows in the order
    # of a subquery that sorts them.
    statement = filled(
        "SELECT {}, count(*), (array_agg(f.fid))[least(count(*), {})::int], coalesce(string_agg({}, E',\\n'), '')"
        " FROM ({}) AS f",
        proof.sql if proof else Sql("NULL"),
        Sql("%s", (question.limit,)),
        feature,
        Sql(found.text, (*found.params, question.limit + 1)),
    )
    with _limited(question.timed), connection.cursor() as cursor:
        cursor.execute(statement.text, statement.params)
        mark, read, last, features = cursor.fetchone()
        if proof:
            proof.check(mark)
        more, returned = read > question.limit, min(read, question.limit)
        if more:
            features = features.rpartition(",\n")[0]
        matched = _matched(cursor, question, filled("{} f WHERE {}", source, where), returned, more)
    return Page(features, returned, last if more else None, matched)


@dataclass(frozen=True)
class Item:
    """A feature as GeoJSON text, without its links, and a digest of the state that it is in (of what readers may see).

    The state is the same in every coordinate system, and changes whenever geometry or attributes do.
    """

    text: str
    state: str


def read_item(layer: Layer, version: LayerVersion, fid: int, crs: Crs, *, edit: LayerEdit | None = None) -> Item:
    """Return one feature; with `edit`, as that edit has it. Raises Http404."""
    hidden = tuple(withheld(layer, version))
    source, these = _source(version, edit)
    statement = filled(
        "SELECT {}, md5(coalesce(ST_AsBinary(f.geom), '') || convert_to({}::text, 'UTF8')) FROM {} f"
        " WHERE {} AND f.fid = %s",
        feature_sql(crs, hidden),
        properties_sql(hidden),
        source,
        these,
    )
    with connection.cursor() as cursor:
        cursor.execute(statement.text, (*statement.params, fid))
        row = cursor.fetchone()
    if row is None:
        raise Http404
    return Item(str(row[0]), str(row[1]))


def _is_kept(question: Question) -> bool:
    """Whether features leave as they are kept: whole, in CRS 84, and chosen by where they are alone."""
    plain = question.crs == CRS84 and not question.timed
    return plain and kept.serves(question.version, question.hidden)


def _source(version: LayerVersion, edit: LayerEdit | None) -> tuple[Sql, Sql]:
    """Return the table that the features stand in, to be called `f`, and the condition that they are meant."""
    if edit is None:
        return Sql("layers_feature"), Sql("f.version_id = %s", (version.pk,))
    return Sql(editing.MERGED, editing.merged_params(edit)), Sql("true")


def content_crs(crs: Crs) -> str:
    """Return the value of the header Content-Crs."""
    return f"<{crs.uri}>"


def _matched(cursor: Any, question: Question, found: Sql, returned: int, more: bool) -> int | None:
    if not question.conditions:
        changes = editing.summarise(question.edit) if question.edit else None
        return question.version.feature_count + (changes.added - changes.removed if changes else 0)
    if question.after is not None:
        return None
    if not more:
        return returned
    if not question.timed and question.limit > COUNT_UP_TO_LIMIT:
        return None
    counted = filled(
        "SELECT count(*) FROM (SELECT 1 FROM {} LIMIT %s) AS matching",
        Sql(found.text, (*found.params, COUNT_MAX + 1)),
    )
    cursor.execute(counted.text, counted.params)
    count = int(cursor.fetchone()[0])
    return count if count <= COUNT_MAX else None


@contextmanager
def _limited(timed: bool) -> Iterator[None]:
    """Give what is timed `TIMEOUT_MS`, and turn what the database says about it into words."""
    try:
        if not timed:
            yield
            return
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(TIMEOUT_MS)])
            yield
    except OperationalError as error:
        if isinstance(error.__cause__, database.ProgramLimitExceeded):  # more than 1 GB
            raise ParameterError(
                "limit", "", _("These features are too large to be sent in one page. Ask for fewer with “limit”.")
            ) from error
        if not isinstance(error.__cause__, database.QueryCanceled):
            raise
        raise TooSlow(
            _("This takes longer than %(seconds)d seconds. Ask for a smaller box or a simpler filter.")
            % {"seconds": TIMEOUT_MS // 1000}
        ) from error
    except (DataError, InternalError) as error:
        raise ParameterError(
            "filter" if timed else "bbox",
            "",
            _("The filter or the box cannot be computed: a number or a place is out of range."),
        ) from error


# Parameters.


def _refuse_unknown(query: QueryDict, fields: dict[str, Field]) -> None:
    for name, values in query.lists():
        if name not in RESERVED and name not in fields:
            raise ParameterError(
                name[:SHOWN],
                values[0],
                _("There is no parameter “%(name)s” here. Known are: %(known)s.")
                % {"name": name[:SHOWN], "known": ", ".join([*RESERVED, *fields])},
            )
        if len(values) > 1:
            raise ParameterError(name[:SHOWN], values, _("“%(name)s” is given twice.") % {"name": name[:SHOWN]})
        if "\0" in values[0]:
            raise ParameterError(name[:SHOWN], values, _("“%(name)s” cannot be read.") % {"name": name[:SHOWN]})


def parse_limit(text: str | None) -> int:
    """Return how many features a page holds; a limit above the maximum is the maximum, as the standard has it."""
    if text is None:
        return LIMIT_DEFAULT
    if not re.fullmatch(r"[0-9]{1,99}", text) or int(text) == 0:
        raise ParameterError(
            "limit",
            text,
            _("limit is a whole number from 1 to %(limit)d; “%(value)s” is none.")
            % {"limit": LIMIT_MAX, "value": text[:SHOWN]},
        )
    return min(int(text), LIMIT_MAX)


def _cursor(layer: Layer, text: str) -> tuple[LayerVersion, int]:
    found = re.fullmatch(r"([0-9]{1,9})\.(-?[0-9]{1,18})", text)
    version = None
    if found:
        version = layer.versions.filter(number=int(found[1]), published_at__isnull=False).first()
    if found is None or version is None:
        raise ParameterError(
            "cursor", text, _("“cursor” comes from a “next” link and is not written by hand. Begin without it.")
        )
    return version, int(found[2])


def _bbox(params: Mapping[str, str], systems: tuple[Crs, ...]) -> list[Sql]:
    crs = CRS84
    if "bbox-crs" in params:
        text = params["bbox-crs"]
        crs = CRS84 if text == CRS84H else parse_crs(text, systems, name="bbox-crs")
    if "bbox" not in params:
        return []
    text = params["bbox"]
    box = _corners(text, crs)
    if crs.srid != 4326:
        return [_in_other_system(text, box, crs)]
    return [joined("OR", [_in_box(box) for box in _in_degrees(text, box)])]


def parse_boxes(text: str) -> list[Box]:
    """Return what a bbox in degrees means: a box, or two where it crosses the antimeridian."""
    return _in_degrees(text, _corners(text, CRS84))


def _corners(text: str, crs: Crs) -> Box:
    """Return the least and the greatest x and y of a bbox; heights are not looked at."""
    numbers = [parse_number(part, name="bbox") for part in text.split(",")] if len(text) < 400 else []
    if len(numbers) not in {4, 6}:
        raise ParameterError("bbox", text, _("bbox needs four numbers, or six with heights."))
    (a, b), (c, d) = numbers[:2], numbers[len(numbers) // 2 :][:2]
    if crs.north_first:
        a, b, c, d = b, a, d, c
    if b > d:
        raise ParameterError("bbox", text, _("bbox must begin with its south: west,south,east,north."))
    return a, b, c, d


def _in_degrees(text: str, box: Box) -> list[Box]:
    a, b, c, d = box
    if max(abs(a), abs(c)) > 180 or max(abs(b), abs(d)) > 90:
        raise ParameterError(
            "bbox", text, _("bbox lies outside the world: longitudes to 180, latitudes to 90 degrees.")
        )
    # A box whose west is east of its east crosses the antimeridian.
    return [(a, b, 180.0, d), (-180.0, b, c, d)] if a > c else [box]


def _in_box(box: Box) -> Sql:
    shape = Sql("%s::geometry", (_ewkb(_rectangle(box), 4326),))
    # What lies in the box as a whole needs no second look; that is most of it. CASE, not OR: of an OR the planner makes
    # two scans of the index.
    return filled(
        "(f.geom && {} AND CASE WHEN f.geom @ {} THEN true ELSE ST_Intersects(f.geom, {}) END)", shape, shape, shape
    )


def _in_other_system(text: str, box: Box, crs: Crs) -> Sql:
    west, south, east, north = box
    if west > east:
        raise ParameterError("bbox", text, _("bbox must begin with its west: west,south,east,north."))
    if crs.srid == 3857:
        edge = MERCATOR_EDGE_M
        west, south, east, north = (min(max(value, -edge), edge) for value in (west, south, east, north))
    longest = max(east - west, north - south)
    shape = _rectangle((west, south, east, north))
    if longest > 0:
        shape = shapely.segmentize(shape, longest / BOX_STEPS)
    return Sql("ST_Intersects(f.geom, ST_Transform(%s::geometry, 4326))", (_ewkb(shape, crs.srid),))


def _rectangle(box: Box) -> Any:
    west, south, east, north = box
    if west == east and south == north:
        return shapely.Point(west, south)
    if west == east or south == north:
        return shapely.LineString([(west, south), (east, north)])
    return shapely.box(west, south, east, north)


def _ewkb(shape: Any, srid: int) -> str:
    return str(shapely.to_wkb(shapely.set_srid(shape, srid), hex=True, include_srid=True))


def _datetime(params: Mapping[str, str], field: Field | None) -> list[Sql]:
    if "datetime" not in params:
        return []
    span = parse_span(params["datetime"])
    if field is None:  # nothing in the layer has a time, so nothing is told apart by it
        return []
    value = field_sql(field)
    parts = []
    if field.kind == "date":
        if span.start is not None:
            parts.append(filled("{} >= {}", value, Sql("%s::date", (day_of(span.start),))))
        if span.end is not None:
            parts.append(filled("{} <= {}", value, Sql("%s::date", (day_of(span.end),))))
    else:
        if span.start is not None:
            parts.append(filled("{} >= {}", value, Sql("%s::timestamptz", (first_instant(span.start),))))
        if span.end is not None:
            parts.append(filled("{} <= {}", value, Sql("%s::timestamptz", (last_instant(span.end),))))
    return [joined("AND", parts)]


def _filter(params: Mapping[str, str], fields: dict[str, Field], systems: tuple[Crs, ...]) -> list[Sql]:
    language = params.get("filter-lang", LANGUAGES[0])
    if language not in LANGUAGES:
        raise ParameterError(
            "filter-lang",
            language,
            _("filter-lang is one of %(known)s; “%(value)s” is not.")
            % {"known": ", ".join(LANGUAGES), "value": language[:SHOWN]},
        )
    crs = parse_crs(params["filter-crs"], systems, name="filter-crs") if "filter-crs" in params else CRS84
    if "filter" not in params:
        return []
    return [parse_filter(params["filter"], language, fields, crs)]


def _equals(field: Field, text: str) -> Sql:
    value = field_sql(field)
    if field.kind == "number":
        return filled("({} = {})", value, Sql("%s::numeric", (parse_number(text, name=field.name),)))
    if field.kind == "boolean":
        if text not in {"true", "false"}:
            raise ParameterError(field.name, text, _("%(name)s must be true or false.") % {"name": field.name})
        return filled("({} = {})", value, Sql("%s", (text == "true",)))
    if field.kind in {"date", "datetime"}:
        moment = parse_moment(text, name=field.name)
        if field.kind == "date":
            return filled("({} = {})", value, Sql("%s::date", (day_of(moment),)))
        ends = Sql("%s AND %s", (first_instant(moment), last_instant(moment)))
        return filled("({} BETWEEN {})", value, ends)
    return filled("({} = {})", value, Sql("%s::text", (text,)))
