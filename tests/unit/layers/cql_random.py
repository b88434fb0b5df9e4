"""Random CQL2 filters from a seed, as JSON, and the same written as text."""

import json
import random
from typing import Any

import shapely

WORDS = ["Sangatta", "sangatta", "Bengalon", "d'Or", "50%", "", "Kaliorang Utara", "Ä"]
KINDS = {
    "nama": "text",
    "kode": "code",
    "jumlah": "integer",
    "luas": "number",
    "aktif": "boolean",
    "tanggal": "date",
    "waktu": "datetime",
}


def make_filter(dice: random.Random, depth: int = 0) -> dict[str, Any]:
    """Return a random filter."""
    if depth < 3 and dice.random() < 0.6:
        name = dice.choice(["and", "or", "not", "and", "or"])
        count = 1 if name == "not" else dice.randint(2, 3)
        return {"op": name, "args": [make_filter(dice, depth + 1) for _ in range(count)]}
    return dice.choice([_text, _number, _number, _boolean, _date, _datetime, _allen, _spatial, _spatial, _null])(dice)


def make_feature(dice: random.Random) -> tuple[Any, dict[str, Any]]:
    """Return a random geometry and properties, with gaps and values of the wrong kind among them."""
    values = {
        "nama": dice.choice(WORDS),
        "kode": f"64.08.{dice.randint(1, 18):02}",
        "jumlah": dice.choice([dice.randint(-5, 20), "banyak"]),
        "luas": dice.choice([round(dice.uniform(0, 10), 2), 2.5]),
        "aktif": dice.choice([True, False]),
        "tanggal": dice.choice([f"2025-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}", "kemarin"]),
        "waktu": f"2025-06-{dice.randint(1, 9):02}T{dice.randint(0, 23):02}:00:00{dice.choice(['Z', '+08:00', ''])}",
    }
    kept = {name: value for name, value in values.items() if dice.random() > 0.15}
    if dice.random() < 0.1:
        kept["nama"] = None
    return _shape(dice), kept


def write(node: Any) -> str:
    """Return CQL2 JSON as CQL2 text."""
    if isinstance(node, bool):
        return str(node).upper()
    if isinstance(node, str):
        return "'" + node.replace("'", "''") + "'"
    if not isinstance(node, dict):
        return str(node)
    if "property" in node:
        return f'"{node["property"]}"' if len(node["property"]) % 2 else node["property"]
    if "date" in node:
        return f"DATE('{node['date']}')"
    if "timestamp" in node:
        return f"TIMESTAMP('{node['timestamp']}')"
    if "interval" in node:
        return "INTERVAL('{}','{}')".format(*node["interval"])
    if "type" in node:
        return shapely.geometry.shape(node).wkt
    name, args = node["op"], node["args"]
    if name == "in":
        return f"{write(args[0])} IN ({','.join(map(write, args[1]))})"
    parts = [write(arg) for arg in args]
    if name in {"and", "or"}:
        # AND binds tighter than OR: only what is looser stands in brackets.
        loose = [arg for arg in args if isinstance(arg, dict) and arg.get("op") == "or"]
        parts = [f"({part})" if name == "and" and arg in loose else part for part, arg in zip(parts, args, strict=True)]
        return f" {name.upper()} ".join(parts)
    if name == "not":
        return f"NOT ({parts[0]})"
    if name == "isNull":
        return f"{parts[0]} IS NULL"
    if name == "between":
        return f"{parts[0]} BETWEEN {parts[1]} AND {parts[2]}"
    if name == "like":
        return f"{parts[0]} LIKE {parts[1]}"
    if "_" in name or name == "casei":
        return f"{name.upper()}({', '.join(parts)})"
    return f"{parts[0]} {name} {parts[1]}"


def written_json(node: Any) -> str:
    return json.dumps(node)


def _property(name: str) -> dict[str, str]:
    return {"property": name}


def _sign(dice: random.Random) -> str:
    return dice.choice(["=", "<>", "<", ">", "<=", ">="])


def _text(dice: random.Random) -> dict[str, Any]:
    word = dice.choice(WORDS)
    name = dice.choice(["=", "in", "like", "casei", "order", "code"])
    if name == "in":
        return {"op": "in", "args": [_property("nama"), dice.sample(WORDS, 3)]}
    if name == "like":
        return {"op": "like", "args": [_property("nama"), dice.choice(["%a%", "S%", "_angatta", "%'%", "50%"])]}
    if name == "casei":
        return {"op": "=", "args": [{"op": "casei", "args": [_property("nama")]}, {"op": "casei", "args": [word]}]}
    if name == "code":
        return {"op": _sign(dice), "args": [_property("kode"), f"64.08.{dice.randint(1, 18):02}"]}
    return {"op": _sign(dice) if name == "order" else "=", "args": [_property("nama"), word]}


def _number(dice: random.Random) -> dict[str, Any]:
    name = dice.choice(["jumlah", "luas"])
    if dice.random() < 0.25:
        low = dice.randint(-5, 10)
        return {"op": "between", "args": [_property(name), low, low + dice.randint(0, 8)]}
    if dice.random() < 0.25:
        return {"op": "in", "args": [_property("jumlah"), [dice.randint(-5, 20) for _ in range(4)]]}
    left: Any = _property(name)
    if dice.random() < 0.4:
        left = {"op": dice.choice("+-*"), "args": [_property("jumlah"), dice.randint(1, 4)]}
    return {"op": _sign(dice), "args": [left, dice.choice([dice.randint(-5, 20), 2.5])]}


def _boolean(dice: random.Random) -> dict[str, Any]:
    return {"op": dice.choice(["=", "<>"]), "args": [_property("aktif"), dice.choice([True, False])]}


def _day(dice: random.Random) -> str:
    return f"2025-{dice.randint(1, 12):02}-{dice.randint(1, 28):02}"


def _date(dice: random.Random) -> dict[str, Any]:
    return {"op": _sign(dice), "args": [_property("tanggal"), {"date": _day(dice)}]}


def _datetime(dice: random.Random) -> dict[str, Any]:
    moment = f"2025-06-{dice.randint(1, 9):02}T{dice.randint(0, 23):02}:00:00Z"
    return {"op": _sign(dice), "args": [_property("waktu"), {"timestamp": moment}]}


def _allen(dice: random.Random) -> dict[str, Any]:
    names = ["t_after", "t_before", "t_disjoint", "t_intersects", "t_during", "t_equals", "t_finishes", "t_starts"]
    begin, end = sorted([_day(dice), _day(dice)])
    span = dice.choice([{"interval": [begin, end]}, {"interval": ["..", end]}, {"interval": [begin, ".."]}])
    return {"op": dice.choice(names), "args": [_property("tanggal"), dice.choice([span, {"date": begin}])]}


def _spatial(dice: random.Random) -> dict[str, Any]:
    names = ["s_intersects", "s_intersects", "s_within", "s_disjoint", "s_contains", "s_touches", "s_crosses"]
    name = dice.choice([*names, "s_overlaps", "s_equals"])
    return {"op": name, "args": [_property("geometry"), json.loads(shapely.to_geojson(_shape(dice)))]}


def _null(dice: random.Random) -> dict[str, Any]:
    return {"op": "isNull", "args": [_property(dice.choice(["nama", "luas", "jumlah", "tanggal"]))]}


def _shape(dice: random.Random) -> Any:
    # On a grid of whole degrees, so that shapes touch, contain and equal one another.
    x, y, w, h = dice.randint(110, 118), dice.randint(-3, 3), dice.randint(1, 4), dice.randint(1, 3)
    return dice.choice(
        [shapely.Point(x, y), shapely.box(x, y, x + w, y + h), shapely.LineString([(x, y), (x + w, y + h)])]
    )
