"""Statistics of a stored version's fields, as the reader of files makes them (layers/reading/columns.py)."""

import json
from dataclasses import dataclass
from typing import Any

from django.db import connection
from psycopg2 import sql

from layers.field_access import is_coming
from layers.models import Layer, LayerVersion
from layers.reading.columns import COMMON, DISTINCT_COUNTED

_EACH = "FROM layers_feature f, jsonb_each(f.properties) e WHERE f.version_id = {version} AND e.value <> 'null'"
_OVERALL = f"""
    SELECT e.key, count(*), count(DISTINCT e.value),
           min((e.value #>> '{{{{}}}}')::numeric) FILTER (WHERE jsonb_typeof(e.value) = 'number'),
           max((e.value #>> '{{{{}}}}')::numeric) FILTER (WHERE jsonb_typeof(e.value) = 'number'),
           min((e.value #>> '{{{{}}}}') COLLATE "C") FILTER (WHERE jsonb_typeof(e.value) = 'string'),
           max((e.value #>> '{{{{}}}}') COLLATE "C") FILTER (WHERE jsonb_typeof(e.value) = 'string')
    {_EACH} GROUP BY e.key
"""
_COMMON = f"""
    SELECT key, value::text, n FROM (
        SELECT e.key, e.value, count(*) AS n,
               row_number() OVER (PARTITION BY e.key ORDER BY count(*) DESC, e.value) AS place
        {_EACH} AND e.key = ANY ({{few}}::text[]) GROUP BY e.key, e.value
    ) ranked WHERE place <= {{most}} ORDER BY key, place
"""  # noqa: S608 - constants of ours


@dataclass(frozen=True)
class _Overall:
    """What the values of a field are: how many, how many different ones, the extremes of numbers and of words."""

    count: int = 0
    distinct: int = 0
    least: Any = None
    most: Any = None
    first: str | None = None
    last: str | None = None


def count_statistics(layer: Layer, version: LayerVersion) -> dict[str, Any]:
    """Return for each published field: type, counts, extremes and common values; of personal data no values."""
    parts = {"version": sql.Literal(version.pk), "most": sql.Literal(COMMON)}
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL(_OVERALL).format(**parts))
        overall = {name: _Overall(*row) for name, *row in cursor.fetchall()}
        few = [name for name, one in overall.items() if one.distinct <= DISTINCT_COUNTED]
        cursor.execute(sql.SQL(_COMMON).format(few=sql.Literal(few), **parts))
        common: dict[str, list[list[Any]]] = {}
        for name, value, n in cursor.fetchall():
            common.setdefault(name, []).append([json.loads(value), n])
    return {
        str(field["name"]): _told(
            field, version.feature_count, overall.get(field["name"], _Overall()), common.get(field["name"], [])
        )
        for field in layer.fields
        if not is_coming(field)
    }


def _told(field: dict[str, Any], features: int, one: _Overall, common: list[list[Any]]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "type": field.get("type", "text"),
        "count": one.count,
        "nulls": features - one.count,
    }
    if field.get("personal"):
        return told
    told["distinct"] = one.distinct if one.distinct <= DISTINCT_COUNTED else None
    if field.get("type") in {"integer", "number"} and one.least is not None:
        told |= {"min": _number(one.least), "max": _number(one.most)}
    elif field.get("type") in {"date", "datetime"} and one.first is not None:
        told |= {"min": one.first, "max": one.last}
    if one.distinct <= DISTINCT_COUNTED:
        told["common"] = common
    return told


def _number(value: Any) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)
