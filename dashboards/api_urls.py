from django.urls import path

from dashboards import api

urlpatterns = [
    path("", api.StatsView.as_view(), name="api_stats_sections"),
    *(path(f"{name}/", api.view_of(name), name=f"api_stats_{name}") for name in api.SECTIONS),
]
