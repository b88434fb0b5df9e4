"""SQL expressions for a feature `f` as GeoJSON text."""

from layers.ogc.crs import Crs
from layers.ogc.statements import Sql, filled


def feature_sql(crs: Crs, hidden: tuple[str, ...]) -> Sql:
    """Return an expression for the whole feature, without its links."""
    geometry = Sql("f.geom")
    if crs.srid != 4326:
        geometry = Sql("ST_Transform(f.geom, %s)", (crs.srid,))
    if crs.north_first:
        geometry = filled("ST_FlipCoordinates({})", geometry)
    return filled(
        """'{{"type":"Feature","id":' || f.fid || ',"geometry":' || COALESCE(ST_AsGeoJSON({}, %s, 0), 'null')"""
        """ || ',"properties":' || {}::text || '}}'""",
        Sql(geometry.text, (*geometry.params, crs.decimals)),
        properties_sql(hidden),
    )


def properties_sql(hidden: tuple[str, ...]) -> Sql:
    """Return an expression for the properties (jsonb) but the hidden ones."""
    return Sql("(f.properties - %s::text[])", (list(hidden),)) if hidden else Sql("f.properties")
