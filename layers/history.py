"""What each published version changed: compared by the worker after the change, and told to whoever reads the layer."""

from collections.abc import Sequence
from dataclasses import asdict, astuple

from django.db import transaction

from layers.comparing import FID, Difference, Line, compare, differing, lines
from layers.models import Layer, LayerEdit, VersionChange, VersionDifference
from layers.selection import withheld


def compare_due() -> bool:
    """Compare the versions of the next change that waits for it; return whether there was one. Called by the worker."""
    waiting = VersionChange.objects.filter(before__isnull=False, difference__isnull=True)
    with transaction.atomic():
        change = waiting.select_for_update(of=("self",), skip_locked=True).order_by("pk").first()
        if change is None or change.before is None:
            return False
        compared = compare(old=change.before, new=change.after, key=_kept_key(change))
        found = differing(old=change.before, new=change.after, key=compared.key)
        told = {name: value for name, value in asdict(compared).items() if name != "listed"}
        VersionDifference.objects.create(change=change, features=[astuple(one) for one in found], **told)
    return True


def _kept_key(change: VersionChange) -> str | None:
    """Return by what the features are told apart if one version was made from the other by edits."""
    pair = {change.before_id, change.after_id}
    edits = LayerEdit.objects.filter(version_id__in=pair, base_id__in=pair)
    return FID if edits.exists() else None


def changes_of(layer: Layer) -> Sequence[tuple[int, VersionChange]]:
    """Return the changes of a layer's version with their numbers from 1, the newest first."""
    changes = list(layer.changes.select_related("before", "after", "by", "difference").order_by("pk"))
    return list(enumerate(changes, start=1))[::-1]


def lines_of(layer: Layer, change: VersionChange) -> list[Line]:
    """Return the features that differ of which the layer's reader sees that they do. None before it was compared.

    None either where rows were told apart as a whole, or by a hidden column, and not all of a row may be seen: a row
    that differs in what is hidden stands there as removed and added.
    """
    difference = getattr(change, "difference", None)
    if difference is None or change.before is None:
        return []
    told_apart_by = {FID, *(field["name"] for field in layer.shown_fields())}
    is_whole = not withheld(layer, change.before) and not withheld(layer, change.after)
    if difference.key not in told_apart_by and not is_whole:
        return []
    found = [Difference(*one) for one in difference.features]
    told = lines(layer=layer, old=change.before, new=change.after, found=found)
    return [line for line in told if line.is_visible]
