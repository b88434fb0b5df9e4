from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LayersConfig(AppConfig):
    name = "layers"
    verbose_name = _("Agencies' data")

    def ready(self) -> None:
        """Count features per kecamatan again when other boundaries come into use."""
        from geo.signals import edition_activated

        edition_activated.connect(_count_places_again, dispatch_uid="layers count places again")


def _count_places_again(*, edition: Any, **_kwargs: Any) -> None:
    from layers import coast
    from layers.models import Layer

    coast.share_out(edition.pk)
    Layer.objects.index_places()
