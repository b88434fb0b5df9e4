"""People, agencies and who works where, in the admin."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as BaseGroupAdmin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from accounts.models import Agency, Membership, User

admin.site.unregister(Group)
# The admin's own sign-in knows neither limits nor the second factor; allauth's page has both.
admin.site.login = secure_admin_login(admin.site.login)  # type: ignore[method-assign]


def _lets_in(request: HttpRequest) -> bool:
    """Let staff and coordinators into the admin; each finds there what the person's permissions open."""
    return isinstance(request.user, User) and request.user.may_configure


admin.site.has_permission = _lets_in  # type: ignore[method-assign]


class MembershipInline(TabularInline):
    model = Membership
    extra = 0
    autocomplete_fields = ("agency",)


@admin.register(User)
class UserAdmin(BaseUserAdmin, ModelAdmin):
    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    inlines = (MembershipInline,)
    list_display = ("username", "first_name", "last_name", "email", "agencies", "is_active", "is_staff", "last_login")
    list_filter = ("is_active", "is_staff", "memberships__role", "memberships__agency")

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("memberships__agency")

    @admin.display(description=_("works for"))
    def agencies(self, user: User) -> str:
        return ", ".join(f"{m.agency.short_name} ({m.get_role_display()})" for m in user.memberships.all())

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """People are made inactive, never deleted: events name them."""
        return False


@admin.register(Group)
class GroupAdmin(BaseGroupAdmin, ModelAdmin):
    pass


@admin.register(Agency)
class AgencyAdmin(ModelAdmin):
    list_display = ("name", "short_name", "code", "kind", "kecamatan_code", "active")
    list_filter = ("active", "kind")
    search_fields = ("name", "short_name", "code", "topics")
    list_per_page = 100

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """A code stays: addresses carry it, and seeding would add the old one again."""
        return ("code",) if obj else ()

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Agencies are retired (`active`), never deleted: reports and events name them."""
        return False
