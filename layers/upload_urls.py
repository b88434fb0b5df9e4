from django.urls import path

from layers import incoming_views
from layers import upload_views as views

urlpatterns = [
    path("", views.uploads, name="uploads"),
    path("berkas/", incoming_views.files, name="incoming_files"),
    path("berkas/<uuid:pk>/", incoming_views.file, name="incoming_file"),
    path("berkas/<uuid:pk>/buang/", incoming_views.discard, name="incoming_discard"),
    path("<uuid:pk>/", views.upload, name="upload"),
    path("<uuid:pk>/jawab/", views.answer, name="upload_answer"),
    path("<uuid:pk>/isi/", views.about, name="upload_about"),
    path("<uuid:pk>/putusan/", views.decide, name="upload_decide"),
    path("<uuid:pk>/buang/", views.withdraw, name="upload_withdraw"),
    path("<uuid:pk>/beda.geojson", views.signs, name="upload_signs"),
    path("<uuid:pk>/<str:z>/<str:x>/<str:y>.mvt", views.tile, name="upload_tiles"),
]
