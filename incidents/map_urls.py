"""Addresses of the public map. `incidents.urls` includes them; tiles come without a language or session."""

from django.urls import path

from incidents.views import map as views

urlpatterns = [
    path("tiles/reports/<str:z>/<str:x>/<str:y>.mvt", views.reports_tile, name="tiles-reports"),
]
