"""The boundary editions in the admin: to look at. They are loaded and put in use by commands, with their checks."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin

from geo.models import BoundaryEdition, Desa, Kecamatan, NeighbourBoundary


class LookOnlyAdmin(ModelAdmin):
    """Rows that may be looked at."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(BoundaryEdition)
class BoundaryEditionAdmin(LookOnlyAdmin):
    list_display = (
        "name",
        "kind",
        "status",
        "kecamatan_count",
        "desa_count",
        "valid_from",
        "loaded_at",
        "activated_at",
    )
    list_filter = ("kind", "status")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BoundaryEdition]:
        return BoundaryEdition.objects.with_counts()

    @admin.display(description=_("kecamatan"))
    def kecamatan_count(self, edition: Any) -> int:
        return edition.kecamatan_count

    @admin.display(description=_("desa"))
    def desa_count(self, edition: Any) -> int:
        return edition.desa_count


@admin.register(Kecamatan)
class KecamatanAdmin(LookOnlyAdmin):
    list_display = ("code", "name", "bps_code", "seat", "population", "population_source")
    search_fields = ("name", "code")


@admin.register(Desa)
class DesaAdmin(LookOnlyAdmin):
    list_display = ("code", "name", "kind", "kecamatan")
    list_filter = ("kind", "kecamatan")
    list_select_related = ("kecamatan",)
    search_fields = ("name", "code")
    exclude = ("point",)


@admin.register(NeighbourBoundary)
class NeighbourBoundaryAdmin(LookOnlyAdmin):
    list_display = ("code", "name", "source")
    exclude = ("geom",)
