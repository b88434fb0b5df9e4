"""Configuration in the admin: categories, routing, standards, holidays. The rest is there to look at.

Coordinators configure (`settings.COORDINATOR_PERMISSIONS`); everything else is for administrators. Who changed what,
and when, stands in the admin's history of each row, and for all of them in the list of changes.
"""

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import LogEntry
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline

from geo.admin import LookOnlyAdmin
from incidents import clock
from incidents.dry_run import DAYS, dry_run
from incidents.models import (
    Category,
    OutboxMessage,
    RegencyHoliday,
    Report,
    ReportEvent,
    RoutingRule,
    ServiceStandard,
)


@admin.register(Category)
class CategoryAdmin(ModelAdmin):
    list_display = ("named", "parent", "code", "handling", "sensitive", "active")
    list_filter = ("active", "sensitive", "kind", "handling", "parent")
    list_select_related = ("parent",)
    search_fields = ("name_id", "name_en", "code")
    list_per_page = 100

    @admin.display(description=_("name"), ordering="position")
    def named(self, category: Category) -> str:
        return category.name

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A code stays: the API and addresses carry it, and seeding would add the old one again."""
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Categories are retired (`active`), never deleted: reports point to them."""
        return False


@admin.register(RoutingRule)
class RoutingRuleAdmin(ModelAdmin):
    list_display = ("category_or_all", "kecamatan_or_all", "agency", "basis", "active")
    list_filter = ("active", "kecamatan", "category")
    list_select_related = ("category", "kecamatan", "agency")
    search_fields = ("category__name_id", "category__name_en", "agency__name", "agency__short_name", "basis")
    change_form_after_template = "incidents/admin/dry_run_button.html"

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Rules are retired (`active`), never deleted: reports name the one that chose their agency."""
        return False

    @admin.display(description=_("category"), ordering="category__position")
    def category_or_all(self, rule: RoutingRule) -> str:
        return str(rule.category or _("every category"))

    @admin.display(description=_("kecamatan"), ordering="kecamatan__name")
    def kecamatan_or_all(self, rule: RoutingRule) -> str:
        return str(rule.kecamatan or _("everywhere"))

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.dry_run_view)
        return [path("dry-run/", view, name="incidents_routingrule_dry_run"), *super().get_urls()]

    def dry_run_view(self, request: HttpRequest) -> HttpResponse:
        """Show which reports would go elsewhere with the rule as it was just filled in; nothing is saved."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        number = request.POST.get("rule") or request.GET.get("rule") or ""
        rule = get_object_or_404(RoutingRule, pk=number) if number.isdecimal() else None
        form = self.get_form(request, rule, change=rule is not None)(request.POST or None, instance=rule)
        result = dry_run(form.instance) if form.is_bound and form.is_valid() else None
        save_to = (
            reverse("admin:incidents_routingrule_change", args=[rule.pk])
            if rule
            else reverse("admin:incidents_routingrule_add")
        )
        context = self.admin_site.each_context(request) | {
            "title": _("Dry run of a routing rule"),
            "opts": self.opts,
            "form": form,
            "rule": rule,
            "result": result,
            "save_to": save_to,
            "days": DAYS,
            "media": self.media,
        }
        return TemplateResponse(request, "incidents/admin/dry_run.html", context)


class ClockAdmin(ModelAdmin):
    """What the clock reads: a change counts at once in this process, and within seconds in the others."""

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        clock.forget_rules()

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        super().delete_model(request, obj)
        clock.forget_rules()

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet) -> None:
        super().delete_queryset(request, queryset)
        clock.forget_rules()


@admin.register(ServiceStandard)
class ServiceStandardAdmin(ClockAdmin):
    list_display = ("step", "handling", "working_days", "basis")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What a standard is for stays: each step needs one."""
        return ("step", "handling") if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Standards are changed, never deleted: without one for a step no report could be taken in."""
        return False


@admin.register(RegencyHoliday)
class RegencyHolidayAdmin(ClockAdmin):
    list_display = ("date", "name")
    date_hierarchy = "date"


class EventInline(TabularInline):
    """A report's events: appended by the workflow, never here."""

    model = ReportEvent
    fields = ("created_at", "type", "from_status", "to_status", "actor", "agency", "public", "text", "hash")
    readonly_fields = fields
    ordering = ("pk",)
    extra = 0
    can_delete = False
    show_change_link = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        return super().get_queryset(request).select_related("actor", "agency")


@admin.register(Report)
class ReportAdmin(LookOnlyAdmin):
    """Reports without who sent them. They are moved at the desk, never here."""

    list_display = ("ticket", "title", "kind", "category", "kecamatan", "agency", "status", "created_at")
    list_filter = ("status", "kind", "confidential", "kecamatan", "agency")
    list_select_related = ("category", "kecamatan", "agency")
    search_fields = ("ticket",)
    search_help_text = _("A ticket, or its beginning")
    show_full_result_count = False
    ordering = ("-created_at", "-id")
    inlines = (EventInline,)
    fields = (
        "ticket",
        "status",
        "kind",
        "category",
        "title",
        "description",
        "occurred_at",
        "anonymous",
        "confidential",
        "channel",
        "kecamatan",
        "desa",
        "place_source",
        "accuracy_m",
        "near_border",
        "edition",
        "agency",
        "rule",
        "reason_id",
        "created_at",
        "changed_at",
        "verify_due_at",
        "respond_due_at",
        "resolve_due_at",
        "verified_at",
        "responded_at",
        "answered_at",
        "closed_at",
        "held_at",
        "held_until",
    )


@admin.register(OutboxMessage)
class OutboxMessageAdmin(LookOnlyAdmin):
    list_display = ("id", "topic", "state", "attempts", "due_at", "created_at", "done_at")
    list_filter = ("state", "topic")
    fields = ("topic", "payload", "state", "attempts", "due_at", "created_at", "done_at", "last_error")
    ordering = ("-id",)
    show_full_result_count = False
    actions = ("try_again",)

    @admin.action(description=_("Try again (only those given up)"))
    def try_again(self, request: HttpRequest, queryset: QuerySet[OutboxMessage]) -> None:
        """Put dead messages back into the queue, with all their attempts."""
        State = OutboxMessage.State
        again = queryset.filter(state=State.DEAD).update(
            state=State.WAITING, attempts=0, due_at=timezone.now(), done_at=None
        )
        words = ngettext("%(n)d message is tried again.", "%(n)d messages are tried again.", again) % {"n": again}
        self.message_user(request, words, messages.SUCCESS if again else messages.WARNING)


@admin.register(LogEntry)
class ChangeAdmin(LookOnlyAdmin):
    """Every change made in the admin: who, when, what; also of rows that are gone."""

    list_display = ("action_time", "user", "action_flag", "content_type", "object_repr", "told")
    list_filter = ("action_flag", "content_type")
    list_select_related = ("user", "content_type")
    date_hierarchy = "action_time"
    search_fields = ("user__username", "object_repr")
    fields = ("action_time", "user", "action_flag", "content_type", "object_repr", "told")
    show_full_result_count = False

    @admin.display(description=_("what was changed"))
    def told(self, entry: LogEntry) -> str:
        return entry.get_change_message()
