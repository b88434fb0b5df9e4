from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LayersConfig(AppConfig):
    name = "layers"
    verbose_name = _("Agencies' data")

    def ready(self) -> None:
        """Count features per kecamatan again when other boundaries come into use."""
        from geo.signals import edition_activated, neighbours_loaded

        edition_activated.connect(_count_places_again, dispatch_uid="layers count places again")
        neighbours_loaded.connect(_share_water_out_again, dispatch_uid="layers share water out again")


def _count_places_again(*, edition: Any, **_kwargs: Any) -> None:
    from layers import coast
    from layers.models import Layer

    coast.share_out(edition.pk)
    Layer.objects.index_places()


def _share_water_out_again(**_kwargs: Any) -> None:
    from geo.models import BoundaryEdition
    from layers.models import Answer

    for edition in BoundaryEdition.objects.active():
        _count_places_again(edition=edition)
    Answer.objects.all().delete()  # made again when they are asked for
