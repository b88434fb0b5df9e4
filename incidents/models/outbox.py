from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class OutboxMessage(models.Model):
    """A message to send at least once, written in the transaction of what it tells (see incidents/outbox.py)."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting")
        DONE = "done", _("done")
        DEAD = "dead", _("given up")

    topic = models.CharField(max_length=40)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.WAITING, db_default="waiting")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    created_at = models.DateTimeField(db_default=Now())
    done_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="", db_default="")

    class Meta:
        verbose_name = _("outgoing message")
        verbose_name_plural = _("outgoing messages")
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="waiting"), name="outbox_waiting_by_due"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} #{self.pk} ({self.state})"
