"""Map pages, built by folium and served by ourselves: no iframe, no other host, nothing inline without the nonce.

folium writes the page's one script: the map and a line for each layer, which calls one function of
`static/js/map/`. People's words never pass through here: layers read tiles and JSON by URL.

Give a template the returned `MapMarkup` and print its parts: `head` in <head>, `body` where the map belongs,
`scripts` at the end of <body>. See docs/maps.md.
"""

import html
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.contrib.gis.db.models import Extent
from django.contrib.gis.db.models.functions import Envelope, PointOnSurface
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.html import format_html, format_html_join, strip_tags
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from geo.models import BoundaryEdition, KecamatanBoundary

MIN_ZOOM, MAX_ZOOM = 6, 18
LOCATOR_ZOOM = 10
DESA_FROM = 12
"""The zoom from which maps draw desa; js/map/layers.js has it too, for the legend."""
PIN_ZOOM, PIN_CLOSE = 15, 14
"""Where a place is picked: the zoom to go to, and the farthest at which a tap takes it (farther, it goes nearer)."""
PIN_ZOOM_BARE = 11
"""Both without a base map: nearer, neither a line nor a name of a desa may be in sight to go by."""
DESCRIBED = {
    "Batas skematik Kutai Timur": gettext_lazy("Schematic boundaries of Kutai Timur"),
    "Sel Voronoi titik 141 desa, digabung per kecamatan, dipotong garis luar 51 sudut (data/facts)": gettext_lazy(
        "Voronoi cells of the points of 141 desa, joined by kecamatan, cut by an outline of 51 corners (data/facts)"
    ),
}
"""The bundled edition in both languages, by what its definition.toml says; others stand as they were loaded."""
IMPORTS = {
    "pbf": "vendor/pbf/pbf.js",
    "@mapbox/point-geometry": "vendor/point-geometry/point-geometry.js",
    "@mapbox/vector-tile": "vendor/vector-tile/vector-tile.js",
}
"""Bare names in module imports, and the static files that they mean."""

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees (EPSG:4326)."""


@dataclass(frozen=True)
class MapMarkup:
    """A map for a template: `head`, `body` and `scripts`; printed as a whole it is its body."""

    head: SafeString
    body: SafeString
    scripts: SafeString

    def __str__(self) -> str:
        return self.body


@dataclass(frozen=True)
class Areas:
    """The active edition as maps need it. Points and bounds are degrees (EPSG:4326)."""

    kind: str
    name: str | Promise
    source: str | Promise
    licence: str
    bounds: Bounds
    kecamatan: tuple[dict[str, Any], ...]
    """`code`, `name`, `people`, `lat`, `lon` (a point inside, for the name) and `bounds`, by name."""

    @property
    def is_schematic(self) -> bool:
        return self.kind == BoundaryEdition.Kind.SCHEMATIC

    def lie_within(self, bounds: Bounds) -> bool:
        """Whether `bounds` cover all areas, and the coastal water with its margin of COAST_M."""
        margin = settings.COAST_M / 110_000
        west, south, east, north = self.bounds
        return (
            bounds[0] <= west - margin
            and bounds[1] <= south - margin
            and bounds[2] >= east + margin
            and bounds[3] >= north + margin
        )


def active_areas() -> Areas | None:
    """Return the active edition's areas, or None without one. Kept by the process until another edition is active."""
    columns = ("pk", "kind", "name", "source", "licence", "activated_at")
    row = BoundaryEdition.objects.active().values_list(*columns).first()
    return _areas(*row) if row else None


def credit(areas: Areas) -> SafeString:
    """Return whose boundaries (and base map) a map shows, for a place on that map."""
    base = html.unescape(strip_tags(settings.BASE_MAP_ATTRIBUTION)) if settings.BASE_MAP_URL else ""
    return render_to_string("includes/map_credit.html", {"areas": areas, "base_map": base})


def browse_map(
    *,
    nonce: object,
    areas: Areas,
    layer: "TileLayer",
    start: str,
    options: Mapping[str, Any],
    label: str,
) -> MapMarkup:
    """Return the map of a whole page: kecamatan, one layer of our tiles, and the page's own script.

    `start` is a static path of a module that exports `start(map, layer, options)`; `options` get `areas` and `bounds`.
    The page itself prints `credit(areas)`.
    """
    folium = _folium()
    page = _new_map("page", areas, label)
    tiles = folium.TileSource("reports", "reportsLayer", layer.options())
    page.add_child(tiles)
    _add_kecamatan(page, areas)
    page.add_child(folium.Call("start", tiles, dict(options) | {"bounds": areas.bounds}, "areas"))
    return _markup(page, nonce, {start: ("start",)})


def data_map(
    *,
    nonce: object,
    areas: Areas,
    layer: "TileLayer",
    module: str,
    options: Mapping[str, Any],
    label: str,
) -> MapMarkup:
    """Return a map of one layer of tiles over the kecamatan, drawn and handled by a module of the caller's.

    `module` is a static path of one that exports `dataLayer(options)`, a VectorGrid, and `start(map, layer, options)`.
    """
    folium = _folium()
    page = _new_map("data", areas, label)
    _add_kecamatan(page, areas)
    tiles = folium.TileSource("data", "dataLayer", layer.options())
    page.add_child(tiles)
    page.add_child(folium.Call("start", tiles, options))
    return _markup(page, nonce, {module: ("dataLayer", "start")}, areas=areas)


def twin_maps(
    *,
    nonce: object,
    areas: Areas,
    layers: Sequence["TileLayer"],
    module: str,
    options: Sequence[Mapping[str, Any]],
    labels: Sequence[str],
) -> list[MapMarkup]:
    """Return a map as `data_map` makes it for each of the layers, for one page: `start` is called for each of them.

    Print `head` and `scripts` of the first one only (the others' are empty), and `body` of each where it belongs.
    """
    folium = _folium()
    pages = []
    for n, (layer, more, label) in enumerate(zip(layers, options, labels, strict=True)):
        page = _new_map(f"data_{n}", areas, label)
        _add_kecamatan(page, areas, suffix=f"_{n}")
        tiles = folium.TileSource(f"data_{n}", "dataLayer", layer.options())
        page.add_child(tiles)
        page.add_child(folium.Call("start", tiles, more))
        pages.append(page)
    for page in pages[1:]:
        page.areas_js = ""  # the first one's serve all
        pages[0].get_root().add_child(page)
    head, bodies, scripts = _parts(pages[0], nonce, {module: ("dataLayer", "start")})
    corner = format_html('<div class="map-corner">{}</div>', credit(areas))
    first, *others = [mark_safe(body + corner) for body in bodies]  # noqa: S308 - see _parts
    empty = SafeString("")
    return [MapMarkup(head, first, scripts), *(MapMarkup(empty, body, empty) for body in others)]


def layered_map(
    *,
    nonce: object,
    areas: Areas,
    layers: Sequence["TileLayer"],
    reports: "TileLayer | None",
    module: str,
    options: Mapping[str, Any],
    label: str,
) -> MapMarkup:
    """Return a map of several layers of tiles over the kecamatan, the first on top; above them reports, if given.

    `module` is a static path of one that exports `dataLayer(options)` and `start(map, layers, options)`: it gets the
    layers in the order given, and the reports' layer as the last one of them.
    """
    folium = _folium()
    page = _new_map("combined", areas, label)
    _add_kecamatan(page, areas)
    tiles = [folium.TileSource(f"data_{n}", "dataLayer", layer.options()) for n, layer in enumerate(layers)]
    for one in reversed(tiles):
        page.add_child(one)
    if reports:
        tiles.append(folium.TileSource("reports", "reportsLayer", reports.options()))
        page.add_child(tiles[-1])
    page.add_child(folium.Call("start", tiles, options))
    return _markup(page, nonce, {module: ("dataLayer", "start")}, areas=areas)


def pin_map(
    *,
    nonce: object,
    lon: float | None = None,
    lat: float | None = None,
    lon_input: str = "id_lon",
    lat_input: str = "id_lat",
    label: str | None = None,
) -> MapMarkup | None:
    """Return a map on which a place is picked by tap or by keyboard; None without an active edition.

    The place is written to the inputs with the ids `lon_input` and `lat_input` (degrees, six decimals, an `input` event
    follows) and told as the event `placepicked` on the map's element (`detail`: lon, lat, source). The event
    `placeset` on the element (`detail`: lon, lat) moves the pin from outside.
    """
    areas = active_areas()
    if areas is None:
        return None
    page = _new_map("pin", areas, label or _("Map for choosing the place. Tap, or use the arrow keys."))
    bare = not settings.BASE_MAP_URL
    _add_kecamatan(page, areas, desa_from=PIN_ZOOM_BARE - 1 if bare else DESA_FROM)
    options = {
        "lonInput": lon_input,
        "latInput": lat_input,
        "near": PIN_ZOOM_BARE if bare else PIN_ZOOM,
        "close": PIN_ZOOM_BARE if bare else PIN_CLOSE,
        "place": [lat, lon] if lon is not None and lat is not None else None,
        "bounds": areas.bounds,
        "texts": {
            "pin": _("The place. Move it with the arrow keys, with Shift in small steps."),
            "here": _("Put the pin in the middle of the map"),
            "tapAgain": _("Now tap the exact place."),
            "enterAgain": _("Now move the exact place under the cross with the arrow keys, and press Enter again."),
            "pressAgain": _("Now move the map until the exact place is in its middle, and press the button again."),
            "moveOn": _("Now move the pin to the exact place with the arrow keys."),
            **_texts(),
        },
    }
    page.add_child(_folium().Call("pick", None, options))
    return _markup(page, nonce, {"js/map/pick.js": ("pick",)}, areas=areas)


def locator_map(*, nonce: object, lon: float, lat: float, name: str = "locator") -> MapMarkup | None:
    """Return a small still map with a pin at lon, lat; None without an active edition.

    It takes no focus and no gestures. The place in words belongs beside it.
    """
    areas = active_areas()
    if areas is None:
        return None
    page = _new_map(name, areas, _("Small map with a pin at the place"), still=True)
    _add_kecamatan(page, areas)
    options = {"place": [lat, lon], "zoom": LOCATOR_ZOOM, "texts": _texts()}
    page.add_child(_folium().Call("locator", None, options))
    return _markup(page, nonce, {"js/map/pick.js": ("locator",)}, areas=areas)


@dataclass(frozen=True)
class TileLayer:
    """Where tiles come from (`{z}/{x}/{y}` in `url`), the query string to add, and what else the script must know."""

    url: str
    query: str = ""
    more: Mapping[str, Any] | None = None

    def options(self) -> dict[str, Any]:
        """Return the options for the script."""
        return {"url": self.url, "query": self.query, "icons": static("img/icons.svg"), **(self.more or {})}


def tile_url(name: str) -> str:
    """Return the address of the tiles whose URL is called `name`, with {z}, {x} and {y} left open."""
    return reverse(name, kwargs={"z": 6, "x": 7, "y": 8}).replace("6/7/8", "{z}/{x}/{y}")


# Inside --------------------------------------------------------------------------------------------------------------


@cache
def _areas(edition_id: int, kind: str, name: str, source: str, licence: str, _activated_at: Any) -> Areas:
    rows = (
        KecamatanBoundary.objects.filter(edition=edition_id)
        .select_related("kecamatan")
        .defer("geom")
        .annotate(label=PointOnSurface("geom"), box=Envelope("geom"))
        .order_by("kecamatan__name")
    )
    kecamatan = tuple(
        {
            "code": row.kecamatan.code,
            "name": row.kecamatan.name,
            "people": row.kecamatan.population or 0,
            "lat": round(row.label.y, 4),
            "lon": round(row.label.x, 4),
            "bounds": [round(number, 4) for number in row.box.extent],
        }
        for row in rows
    )
    extent = KecamatanBoundary.objects.filter(edition=edition_id).aggregate(all=Extent("geom"))["all"]
    bounds = extent or (115.9, 0.0, 119.1, 1.9)
    return Areas(kind, DESCRIBED.get(name, name), DESCRIBED.get(source, source), licence, bounds, kecamatan)


def _texts() -> dict[str, str]:
    return {
        "failed": _("Part of the map did not load."),
        "retry": _("Try again"),
        "zoomIn": _("Zoom in"),
        "zoomOut": _("Zoom out"),
    }


def _new_map(name: str, areas: Areas, label: str, *, still: bool = False) -> Any:
    west, south, east, north = areas.bounds
    page = _folium().PageMap(
        location=[(south + north) / 2, (west + east) / 2],
        zoom_start=8,
        tiles=None,
        max_zoom=MAX_ZOOM,
        min_zoom=MIN_ZOOM,
        zoom_control=False,
        attribution_control=bool(settings.BASE_MAP_URL) and not still,
        keyboard=not still,
    )
    page._id = name
    page.options["maxZoom"] = MAX_ZOOM  # folium tells it to base tiles only, and there may be none
    page.label = label
    page.still = still
    page.areas_js = _js(list(areas.kecamatan))
    if settings.BASE_MAP_URL:
        base = {"tiles": settings.BASE_MAP_URL, "attr": settings.BASE_MAP_ATTRIBUTION, "max_zoom": MAX_ZOOM}
        page.add_child(_folium().BaseMap(**base), name="base")
    return page


def _add_kecamatan(page: Any, areas: Areas, suffix: str = "", desa_from: int = DESA_FROM) -> None:
    """Add the lines and names of kecamatan and desa. The edition's kind tells how firmly they are drawn.

    `suffix` keeps the names of several maps' layers apart; `desa_from` is the zoom from which desa are drawn.
    """
    options = {
        "url": tile_url("tiles-kecamatan"),
        "query": "",
        "desa": tile_url("tiles-desa"),
        "kind": areas.kind,
        "land": not settings.BASE_MAP_URL,  # a base map shows its own
        "desaFrom": desa_from,
    }
    page.add_child(_folium().TileSource(f"kecamatan{suffix}", "areasLayer", options, "areas"))


def _markup(
    page: Any, nonce: object, imports: Mapping[str, tuple[str, ...]], *, areas: Areas | None = None
) -> MapMarkup:
    """Render folium's figure in parts, with the credit of `areas`. Raises ValueError for an asset that is not ours."""
    head, bodies, scripts = _parts(page, nonce, imports)
    body = "".join(bodies)
    if areas:
        body += format_html('<div class="map-corner">{}</div>', credit(areas))
    return MapMarkup(head, mark_safe(body), scripts)  # noqa: S308 - see _parts


def _parts(
    page: Any, nonce: object, imports: Mapping[str, tuple[str, ...]]
) -> tuple[SafeString, list[SafeString], SafeString]:
    """Render folium's figure: the head, the element of each of its maps, and the scripts."""
    from branca.element import CssLink, JavascriptLink

    figure = page.get_root()
    for child in figure._children.values():
        child.render()
    links = list(figure.header._children.values())
    css = [link.url for link in links if isinstance(link, CssLink)] + [static("css/map.css")]
    js = [link.url for link in links if isinstance(link, JavascriptLink)]
    foreign = [url for url in css + js if not url.startswith("/") or url.startswith("//")]
    if foreign:
        raise ValueError(
            f"A map page would load {', '.join(foreign)}. Give the class local default_js and default_css."
        )
    modules = {"js/map/layers.js": ("reportsLayer", "areasLayer"), **imports}
    lines = [f"import {{ {', '.join(names)} }} from {_js(static(path))};" for path, names in modules.items()]
    code = "\n".join([*lines, *(str(child.render()) for child in figure.script._children.values())])
    importmap = _js({"imports": {name: static(path) for name, path in IMPORTS.items()}})
    # All of it is ours: folium's templates with numbers, and texts and addresses through _js.
    return (
        format_html_join("", '<link rel="stylesheet" href="{}">', ((url,) for url in css))
        + format_html('<script type="importmap" nonce="{}">{}</script>', str(nonce), mark_safe(importmap)),  # noqa: S308
        [mark_safe(str(child.render())) for child in figure.html._children.values()],  # noqa: S308
        format_html_join("", '<script defer src="{}"></script>', ((url,) for url in js))
        + format_html('<script type="module" nonce="{}">{}</script>', str(nonce), mark_safe(code)),  # noqa: S308
    )


def _js(value: Any) -> str:
    """Return `value` as JavaScript that cannot end a <script>."""
    text = json.dumps(value, ensure_ascii=False)
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def _js_with(options: Mapping[str, Any], shared: Sequence[str]) -> str:
    """Return `options` as a JavaScript object that also has the script's constants of these names."""
    return ", ".join(["{..." + _js(options), *shared]) + "}"


@dataclass(frozen=True)
class _Folium:
    """Our subclasses of folium's classes, each with assets of our own."""

    PageMap: Any
    BaseMap: Any
    TileSource: Callable[..., Any]
    Call: Callable[..., Any]


@cache
def _folium() -> _Folium:
    """Import folium (two seconds, for pandas) when the first map is made, and subclass what we use of it."""
    import folium
    from branca.element import Element, MacroElement
    from folium.elements import JSCSSMixin
    from folium.map import Layer
    from folium.template import Template

    class Printed(Element):
        """What a template has made: text. An `Element` of the same words would be taken for a template once more."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

        def render(self, **kwargs: Any) -> str:
            return self.text

    class PrintedOnce(MacroElement):
        """The last of the classes that render: what it prints is never run as a template, whatever words are in it.

        branca makes a template of it. A title or a value of somebody's data could then run code here, and each map
        would compile eight templates.
        """

        def render(self, **kwargs: Any) -> None:  # type: ignore[override]
            figure, macros = self.get_root(), self._template.module.__dict__
            for name in ("header", "html", "script"):
                if name in macros:
                    getattr(figure, name).add_child(Printed(macros[name](self, kwargs)), name=self.get_name())
            for child in self._children.values():
                child.render(**kwargs)

    class PageMap(folium.Map, PrintedOnce):
        """folium's map without its page-wide styles, its viewport that forbids zooming, and other hosts' assets."""

        default_js = [("leaflet", static("vendor/leaflet/leaflet.js"))]
        default_css = [("leaflet_css", static("vendor/leaflet/leaflet.css"))]
        _template = Template(
            """
            {% macro html(this, kwargs) %}
            <div class="folium-map" id={{ this.get_name()|tojson }} data-map
              role="{{ 'img' if this.still else 'region' }}" aria-label="{{ this.label|e }}"></div>
            {% endmacro %}
            {% macro script(this, kwargs) %}
            {% if this.areas_js %}const areas = {{ this.areas_js }};{% endif %}
            const {{ this.get_name() }} = L.map({{ this.get_name()|tojson }}, {
                center: {{ this.location|tojson }}, crs: L.CRS.{{ this.crs }}, ...{{ this.options|tojavascript }}
            });
            {% endmacro %}
            """
        )

    class TileSource(JSCSSMixin, Layer, PrintedOnce):
        """A layer of our own vector tiles: one call of a function in static/js/map/layers.js."""

        default_js: list[tuple[str, str]] = []
        default_css: list[tuple[str, str]] = []
        _template = Template(
            """
            {% macro script(this, kwargs) %}
            const {{ this.get_name() }} = {{ this.maker }}({{ this.options_js }});
            {% endmacro %}
            """
        )

        def __init__(self, name: str, maker: str, options: Mapping[str, Any], *shared: str) -> None:
            super().__init__(name=name, overlay=True, control=False)
            self._name, self._id, self.maker = "tiles", name, maker
            self.options_js = _js_with(options, shared)

    class Call(PrintedOnce):
        """One call of an imported function with the map, perhaps a layer or a list of layers, and options."""

        _template = Template(
            """
            {% macro script(this, kwargs) %}
            {{ this.function }}({{ this._parent.get_name() }}, {{ this.layer }}{{ this.options_js }});
            {% endmacro %}
            """
        )

        def __init__(self, function: str, layer: Any, options: Mapping[str, Any], *shared: str) -> None:
            super().__init__()  # type: ignore[no-untyped-call]
            self._name, self.function = "call", function
            self.options_js = _js_with({"language": get_language(), **options}, shared)
            if isinstance(layer, list):
                self.layer = f"[{', '.join(one.get_name() for one in layer)}], "
            else:
                self.layer = f"{layer.get_name()}, " if layer else ""

    class BaseMap(folium.TileLayer, PrintedOnce):
        """The optional base map of the settings."""

        def __init__(self, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self._id = "base"

    return _Folium(PageMap, BaseMap, TileSource, Call)
