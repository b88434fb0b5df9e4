"""CQL2 (OGC 21-065r2) as SQL: text or JSON in, a condition on `layers_feature f` out, every value a parameter.

Three-valued as in the standard: a feature is given only where the condition is true, so neither `x = 1` nor
`NOT x = 1` finds a feature without an x. What is not supported is refused by its name.
"""

import datetime as dt
import json
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

import shapely
from django.conf import settings
from django.utils.translation import gettext as _

from geo.errors import ParameterError
from geo.params import SHOWN
from layers.ogc import cql_text
from layers.ogc.crs import Crs
from layers.ogc.errors import why_no_json
from layers.ogc.fields import GEOMETRY, Field, kind_in_words
from layers.ogc.statements import Sql, filled, joined
from layers.ogc.times import (
    OPEN,
    Moment,
    day_of,
    day_sql,
    first_instant,
    instant_sql,
    last_instant,
    parse_moment,
)

LANGUAGES = ("cql2-text", "cql2-json", "cql-text")
"""`cql-text` is what GDAL calls the text; it is read as CQL2."""
LENGTH_MAX = 20_000  # characters
NODES_MAX = 300
CORNERS_MAX = 10_000

_COMPARE = {"=": "=", "<>": "<>", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_ARITHMETIC = {
    "+": "({} + {})",
    "-": "({} - {})",
    "*": "({} * {})",
    "/": "({} / NULLIF({}, 0))",
    "div": "div({}, NULLIF({}, 0))",
    "%": "mod({}, NULLIF({}, 0))",
    "^": "power(({})::float8, ({})::float8)::numeric",
}
_SPATIAL = {
    "s_intersects": "ST_Intersects",
    "s_disjoint": "ST_Disjoint",
    "s_contains": "ST_Contains",
    "s_within": "ST_Within",
    "s_touches": "ST_Touches",
    "s_crosses": "ST_Crosses",
    "s_overlaps": "ST_Overlaps",
    "s_equals": "ST_Equals",
}
# The standard's table of Allen's relations; a, b begin and c, d end: {0} to {1} against {2} to {3}.
_TEMPORAL = {
    "t_after": "{0} > {3}",
    "t_before": "{1} < {2}",
    "t_contains": "{0} < {2} AND {1} > {3}",
    "t_disjoint": "({1} < {2} OR {0} > {3})",
    "t_during": "{0} > {2} AND {1} < {3}",
    "t_equals": "{0} = {2} AND {1} = {3}",
    "t_finishedby": "{0} < {2} AND {1} = {3}",
    "t_finishes": "{0} > {2} AND {1} = {3}",
    "t_intersects": "{0} <= {3} AND {1} >= {2}",
    "t_meets": "{1} = {2}",
    "t_metby": "{0} = {3}",
    "t_overlappedby": "{0} > {2} AND {0} < {3} AND {1} > {3}",
    "t_overlaps": "{0} < {2} AND {1} > {2} AND {1} < {3}",
    "t_startedby": "{0} = {2} AND {1} > {3}",
    "t_starts": "{0} = {2} AND {1} < {3}",
}
TEMPORAL_KINDS = {"date", "datetime", "span"}


class Term(NamedTuple):
    """A part of a filter: what kind of value it is, its SQL, and its value where it is written out.

    Kinds: text, number, boolean, date, datetime, geometry and span (an interval; its value is a pair of Terms or None).
    """

    kind: str
    sql: Sql
    value: Any = None


def parse_filter(text: str, language: str, fields: dict[str, Field], crs: Crs) -> Sql:
    """Return a filter as a condition. `crs` is that of the geometries in it. Raises ParameterError."""
    if len(text) > LENGTH_MAX or "\0" in text:
        raise _refused(text, _("The filter is longer than %(limit)d characters.") % {"limit": LENGTH_MAX})
    try:
        return Compiler(fields, crs).condition(_read_json(text) if language == "cql2-json" else cql_text.parse(text))
    except RecursionError as error:
        raise _refused(text, _("The filter is nested too deeply.")) from error


def field_sql(field: Field) -> Sql:
    """Return SQL for the value of a field; NULL where the feature holds nothing of that kind."""
    text = Sql("(f.properties ->> %s)", (field.name,))
    if field.kind == "date":
        return day_sql(text)
    if field.kind == "datetime":
        return instant_sql(text)
    if field.kind in {"number", "boolean"}:
        kind, cast = ("number", "numeric") if field.kind == "number" else ("boolean", "boolean")
        return Sql(
            f"(CASE jsonb_typeof(f.properties -> %s) WHEN '{kind}' THEN (f.properties ->> %s)::{cast} END)",
            (field.name, field.name),
        )
    return text


class Compiler:
    """Turns CQL2 JSON into SQL, for the fields of one layer."""

    def __init__(self, fields: dict[str, Field], crs: Crs) -> None:
        self.fields, self.crs, self.nodes = fields, crs, 0

    def condition(self, node: Any) -> Sql:
        """Return SQL for a node that is true or false."""
        term = self.term(node)
        if term.kind != "boolean":
            raise _refused(node, _("“%(part)s” is neither true nor false.") % {"part": _shown(node)})
        return term.sql

    def term(self, node: Any) -> Term:
        """Return any node as a Term."""
        self.nodes += 1
        if self.nodes > NODES_MAX:
            raise _refused(node, _("The filter has more than %(limit)d parts.") % {"limit": NODES_MAX})
        if isinstance(node, bool):
            return Term("boolean", Sql("TRUE" if node else "FALSE"), node)
        if isinstance(node, (int, Decimal)):
            return Term("number", Sql("%s::numeric", (node,)), node)
        if isinstance(node, str):
            if "\0" in node or any("\ud800" <= letter <= "\udfff" for letter in node):
                raise _refused(
                    node, _("“%(part)s” cannot stand in a filter.") % {"part": json.dumps(node)[1:-1][:SHOWN]}
                )
            return Term("text", Sql("%s::text", (node,)), node)
        if isinstance(node, dict):
            return self._object(node)
        raise _refused(node, _("“%(part)s” cannot stand in a filter.") % {"part": _shown(node)})

    def _object(self, node: dict[str, Any]) -> Term:
        if "op" in node:
            return self._operation(node)
        if "property" in node:
            return self._property(str(node["property"]))
        if "date" in node or "timestamp" in node:
            return self._moment(node)
        if "interval" in node:
            return self._interval(node["interval"])
        if "bbox" in node:
            return self._box(node["bbox"])
        if "type" in node and ("coordinates" in node or "geometries" in node):
            return self._geometry(node)
        raise _refused(node, _("“%(part)s” cannot stand in a filter.") % {"part": _shown(node)})

    def _operation(self, node: dict[str, Any]) -> Term:
        name, args = str(node["op"]), node.get("args")
        if not isinstance(args, list):
            raise _refused(node, _("“%(name)s” needs a list of “args”.") % {"name": name[:SHOWN]})
        known: dict[str, tuple[int, Callable[[str, list[Any]], Term]]] = {
            "not": (1, self._not),
            "isnull": (1, self._is_null),
            "like": (2, self._like),
            "between": (3, self._between),
            "in": (2, self._in),
            "casei": (1, self._folded),
            "accenti": (1, self._folded),
            **dict.fromkeys(_COMPARE, (2, self._comparison)),
            **dict.fromkeys(_ARITHMETIC, (2, self._arithmetic)),
            **dict.fromkeys(_SPATIAL, (2, self._spatial)),
            **dict.fromkeys(_TEMPORAL, (2, self._temporal)),
        }
        lower = name.lower()
        if lower in {"and", "or"}:
            if not args:
                raise _refused(
                    node,
                    _("“%(name)s” takes %(wanted)d arguments, not %(given)d.")
                    % {"name": lower, "wanted": 2, "given": 0},
                )
            return Term("boolean", joined(lower.upper(), [self.condition(arg) for arg in args]))
        if lower not in known:
            raise _refused(
                node,
                _("There is no operator or function “%(name)s” here. Known are: %(known)s.")
                % {"name": name[:SHOWN], "known": ", ".join(["and", "or", *known])},
            )
        wanted, compile_ = known[lower]
        if len(args) != wanted:
            raise _refused(
                node,
                _("“%(name)s” takes %(wanted)d arguments, not %(given)d.")
                % {"name": lower, "wanted": wanted, "given": len(args)},
            )
        return compile_(lower, args)

    # Values.

    def _property(self, name: str) -> Term:
        if name in self.fields:
            return Term(self.fields[name].kind, field_sql(self.fields[name]))
        if name == GEOMETRY:
            return Term("geometry", Sql("f.geom"))
        raise _refused(
            name,
            _("There is no property “%(name)s” here. Known are: %(known)s.")
            % {"name": name[:SHOWN], "known": ", ".join([*self.fields, GEOMETRY])},
        )

    def _moment(self, node: dict[str, Any]) -> Term:
        kind = "date" if "date" in node else "timestamp"
        moment = parse_moment(_text(node[kind]), name="filter")
        if (kind == "timestamp") != isinstance(moment, dt.datetime):
            raise _refused(node, _("“%(part)s”: a date stands in DATE, a time in TIMESTAMP.") % {"part": _shown(node)})
        return _written(moment)

    def _interval(self, ends: Any) -> Term:
        if not isinstance(ends, list) or len(ends) != 2:
            raise _refused(ends, _("An interval has a beginning and an end."))
        terms = tuple(None if isinstance(end, str) and end in OPEN else self._end(end) for end in ends)
        return Term("span", Sql(""), terms)

    def _end(self, end: Any) -> Term:
        term = _written(parse_moment(end, name="filter")) if isinstance(end, str) else self.term(end)
        if term.kind not in {"date", "datetime"}:
            raise _refused(end, _("“%(part)s” is no date or time.") % {"part": _shown(end)})
        return term

    def _box(self, numbers: Any) -> Term:
        if (
            not isinstance(numbers, list)
            or len(numbers) not in {4, 6}
            or not all(isinstance(number, (int, Decimal)) and not isinstance(number, bool) for number in numbers)
        ):
            raise _refused(numbers, _("BBOX takes four numbers: west, south, east, north."))
        low, high = numbers[: len(numbers) // 2], numbers[len(numbers) // 2 :]
        try:
            (a, b), (c, d) = ([float(value) for value in corner[:2]] for corner in (low, high))
        except OverflowError as error:
            raise _refused(numbers, _("The filter holds a number that is too large.")) from error
        if self.crs.north_first:
            a, b, c, d = b, a, d, c
        if self.crs.srid == 4326 and a > c:  # over the antimeridian
            return self._shape(shapely.MultiPolygon([shapely.box(a, b, 180, d), shapely.box(-180, b, c, d)]))
        return self._shape(shapely.box(min(a, c), min(b, d), max(a, c), max(b, d)))

    def _geometry(self, node: dict[str, Any]) -> Term:
        try:
            shape = shapely.from_geojson(json.dumps(node, default=float))
        except (shapely.errors.GEOSException, TypeError, ValueError) as error:
            raise _refused(node, _("“%(part)s” is no geometry.") % {"part": _shown(node)}) from error
        if self.crs.north_first:
            shape = shapely.transform(shape, lambda corners: corners[:, ::-1])
        return self._shape(shape)

    def _shape(self, shape: Any) -> Term:
        if shapely.get_num_coordinates(shape) > CORNERS_MAX:
            raise _refused(shape, _("A geometry in a filter may have %(limit)d corners.") % {"limit": CORNERS_MAX})
        shape = shapely.force_2d(shape)
        if not shapely.is_valid(shape) or not all(map(math.isfinite, shapely.get_coordinates(shape).flat)):
            raise _refused(
                shape, _("A geometry in the filter is not valid: %(why)s.") % {"why": shapely.is_valid_reason(shape)}
            )
        wkb = shapely.to_wkb(shapely.set_srid(shape, self.crs.srid), include_srid=True)
        text = "ST_GeomFromEWKB(%s)" if self.crs.srid == 4326 else "ST_Transform(ST_GeomFromEWKB(%s), 4326)"
        return Term("geometry", Sql(text, (wkb,)), shape)

    def _folded(self, name: str, args: list[Any]) -> Term:
        term = self._text_term(args[0])
        value = term.value.lower() if name == "casei" and isinstance(term.value, str) else None
        return Term("text", filled("lower({})" if name == "casei" else "unaccent({})", term.sql), value)

    def _arithmetic(self, name: str, args: list[Any]) -> Term:
        terms = [self.term(arg) for arg in args]
        for term, arg in zip(terms, args, strict=True):
            if term.kind != "number":
                raise _refused(arg, _("“%(part)s” is no number.") % {"part": _shown(arg)})
        return Term("number", filled(_ARITHMETIC[name], *(term.sql for term in terms)))

    # Conditions.

    def _not(self, _name: str, args: list[Any]) -> Term:
        return Term("boolean", filled("(NOT {})", self.condition(args[0])))

    def _is_null(self, _name: str, args: list[Any]) -> Term:
        term = self.term(args[0])
        if term.kind == "span":
            raise _refused(args[0], _("“%(part)s” cannot be compared so.") % {"part": _shown(args[0])})
        return Term("boolean", filled("({} IS NULL)", term.sql))

    def _comparison(self, name: str, args: list[Any]) -> Term:
        return self._compare(name, *self._alike(args), args)

    def _between(self, _name: str, args: list[Any]) -> Term:
        bounds = [
            self._compare(sign, *self._alike([args[0], end]), args)
            for sign, end in zip((">=", "<="), args[1:], strict=True)
        ]
        return Term("boolean", joined("AND", [bound.sql for bound in bounds]))

    def _in(self, _name: str, args: list[Any]) -> Term:
        if not isinstance(args[1], list) or not args[1]:
            raise _refused(args[1], _("IN needs a list of values."))
        same = [self._compare("=", *self._alike([args[0], value]), args).sql for value in args[1]]
        return Term("boolean", joined("OR", same))

    def _like(self, _name: str, args: list[Any]) -> Term:
        term, pattern = (self._text_term(arg) for arg in args)
        if isinstance(pattern.value, str) and (len(pattern.value) - len(pattern.value.rstrip("\\"))) % 2:
            raise _refused(pattern.value, _("A pattern may not end with a single backslash."))
        return Term("boolean", filled("({} LIKE {})", term.sql, pattern.sql))

    def _spatial(self, name: str, args: list[Any]) -> Term:
        terms = [self.term(arg) for arg in args]
        for term, arg in zip(terms, args, strict=True):
            if term.kind != "geometry":
                raise _refused(arg, _("“%(part)s” is no geometry.") % {"part": _shown(arg)})
        return Term("boolean", filled(_SPATIAL[name] + "({}, {})", *(term.sql for term in terms)))

    def _temporal(self, name: str, args: list[Any]) -> Term:
        terms = [_temporal_term(self.term(arg), arg) for arg in args]
        # Days are compared with days; as soon as a property has a time, both sides are instants.
        whole_days = any(_holds(term, "date") for term in terms) and not any(_holds(term, "datetime") for term in terms)
        ends = [end for term in terms for end in _ends(term, whole_days)]
        used = [int(place) for place in _places(_TEMPORAL[name])]
        text = _TEMPORAL[name].format(*(end.text for end in ends))
        return Term("boolean", Sql(f"({text})", sum((ends[place].params for place in used), ())))

    # Kinds that must agree.

    def _text_term(self, node: Any) -> Term:
        term = self.term(node)
        if term.kind != "text":
            raise _refused(node, _("“%(part)s” is no text.") % {"part": _shown(node)})
        return term

    def _alike(self, args: list[Any]) -> tuple[Term, Term]:
        left, right = (self.term(arg) for arg in args)
        if {left.kind, right.kind} & {"date", "datetime"}:
            left, right = (_temporal_term(term, arg) for term, arg in zip((left, right), args, strict=True))
            if left.kind != right.kind and "span" not in {left.kind, right.kind}:
                left, right = _one_granularity(left, right)
        if left.kind != right.kind or left.kind in {"geometry", "span"}:
            raise _refused(
                args,
                _("“%(left)s” (%(left_kind)s) and “%(right)s” (%(right_kind)s) cannot be compared so.")
                % {
                    "left": _shown(args[0]),
                    "left_kind": kind_in_words(left.kind),
                    "right": _shown(args[1]),
                    "right_kind": kind_in_words(right.kind),
                },
            )
        return left, right

    def _compare(self, name: str, left: Term, right: Term, args: list[Any]) -> Term:
        sign = _COMPARE[name]
        if left.kind == "boolean" and sign not in {"=", "<>"}:
            raise _refused(args, _("True and false have no order."))
        # Texts are ordered by code point, whatever the database's locale.
        collation = ' COLLATE "C"' if left.kind == "text" and sign not in {"=", "<>"} else ""
        return Term("boolean", filled(f"({{}}{collation} {sign} {{}})", left.sql, right.sql))


def _read_json(text: str) -> Any:
    def refuse(name: str) -> Any:
        raise _refused(text, _("“%(part)s” cannot stand in a filter.") % {"part": name})

    try:
        return json.loads(text, parse_float=cql_text.number, parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        if isinstance(error, ParameterError):
            raise
        raise _refused(text, _("The filter is no JSON: %(why)s.") % {"why": why_no_json(error)}) from error


def _written(moment: Moment) -> Term:
    if isinstance(moment, dt.datetime):
        return Term("datetime", Sql("%s::timestamptz", (moment,)), moment)
    return Term("date", Sql("%s::date", (moment,)), moment)


def _temporal_term(term: Term, node: Any) -> Term:
    """Return a term as a time; a text that is written out is read as one."""
    if term.kind == "text" and isinstance(term.value, str):
        return _written(parse_moment(term.value, name="filter"))
    if term.kind not in TEMPORAL_KINDS:
        raise _refused(node, _("“%(part)s” is no date or time.") % {"part": _shown(node)})
    return term


def _one_granularity(left: Term, right: Term) -> tuple[Term, Term]:
    """Return a date and an instant as two dates if the property is a date, else as two instants."""
    days = any(term.kind == "date" and term.value is None for term in (left, right))
    return _as_day(left) if days else _as_instant(left), _as_day(right) if days else _as_instant(right)


def _as_day(term: Term) -> Term:
    if term.kind == "date":
        return term
    if term.value is not None:
        return _written(day_of(term.value))
    return Term("date", filled(f"({{}} AT TIME ZONE '{settings.TIME_ZONE}')::date", term.sql))


def _as_instant(term: Term) -> Term:
    if term.kind == "datetime":
        return term
    return _written(first_instant(term.value))


def _holds(term: Term, kind: str) -> bool:
    """Whether a property of this kind stands in the term."""
    parts = term.value if term.kind == "span" else (term,)
    return any(part is not None and part.kind == kind and part.value is None for part in parts)


def _ends(term: Term, whole_days: bool) -> tuple[Sql, Sql]:
    """Return where a moment or an interval begins and ends, as dates or as instants."""
    begin, end = term.value if term.kind == "span" else (term, term)
    kind = "date" if whole_days else "timestamptz"
    return (
        Sql(f"'-infinity'::{kind}") if begin is None else _end_sql(begin, whole_days, first_instant, ""),
        Sql(f"'infinity'::{kind}") if end is None else _end_sql(end, whole_days, last_instant, LAST_OF_DAY),
    )


LAST_OF_DAY = " + interval '24 hours' - interval '1 microsecond'"


def _end_sql(term: Term, whole_days: bool, instant: Callable[[Moment], dt.datetime], last: str) -> Sql:
    if whole_days:
        return _as_day(term).sql
    if term.kind == "datetime":
        return term.sql
    if term.value is not None:
        return Sql("%s::timestamptz", (instant(term.value),))
    return filled(f"(({{}})::timestamp AT TIME ZONE '{settings.TIME_ZONE}'{last})", term.sql)


def _places(template: str) -> str:
    return "".join(template[place + 1] for place, sign in enumerate(template) if sign == "{")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _shown(node: Any) -> str:
    """Return a part of a filter as people write it."""
    if isinstance(node, dict) and "property" in node:
        return str(node["property"])[:SHOWN]
    if isinstance(node, (str, Decimal)):
        return str(node)[:SHOWN]
    for kind in ("date", "timestamp"):
        if isinstance(node, dict) and kind in node:
            return f"{kind.upper()}('{node[kind]}')"[:SHOWN]
    return json.dumps(node, default=_plain, ensure_ascii=False)[:SHOWN]


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value)


def _refused(value: Any, message: str) -> ParameterError:
    return ParameterError("filter", str(value)[:SHOWN], message)
