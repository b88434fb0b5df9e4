import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class ReportDraft(models.Model):
    """What a person typed at /lapor/ so far. Its id is the idempotency key of the report that it becomes."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("draft")
        verbose_name_plural = _("drafts")

    def __str__(self) -> str:
        return str(self.pk)


class DraftPhoto(models.Model):
    """A photo of a draft, already re-encoded and stripped (see incidents/photos.py)."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    draft = models.ForeignKey(ReportDraft, on_delete=models.CASCADE, related_name="photos")
    image = models.ImageField(upload_to="drafts/%Y/%m/")
    thumb = models.ImageField(upload_to="drafts/%Y/%m/")
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["created_at"]

    def __str__(self) -> str:
        return str(self.pk)
