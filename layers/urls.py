from django.urls import include, path
from django.views.decorators.http import require_safe

from layers import views
from layers.tiles import layer_tile

urlpatterns = [
    path("data/unggah/", include("layers.upload_urls")),  # before data/<slug>/
    path("data/", views.catalogue, name="catalogue"),
    path("data/<slug:slug>/", views.layer, name="layer"),
    path("data/<slug:slug>/fitur/<int:fid>/", views.feature, name="layer_feature"),
    path("data/<slug:slug>/unduh/<slug:code>/", views.download, name="layer_download"),
    path("data/<slug:slug>/metadata.xml", views.iso_xml, name="layer_iso_xml"),
    path("data/<slug:slug>/metadata.jsonld", views.dcat, name="layer_dcat"),
    path("tiles/<slug:slug>/<str:z>/<str:x>/<str:y>.mvt", require_safe(layer_tile), name="layer_tiles"),
]
