"""Layers in the admin: who may see one, which groups, which fields are hidden. Data come by upload or command only."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from geo.admin import LookOnlyAdmin
from layers.models import ImportJob, Layer, LayerVersion


class VersionInline(TabularInline):
    """The versions of a layer, to look at."""

    model = LayerVersion
    fields = readonly_fields = (
        "number",
        "state",
        "geometry_type",
        "feature_count",
        "source_name",
        "source_crs",
        "loaded_by",
        "loaded_at",
        "published_at",
    )
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Layer)
class LayerAdmin(ModelAdmin):
    list_display = ("slug", "title_id", "agency", "state", "access", "theme", "cycle", "changed_at")
    list_filter = ("state", "access", "theme", "agency", "synthetic")
    list_select_related = ("agency",)
    search_fields = ("slug", "title_id", "title_en")
    filter_horizontal = ("groups",)
    # A layer is published, and its version changed, by the steward's decision (layers/versions.py), not here.
    readonly_fields = ("slug", "state", "current", "synthetic", "created_at", "changed_at")
    inlines = [VersionInline]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Layers are withdrawn, not deleted: addresses and downloads point to them."""
        return False


@admin.register(ImportJob)
class ImportJobAdmin(LookOnlyAdmin):
    list_display = ("name", "agency", "by", "state", "attempts", "created_at")
    list_filter = ("state", "agency")
    list_select_related = ("agency", "by")
    exclude = ("inspection",)
