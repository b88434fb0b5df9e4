from django.urls import path

from dashboards import hotspot_views, planner_views, service_views, views
from dashboards.monthly import views as monthly

urlpatterns = [
    path("dasbor/", views.dashboard, name="dashboard"),
    path("dasbor/publik/", views.public_dashboard, name="dashboard_public"),
    # Before /opd/<ticket>/: config/urls.py includes these first.
    path("opd/peta/", planner_views.planner, name="planner"),
    path("opd/peta/sel.json", planner_views.cells, name="planner_cells"),
    path("opd/peta/laporan/", planner_views.reports, name="planner_reports"),
    path("opd/peta/unduh/<slug:code>/", planner_views.download, name="planner_download"),
    path("dasbor/layanan/", service_views.service, name="dashboard_service"),
    path("dasbor/data/", service_views.data, name="dashboard_data"),
    path("dasbor/laporan-bulanan/", monthly.monthly_reports, name="monthly_reports"),
    path("dasbor/laporan-bulanan/<str:name>", monthly.monthly_file, name="monthly_file"),
    path("jejak/", monthly.trace, name="trace"),
    path("jejak/SHA256SUMS", monthly.digests, name="trace_digests"),
]
for _where, _path in (
    (hotspot_views.LEADERS, "dasbor/titik-panas/"),
    (hotspot_views.EVERYBODY, "dasbor/publik/titik-panas/"),
    (hotspot_views.DESK, "opd/peta/titik-panas/"),
):
    urlpatterns += [
        path(_path, hotspot_views.hotspots_page, {"where": _where}, name=_where),
        path(f"{_path}sel/", hotspot_views.hotspots_cells, {"where": _where}, name=f"{_where}_cells"),
        path(f"{_path}sel.csv", hotspot_views.hotspots_csv, {"where": _where}, name=f"{_where}_csv"),
    ]
