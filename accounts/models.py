"""People, agencies (OPD) and who works for which."""

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Agency(models.Model):
    """An agency that answers reports: an OPD, a kecamatan office, or an external body that reports are referred to."""

    class Kind(models.TextChoices):
        SECRETARIAT = "sekretariat", _("Secretariat")
        INSPECTORATE = "inspektorat", _("Inspectorate")
        BOARD = "badan", _("Board (badan)")
        UNIT = "satuan", _("Unit (satuan)")
        SERVICE = "dinas", _("Service (dinas)")
        HOSPITAL = "uobk", _("Hospital")
        ENTERPRISE = "bumd", _("Regency-owned enterprise")
        KECAMATAN = "kecamatan", _("Kecamatan office")
        EXTERNAL = "eksternal", _("External body, not an OPD")

    code = models.SlugField(
        _("code"), max_length=40, unique=True, help_text=_("Short name in small letters, such as dlh.")
    )
    short_name = models.CharField(_("short name"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=200, unique=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind)
    topics = models.TextField(_("topics"), blank=True, help_text=_("What it probably answers for; to be confirmed."))
    kecamatan_code = models.CharField(
        _("kecamatan code"), max_length=8, blank=True, help_text=_("For kecamatan offices: the kecamatan's code.")
    )
    active = models.BooleanField(_("active"), default=True)

    class Meta:
        verbose_name = _("agency (OPD)")
        verbose_name_plural = _("agencies (OPD)")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def is_external(self) -> bool:
        """Whether the body lies outside the regency's government, so that a report can only be referred to it."""
        return self.kind == self.Kind.EXTERNAL


class User(AbstractUser):
    """A person who signs in. Citizens report without an account."""

    class Meta(AbstractUser.Meta):
        verbose_name = _("person")  # type: ignore[assignment]  # AbstractUser.Meta's is typed as plain str
        verbose_name_plural = _("people")  # type: ignore[assignment]

    @property
    def is_coordinator(self) -> bool:
        """Whether the person coordinates reports for the whole regency (Diskominfo): sees all, and the unrouted."""
        return self.is_active and self._roles_held(Membership.Role.COORDINATOR)

    @property
    def may_configure(self) -> bool:
        """Whether the admin lets the person in at all; what is open there, permissions say (accounts/roles.py)."""
        return self.is_active and (self.is_staff or self.is_coordinator)

    @property
    def only_leads(self) -> bool:
        """Whether the person reads as one of the leadership, and neither answers nor coordinates."""
        roles = {membership.role for membership in self._memberships()}
        return self.is_active and roles == {Membership.Role.LEADER}

    def agency_ids(self) -> list[int]:
        """Return the ids of the agencies this person works for; empty for an inactive person."""
        if not self.is_active:
            return []
        return [membership.agency_id for membership in self._memberships()]

    def group_ids(self) -> frozenset[int]:
        """Return the ids of the groups this person is in; read once for each loaded person, that is once a request."""
        if not hasattr(self, "_group_ids"):
            self._group_ids = frozenset(self.groups.values_list("pk", flat=True)) if self.pk else frozenset()
        return self._group_ids

    def answers_for(self, agency_id: int | None) -> bool:
        """Whether the person is an active officer of the agency; the leadership reads, but does not answer."""
        role = Membership.Role.OFFICER
        return self.is_active and any(m.agency_id == agency_id and m.role == role for m in self._memberships())

    def works_at_desk(self) -> bool:
        """Whether the person may open the desk at all."""
        return self.is_active and bool(self._memberships())

    def _roles_held(self, role: str) -> bool:
        return any(membership.role == role for membership in self._memberships())

    def _memberships(self) -> list["Membership"]:
        """Read the memberships once for each loaded person, that is once a request."""
        if not hasattr(self, "_membership_list"):
            self._membership_list = list(self.memberships.all()) if self.pk else []
        return self._membership_list


class Membership(models.Model):
    """That a person works for an agency, and as what."""

    class Role(models.TextChoices):
        OFFICER = "officer", _("Officer")
        COORDINATOR = "coordinator", _("Coordinator of the regency")
        LEADER = "leader", _("Leadership")

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person"))
    agency = models.ForeignKey(Agency, on_delete=models.PROTECT, related_name="memberships", verbose_name=_("agency"))
    role = models.CharField(_("role"), max_length=20, choices=Role, default=Role.OFFICER)

    class Meta:
        verbose_name = _("membership")
        verbose_name_plural = _("memberships")
        constraints = [
            models.UniqueConstraint(fields=["user", "agency"], name="a_person_joins_an_agency_once"),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.agency.short_name} · {self.get_role_display()}"
