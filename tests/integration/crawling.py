"""Walking the whole site over the test client: every link, form and address that an answer names, and what it says."""

import gzip
import html
import io
import json
import re
import zipfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit

from django.test import Client
from django.urls import URLPattern, get_resolver

HOST = "http://testserver"
OF_A_SHAPE, ELSEWHERE = 4, 2
"""Addresses that differ only in figures and values: so many of them are opened, about data and elsewhere."""
ABOUT_DATA = ("/data/", "/ogc/", "/tiles/")
"""Where agencies' data are: every combination of parameters is of a shape of its own there. Other pages know reports
and filter them by a dozen parameters: there each parameter is, whatever stands beside it."""
BEGINNINGS = ("/", "/data/", "/data/tanya/", "/ogc/", "/api/v1/", "/api/v1/schema/", "/laporan/", "/opd/", "/dasbor/",
              "/sitemap.xml", "/robots.txt", "/manifest.webmanifest", "/feeds/", "/healthz/", "/readyz/")  # fmt: skip
LEFT_ALONE = re.compile(r"^/(static|media|admin|bahasa|lapor|akun/logout|laporan/[^/]+/kunci)(/|$)")
RANDOM = (
    (re.compile(r'nonce="[^"]*"|nonce-[\w+/=-]+'), "nonce"),
    (re.compile(r'name="csrfmiddlewaretoken" value="[^"]*"'), "csrf"),
    (re.compile(r'"timeStamp": ?"[^"]*"'), '"timeStamp":"now"'),
    (re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "id"),  # of folium's maps, of drafts
    (re.compile(r"u0026v=\d+"), "minute"),  # tiles of reports are asked for anew from time to time
    (re.compile(r"(?<![\d.:])\d\d[.:]\d\d([.:]\d\d)?(\.\d+)?(?!\d)"), "clock"),
)
UNTOLD = {"Set-Cookie", "Content-Length", "Date", "X-Request-ID"}


@dataclass(frozen=True)
class Answer:
    """An answer as a reader has it: unpacked, and without what is different each time."""

    status: int
    headers: str
    body: str

    @property
    def told(self) -> str:
        """All of it as text."""
        return f"{self.headers}\n{self.body}"

    def instead(self, names: Mapping[str, str]) -> "Answer":
        """Return the answer with words replaced, in the writings that answers use; ETags depend on the address."""
        texts = [re.sub(r"(?m)^ETag: .*\n?", "", self.headers), self.body]
        for old, new in names.items():
            texts = [text.replace(old, new).replace(old.title(), new.title()) for text in texts]
        return Answer(self.status, *texts)


def ask(client: Client, address: str, method: str = "GET", **sent: Any) -> Answer:
    """Send a request, unpack its answer."""
    response = client.generic(method, address, **sent)
    raw = bytes(response.getvalue() if response.streaming else response.content)
    headers = "\n".join(sorted(f"{name}: {value}" for name, value in response.headers.items() if name not in UNTOLD))
    text = unpacked(raw)
    for pattern, word in RANDOM:
        headers, text = pattern.sub(word, headers), pattern.sub(word, text)
    return Answer(response.status_code, headers, text)


def unpacked(raw: bytes) -> str:
    """Return the bytes as text; archives, gzip and Parquet are opened first."""
    if raw[:2] == b"\x1f\x8b":
        return unpacked(gzip.decompress(raw))
    if raw[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return "\n".join(f"{name}\n{unpacked(archive.read(name))}" for name in archive.namelist())
    if raw[:4] == b"PAR1":
        import pyarrow.parquet as parquet

        table = parquet.read_table(io.BytesIO(raw))
        columns = table.to_pydict()
        outlines = [unpacked(value) for value in columns.pop("geometry", []) if value]
        return "\n".join([str(columns), str(table.schema.metadata), *outlines])
    # Latin-1 keeps every byte, so that numbers in binary are found too; words are looked for in UTF-8.
    return raw.decode("utf-8", "strict") if is_text(raw) else raw.decode("latin-1") + raw.decode("utf-8", "replace")


def is_text(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return b"\0" not in raw


def crawl(
    client: Client, *, tiles: Iterable[tuple[int, int, int]], most: int = 700, within: tuple[str, ...] = ("/",)
) -> dict[str, Answer]:
    """Open everything that answers lead to, from `BEGINNINGS` on; return the answers by address. `tiles`: z, x, y.

    The crawl ends when `most` addresses are open, whatever waits; fewer answers than that are all there are. `within`:
    the beginnings of the addresses that are opened.
    """
    waiting, seen, shapes = [one for one in BEGINNINGS if one.startswith(within)], {}, Counter[str]()
    tiles = list(tiles)
    known = set(waiting)
    while waiting and len(seen) < most:
        address = waiting.pop(0)
        seen[address] = answer = ask(client, address)
        for found in named(answer, address, tiles):
            if found in known or not found.startswith(within) or LEFT_ALONE.match(found):
                continue
            of = shapes_of(found)
            enough = OF_A_SHAPE if found.startswith(ABOUT_DATA) else ELSEWHERE
            if all(shapes[shape] >= enough for shape in of):
                continue
            known.add(found)
            shapes.update(of)
            waiting.append(found)
    return seen


@lru_cache(maxsize=50_000)
def shapes_of(address: str) -> tuple[str, ...]:
    """Return an address without figures and values: those of one shape are of one kind. See `ABOUT_DATA`."""
    parts = urlsplit(address)
    path = re.sub(r"\d+", "0", re.sub(r"/KT-[^/]*", "/KT", parts.path))
    names = sorted({name for name, _value in parse_qsl(parts.query, keep_blank_values=True)})
    if path.startswith(ABOUT_DATA):
        return (f"{path}?{','.join(names)}",)
    return tuple(f"{path}?{name}" for name in names or [""])


def named(answer: Answer, address: str, tiles: list[tuple[int, int, int]]) -> Iterator[str]:
    """Yield the addresses of this site that an answer names in links, forms, attributes, JSON, XML and headers."""
    texts = set(re.findall(r"<(https?://[^>\s]+|/[^>\s]*)>", answer.headers))
    texts |= set(re.findall(r"(?m)^Location: (\S+)", answer.headers))
    if "text/html" in answer.headers:
        texts |= links_of(answer.body)
    if re.search(r"Content-Type: application/\S*json", answer.headers):
        texts |= set(_strings(json.loads(answer.body or "null")))
    texts |= set(re.findall(r"https?://testserver[^\s\"'<>\\]*", answer.body))
    texts |= set(re.findall(r"[\"'](/[a-z][\w/{}.?=&;%-]*)[\"']", answer.body))
    for text in sorted(html.unescape(text) for text in texts):
        if not text.startswith(("/", "?", HOST)):
            continue
        whole = urljoin(HOST + address, text)
        if not whole.startswith(HOST + "/"):
            continue
        path = whole.removeprefix(HOST).partition("#")[0]
        yield from filled(path, tiles)


@lru_cache(maxsize=1_000)
def links_of(page: str) -> frozenset[str]:
    """Return what a page of HTML names. Most pages come again, word for word, in the next crawl."""
    reader = _Links()
    reader.feed(page)
    return frozenset(reader.found)


def filled(path: str, tiles: list[tuple[int, int, int]]) -> Iterator[str]:
    """Yield a path with its `{z}/{x}/{y}` filled in, or as it is; nothing for other templates."""
    path = path.replace("%7B", "{").replace("%7D", "}").replace("{tileMatrix}", "{z}").replace("{tileRow}", "{y}")
    path = path.replace("{tileCol}", "{x}").replace("{fid}", "1")
    if "{z}" in path:
        for z, x, y in tiles:
            yield path.replace("{z}", str(z)).replace("{x}", str(x)).replace("{y}", str(y))
    elif "{" not in path:
        yield path


def _strings(node: Any) -> Iterator[str]:
    if isinstance(node, str):
        yield node
    elif isinstance(node, dict):
        for part in node.values():
            yield from _strings(part)
    elif isinstance(node, list):
        for part in node:
            yield from _strings(part)


class _Links(HTMLParser):
    """Every attribute that may be an address, and the address of each form with what it would send unchanged."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._form: tuple[str, list[tuple[str, str]]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        own = {name: value or "" for name, value in attrs}
        self.found += [value for name, value in own.items() if name in {"href", "src", "action"} or name[:5] == "data-"]
        if tag == "form" and own.get("method", "get").lower() == "get":
            self._form = (own.get("action", ""), [])
        if self._form and tag == "input" and own.get("name") and own.get("type") not in {"checkbox", "radio"}:
            self._form[1].append((own["name"], own.get("value", "")))
        if self._form and tag == "option" and own.get("value"):
            self._form[1].append(("", own["value"]))
        if self._form and tag == "select" and own.get("name"):
            self._form[1].append(("select", own["name"]))

    def handle_endtag(self, tag: str) -> None:
        if tag != "form" or self._form is None:
            return
        action, fields = self._form
        self._form = None
        given = [(name, value) for name, value in fields if name not in {"", "select"}]
        self.found.append(f"{action}?{urlencode(given)}")
        select = ""
        for name, value in fields:
            if name == "select":
                select = value
            elif name == "" and select:
                self.found.append(f"{action}?{urlencode([*given, (select, value)])}")


def addresses_of(slug: str, tile: tuple[int, int, int], codes: Iterable[str]) -> list[str]:
    """Return every address of the site that takes a layer's short name, made from the routes: none is forgotten."""
    z, x, y = tile
    values = {"z": z, "x": x, "y": y, "fid": 1, "number": 1}
    made = []
    for route in _routes(get_resolver().url_patterns):
        if not re.match(r"(data|tiles|ogc/collections)/", route) or not re.search(r"<(slug|str):slug>", route):
            continue
        path = "/" + re.sub(r"<(slug|str):slug>", slug, route)
        path = re.sub(r"<\w+:(z|x|y|fid|number)>", lambda part: str(values[part[1]]), path)
        made += [path.replace("<slug:code>", code) for code in (codes if "<slug:code>" in path else [""])]
    assert not [path for path in made if "<" in path]
    return made


def _routes(patterns: list[Any], prefix: str = "") -> list[str]:
    found = []
    for entry in patterns:
        route = prefix + str(entry.pattern)
        found += [route] if isinstance(entry, URLPattern) else _routes(entry.url_patterns, route)
    return found
