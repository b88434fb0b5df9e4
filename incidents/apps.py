from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = _("Reports")

    def ready(self) -> None:
        import incidents.receivers  # noqa: F401  importing connects them
