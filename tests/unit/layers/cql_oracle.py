"""CQL2 JSON evaluated in plain Python with shapely, to compare the database's answers with. True, False or None."""

import datetime as dt
import operator
import re
from typing import Any

import shapely

WITA = dt.timezone(dt.timedelta(hours=8))
COMPARE = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt, ">": operator.gt, "<=": operator.le, ">=": operator.ge,
}  # fmt: skip
ARITHMETIC = {"+": operator.add, "-": operator.sub, "*": operator.mul}
SPATIAL = {
    "s_intersects": shapely.intersects,
    "s_disjoint": shapely.disjoint,
    "s_within": shapely.within,
    "s_contains": shapely.contains,
    "s_touches": shapely.touches,
    "s_crosses": shapely.crosses,
    "s_overlaps": shapely.overlaps,
    "s_equals": shapely.equals,
}


def truth(node: Any, feature: dict[str, Any], kinds: dict[str, str]) -> Any:
    """Return the value of a node for a feature: {"geometry": shape, **properties}."""
    if isinstance(node, list):
        return [truth(part, feature, kinds) for part in node]
    if not isinstance(node, dict):
        return node
    if "property" in node:
        value = feature.get(node["property"])
        return _time(value, kinds[node["property"]]) if kinds.get(node["property"]) in {"date", "datetime"} else value
    if "date" in node:
        return dt.date.fromisoformat(node["date"])
    if "timestamp" in node:
        return dt.datetime.fromisoformat(node["timestamp"])
    if "interval" in node:
        return tuple(None if end == ".." else dt.date.fromisoformat(end) for end in node["interval"])
    if "type" in node:
        return shapely.geometry.shape(node)
    name, args = node["op"], node["args"]
    if name in {"and", "or"}:
        return _all(name, [truth(arg, feature, kinds) for arg in args])
    values = [truth(arg, feature, kinds) for arg in args]
    if name == "not":
        return None if values[0] is None else not values[0]
    if name == "isNull":
        return values[0] is None
    if any(value is None for value in values):
        return None
    return _known(name, values)


def _known(name: str, values: list[Any]) -> Any:
    if name in COMPARE:
        return COMPARE[name](*values)
    if name in ARITHMETIC:
        return ARITHMETIC[name](*values)
    if name in SPATIAL:
        return bool(SPATIAL[name](*values))
    if name == "between":
        return values[1] <= values[0] <= values[2]
    if name == "in":
        return values[0] in values[1]
    if name == "casei":
        return values[0].lower()
    if name == "like":
        return bool(re.fullmatch(_pattern(values[1]), values[0], re.DOTALL))
    return _allen(name, *values)


def _allen(name: str, left: Any, right: Any) -> bool:
    low, high = dt.date.min, dt.date.max
    (a, b), (c, d) = (
        (end[0] or low, end[1] or high) if isinstance(end, tuple) else (end, end) for end in (left, right)
    )
    return {
        "t_after": a > d,
        "t_before": b < c,
        "t_disjoint": b < c or a > d,
        "t_intersects": a <= d and b >= c,
        "t_during": a > c and b < d,
        "t_equals": a == c and b == d,
        "t_finishes": a > c and b == d,
        "t_starts": a == c and b < d,
    }[name]


def _all(name: str, values: list[Any]) -> Any:
    decisive = name == "or"
    if decisive in values:
        return decisive
    return None if None in values else not decisive


def _pattern(text: str) -> str:
    return "".join(".*" if sign == "%" else "." if sign == "_" else re.escape(sign) for sign in text)


def _time(value: Any, kind: str) -> Any:
    try:
        if kind == "date":
            return dt.date.fromisoformat(value)
        moment = dt.datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=WITA)
