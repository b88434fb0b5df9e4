from django.urls import include, path
from django.views.decorators.http import require_safe

from layers import combine_views, edit_views, history_views, key_views, steward_views, views
from layers.tiles import layer_tile

urlpatterns = [
    path("data/unggah/", include("layers.upload_urls")),  # before data/<slug>/
    path("data/kunci/", key_views.keys, name="api_keys"),
    path("data/kunci/<int:pk>/cabut/", key_views.revoke, name="api_key_revoke"),
    path("data/unduhan/", steward_views.downloads, name="layer_audit"),
    path("data/tanya/", include("layers.question_urls")),
    path("data/peta/", combine_views.combine, name="layers_combine"),
    path("data/", views.catalogue, name="catalogue"),
    path("data/<slug:slug>/", views.layer, name="layer"),
    path("data/<slug:slug>/perubahan/", edit_views.changes, name="layer_changes"),
    path("data/<slug:slug>/perubahan/tanda.geojson", edit_views.signs, name="layer_changes_signs"),
    path("data/<slug:slug>/sematan/", views.embed, name="layer_embed"),
    path("data/<slug:slug>/fitur/<int:fid>/", views.feature, name="layer_feature"),
    path("data/<slug:slug>/riwayat/", history_views.changes, name="layer_history"),
    path("data/<slug:slug>/riwayat/<int:number>/", history_views.change, name="layer_history_change"),
    path("data/<slug:slug>/riwayat/<int:number>/tanda.geojson", history_views.signs, name="layer_history_signs"),
    path("data/<slug:slug>/versi/", steward_views.versions, name="layer_versions"),
    path("data/<slug:slug>/versi/<int:number>/pakai/", steward_views.reinstate, name="layer_reinstate"),
    path("data/<slug:slug>/unduh/<slug:code>/", views.download, name="layer_download"),
    path("data/<slug:slug>/metadata.xml", views.iso_xml, name="layer_iso_xml"),
    path("data/<slug:slug>/metadata.jsonld", views.dcat, name="layer_dcat"),
    path("tiles/<slug:slug>/<str:z>/<str:x>/<str:y>.mvt", require_safe(layer_tile), name="layer_tiles"),
]
