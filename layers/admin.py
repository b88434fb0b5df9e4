"""Layers in the admin: who may see one, who may see which field, and what words mean in the catalogue's search.

Data come by upload or command only. Coordinators (the stewards) see every layer, others those of their own agency.
"""

from hashlib import blake2b
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.models import Group
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin, TabularInline
from unfold.widgets import UnfoldAdminSelectMultipleWidget, UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from accounts.models import User
from geo.admin import LookOnlyAdmin
from layers.field_access import GROUPS_KEY, KEY, LATER_KEY, ShownTo, is_coming, once_published, shown_to
from layers.models import (
    ApiKey,
    FeatureChange,
    ImportJob,
    Layer,
    LayerDownload,
    LayerEdit,
    LayerVersion,
    Synonym,
    VersionChange,
)

WORDS_MAX = 20


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


class LayerForm(forms.ModelForm):
    """A layer with its field dictionary, a row for each field (`rows_of`)."""

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        told = []
        for entry in self.instance.fields:
            mark = _mark(entry)
            if f"title_{mark}" in self.data:  # a field that came meanwhile, by an upload, stays as it came
                told_to = given.get(f"shown_to_{mark}") or ShownTo.NOBODY
                entry = entry | {
                    "hidden": told_to == ShownTo.NOBODY,
                    LATER_KEY if is_coming(entry) else KEY: told_to,
                    GROUPS_KEY: sorted(group.pk for group in given.get(f"groups_{mark}") or ()),
                    "title": given.get(f"title_{mark}") or entry["name"],
                    "description": given.get(f"description_{mark}", ""),
                }
            told.append(entry)
            if (
                f"title_{mark}" in self.data
                and shown_to(once_published(entry)) == ShownTo.GROUPS
                and not entry[GROUPS_KEY]
            ):
                self.add_error(f"groups_{mark}", _("Choose the groups that may see this field."))
        self.instance.fields = told
        return given


def rows_of(layer: Layer) -> dict[str, forms.Field]:
    """Return the form fields for a layer's dictionary: for each field who sees it, its title, what it says."""
    rows: dict[str, forms.Field] = {}
    for entry in layer.fields:
        mark, name = _mark(entry), entry["name"]
        notes = [_("Looks like personal data.")] if entry.get("personal") else []
        notes += [_("New: nobody sees it before a version that has it is published.")] if is_coming(entry) else []
        rows[f"shown_to_{mark}"] = forms.ChoiceField(
            label=_("%(name)s: who sees it") % {"name": name},
            help_text=" ".join(notes),
            choices=ShownTo.choices,
            required=False,  # a field that came meanwhile is not in what is sent
            initial=shown_to(once_published(entry)),
            widget=UnfoldAdminSelectWidget,
        )
        rows[f"groups_{mark}"] = forms.ModelMultipleChoiceField(
            label=_("%(name)s: named groups") % {"name": name},
            queryset=Group.objects.order_by("name"),
            required=False,
            initial=entry.get(GROUPS_KEY) or [],
            widget=UnfoldAdminSelectMultipleWidget,
        )
        rows[f"title_{mark}"] = forms.CharField(
            label=_("%(name)s: title") % {"name": name},
            required=False,
            max_length=120,
            initial=entry.get("title") or name,
            widget=UnfoldAdminTextInputWidget,
        )
        rows[f"description_{mark}"] = forms.CharField(
            label=_("%(name)s: what it says") % {"name": name},
            required=False,
            max_length=500,
            initial=entry.get("description") or "",
            widget=UnfoldAdminTextInputWidget,
        )
    return rows


@admin.register(Layer)
class LayerAdmin(ModelAdmin):
    form = LayerForm
    list_display = ("slug", "title_id", "agency", "state", "access", "hidden_fields", "theme", "cycle", "changed_at")
    list_filter = ("state", "access", "theme", "agency", "synthetic")
    list_select_related = ("agency",)
    search_fields = ("slug", "title_id", "title_en")
    filter_horizontal = ("groups",)
    # A layer is published, and its version changed, by the steward's decision (layers/versions.py), not here.
    readonly_fields = ("slug", "state", "current", "synthetic", "hidden_fields", "created_at", "changed_at")
    inlines = [VersionInline]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Layer]:
        layers = super().get_queryset(request)
        if request.user.is_superuser or not isinstance(request.user, User):
            return layers
        return layers.filter(pk__in=Layer.objects.at_desk_of(request.user).values("pk"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may see it stands first, then who sees which field."""
        rows: list[Any] = ["hidden_fields"]
        if obj is not None and self.has_change_permission(request, obj):
            rows = [
                (f"shown_to_{mark}", f"groups_{mark}", f"title_{mark}", f"description_{mark}")
                for mark in map(_mark, obj.fields)
            ]
        told = ("title_id", "title_en", "abstract_id", "abstract_en", "theme", "keywords", "licence", "lineage")
        more = ("source", "scale", "cycle", "contact", "synthetic", "created_at", "changed_at")
        return [
            (None, {"fields": ("slug", "agency", "state", "current")}),
            (gettext_lazy("Who may see it"), {"fields": ("access", "groups")}),
            (
                gettext_lazy("Fields"),
                {
                    "fields": rows,
                    "description": gettext_lazy(
                        "Who may not see a field finds it nowhere: not in pages, search, filters, colours, tiles and "
                        "downloads, in old versions neither. What nobody sees, its own agency does not see either."
                    ),
                },
            ),
            (gettext_lazy("Description"), {"fields": told + more}),
        ]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None and self.has_change_permission(request, obj):
            kwargs["form"] = type("LayerForm", (self.form,), rows_of(obj))
        return super().get_form(request, obj, change=change, **kwargs)

    def save_model(self, request: HttpRequest, obj: Layer, form: Any, change: bool) -> None:
        """Store the layer; say so when something that looks personal is shown to everybody."""
        super().save_model(request, obj, form, change)
        shown = [entry["name"] for entry in obj.shown_fields() if entry.get("personal")]
        if shown and obj.access == "public":
            messages.warning(
                request, _("Everybody can read these, and they look personal: %(names)s") % {"names": ", ".join(shown)}
            )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Layers are withdrawn, not deleted: addresses and downloads point to them."""
        return False

    @admin.display(description=gettext_lazy("fields not for everybody"))
    def hidden_fields(self, layer: Layer) -> str:
        told = [(entry["name"], shown_to(entry)) for entry in layer.fields]
        return ", ".join(f"{name} ({ShownTo(to).label})" for name, to in told if to != ShownTo.EVERYBODY) or "–"


class SynonymForm(forms.ModelForm):
    """Words of one meaning: at least two, each once, in small letters."""

    def clean_words(self) -> list[str]:
        words = list(dict.fromkeys(" ".join(word.casefold().split()) for word in self.cleaned_data["words"]))
        words = [word for word in words if word]
        if len(words) < 2:
            raise forms.ValidationError(_("Write at least two words, with commas between them."))
        if len(words) > WORDS_MAX:
            raise forms.ValidationError(_("Write at most %(n)d words in one line.") % {"n": WORDS_MAX})
        return words


@admin.register(Synonym)
class SynonymAdmin(ModelAdmin):
    form = SynonymForm
    list_display = ("__str__",)
    search_fields = ("words",)


@admin.register(ImportJob)
class ImportJobAdmin(LookOnlyAdmin):
    list_display = ("name", "agency", "by", "state", "attempts", "created_at")
    list_filter = ("state", "agency")
    list_select_related = ("agency", "by")
    exclude = ("inspection",)


@admin.register(LayerDownload)
class LayerDownloadAdmin(LookOnlyAdmin):
    list_display = ("at", "user", "key", "layer", "version", "format", "srid")
    list_filter = ("format", "layer")
    list_select_related = ("user", "key", "layer", "version")


@admin.register(VersionChange)
class VersionChangeAdmin(LookOnlyAdmin):
    list_display = ("at", "layer", "before", "after", "by", "reason")
    list_select_related = ("layer", "before", "after", "by")


@admin.register(LayerEdit)
class LayerEditAdmin(LookOnlyAdmin):
    list_display = ("opened_at", "layer", "state", "opened_by", "closed_by", "closed_at", "version")
    list_filter = ("state", "layer")
    list_select_related = ("layer", "opened_by", "closed_by", "version")


@admin.register(FeatureChange)
class FeatureChangeAdmin(LookOnlyAdmin):
    list_display = ("at", "edit", "fid", "kind", "by")
    list_filter = ("kind",)
    list_select_related = ("edit__layer", "by")
    exclude = ("geom", "properties")  # hidden fields are among them


@admin.register(ApiKey)
class ApiKeyAdmin(LookOnlyAdmin):
    list_display = ("consumer", "owner", "prefix", "may_edit", "created_at", "expires_at", "last_used_at", "revoked_at")
    list_filter = ("may_edit",)
    list_select_related = ("owner",)
    search_fields = ("consumer", "prefix", "owner__username")
    exclude = ("digest",)


def _mark(entry: dict[str, Any]) -> str:
    """Return what a field is called in the form, whatever letters its name has."""
    return blake2b(str(entry["name"]).encode(), digest_size=6).hexdigest()
