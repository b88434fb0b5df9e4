from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from config import health
from config.api_index import IndexView

handler400 = "config.problems.refused"
handler404 = "config.problems.not_found"
handler500 = "config.problems.broken"

# Tried from above: what programs ask for most often stands first.
urlpatterns = [
    path("api/v1/", include("incidents.api_urls")),
    path("api/v1/stats/", include("dashboards.api_urls")),
    path("api/v1/", IndexView.as_view(), name="api_index"),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="api_schema"),
    path(
        "api/v1/docs/",
        SpectacularSwaggerSplitView.as_view(url_name="api_schema", template_name="pages/api_docs.html"),
        name="api_docs",
    ),
    path("ogc/", include("layers.ogc.urls")),
    path("", include("dashboards.urls")),
    path("", include("incidents.urls")),
    path("", include("geo.urls")),
    path("", include("layers.urls")),
    path("", include("config.pages_urls")),
    path("akun/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz/", health.healthz, name="healthz"),
    path("readyz/", health.readyz, name="readyz"),
]
