from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class IncidentsConfig(AppConfig):
    name = "incidents"
    verbose_name = _("Reports")

    def ready(self) -> None:
        from incidents import receivers

        assert receivers.tell_moving_reports  # noqa: S101  importing connects it
