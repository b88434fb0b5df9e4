"""Addresses of the reference geography."""

from django.urls import path

from geo import api, area_tiles

urlpatterns = [
    path("api/v1/areas/kecamatan/", api.KecamatanView.as_view(), name="api_kecamatan"),
    path("api/v1/areas/desa/", api.DesaView.as_view(), name="api_desa"),
    path("tiles/kecamatan/<int:z>/<int:x>/<int:y>.mvt", area_tiles.kecamatan_tile, name="tiles-kecamatan"),
    path("tiles/desa/<int:z>/<int:x>/<int:y>.mvt", area_tiles.desa_tile, name="tiles-desa"),
]
