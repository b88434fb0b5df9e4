from django.urls import path

from layers import question_views as views

urlpatterns = [
    path("", views.ask, name="questions"),
    path("simpan/", views.save, name="question_save"),
    path("fitur/<int:fid>/", views.feature, name="question_feature"),
    path("unduh/<slug:code>/", views.download, name="question_download"),
    path("ubin/<str:z>/<str:x>/<str:y>.mvt", views.tile, name="question_tiles"),
]
