"""What reading may use. Sizes in bytes, times in seconds."""

import os
import resource

FILE_BYTES = 500_000_000
ZIP_FILES = 200
ZIP_BYTES = 1_000_000_000  # unpacked, all files together
ROWS = 2_000_000
COLUMNS = 300
CELL_CHARACTERS = 20_000
CPU_S = 420
WALL_S = 600
MEMORY = 512_000_000  # resident; the parent watches it
ADDRESS_SPACE = 3_000_000_000  # a back stop: libraries reserve far more than they use

# Drivers that pyogrio's GDAL carries and an import has no use for: they would open other files, or the network.
SKIPPED_DRIVERS = (
    "PCIDSK PDS4 VICAR PDF MBTiles EEDA OGCAPI GDALG MapInfo_File LVBAG S57 DGN OGR_VRT CSV GML GeoJSONSeq ESRIJSON "
    "TopoJSON OGR_GMT SQLite WAsP OpenFileGDB DXF GeoRSS VFK PGDUMP OSM GPSBabel OGR_PDS WFS OAPIF EDIGEO Idrisi ODS "
    "XLSX Elasticsearch Carto AmigoCloud SXF Selafin JML PLSCENES CSW VDV MVT NGW MapML GTFS PMTiles JSONFG "
    "MiraMonVector ADBC AVCBin AVCE00 AIVector HTTP"
)

ENVIRONMENT = {
    "GDAL_SKIP": ",".join(name.replace("MapInfo_File", "MapInfo File") for name in SKIPPED_DRIVERS.split()),
    "OGR_SKIP": "",
    "GDAL_DISABLE_READDIR_ON_OPEN": "FALSE",
    "CPL_VSIL_CURL_ALLOWED_EXTENSIONS": "{noext}",
    "OGR_GEOJSON_MAX_OBJ_SIZE": "64",  # MB, of one feature
    "SHAPE_RESTORE_SHX": "YES",
    "PROJ_NETWORK": "OFF",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OGR_ARROW_NUM_THREADS": "1",
    "OGR_GPKG_NUM_THREADS": "1",
    "GDAL_NUM_THREADS": "1",
    "GDAL_CACHEMAX": "32",
    "MALLOC_ARENA_MAX": "2",
    "PYTHONUTF8": "1",
}


def apply() -> None:
    """Limit this process; called by the child before it reads a byte."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S + 5))
    resource.setrlimit(resource.RLIMIT_AS, (ADDRESS_SPACE, ADDRESS_SPACE))
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * ZIP_BYTES, 2 * ZIP_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
    os.nice(5)
