"""/healthz/ (the process lives) and /readyz/ (database, storage and queue are there)."""

import shutil

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import HttpRequest, JsonResponse

from incidents.models import OutboxMessage

LOW_DISK_BYTES = 200_000_000


def healthz(request: HttpRequest) -> JsonResponse:
    """Answer as long as the process serves."""
    return JsonResponse({"status": "ok"})


def readyz(request: HttpRequest) -> JsonResponse:
    """Answer 200 when people can be served, else 503; each part says `ok` or what is wrong."""
    parts = {"database": _database(), "storage": _storage()}
    parts["queue"] = _queue() if parts["database"] == "ok" else "unknown"
    ready = all(state == "ok" for state in parts.values())
    return JsonResponse({"status": "ok" if ready else "not ready", **parts}, status=200 if ready else 503)


def _database() -> str:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT postgis_lib_version()")
    except DatabaseError:
        return "does not answer"
    return "ok"


def _storage() -> str:
    settings.MEDIA_ROOT.mkdir(parents=True, exist_ok=True)
    return "ok" if shutil.disk_usage(settings.MEDIA_ROOT).free > LOW_DISK_BYTES else "disk nearly full"


def _queue() -> str:
    try:
        OutboxMessage.objects.filter(state=OutboxMessage.State.WAITING).exists()
    except DatabaseError:
        return "not migrated"
    return "ok"
