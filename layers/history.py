"""What each published version changed: compared by the worker after the change, and told to whoever reads the layer.

Compared is what everybody who may read the layer sees. Who sees more reads the same history: a feature that differs
only in what is hidden stands as it was.
"""

from dataclasses import asdict, astuple, dataclass

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from layers.comparing import FID, Difference, Line, Pair, lines
from layers.models import Layer, LayerEdit, VersionChange, VersionDifference


@dataclass(frozen=True)
class Told:
    """A change of version as readers are told of it; `difference` is None until it was compared, or for the first."""

    number: int
    change: VersionChange
    difference: VersionDifference | None


def compare_due() -> bool:
    """Compare the versions of the next change that waits for it; return whether there was one. Called by the worker.

    When the layer was changed since, what everybody sees of it may be another: then it is compared again.
    """
    outdated = Q(difference__looked_at__lt=F("layer__changed_at"))
    waiting = VersionChange.objects.filter(Q(difference__isnull=True) | outdated, before__isnull=False)
    with transaction.atomic():
        change = waiting.select_for_update(of=("self",), skip_locked=True).order_by("pk").first()
        if change is None or change.before is None:
            return False
        seen = _everybody_sees(change.layer)
        known = VersionDifference.objects.filter(change=change)
        if known.filter(seen=sorted(seen)).update(looked_at=timezone.now()):
            return True
        known.delete()
        pair = Pair(change.before, change.after, key=_kept_key(change), seen=seen)
        told = {name: value for name, value in asdict(pair.count()).items() if name != "listed"}
        found = [astuple(one) for one in pair.differing()]
        VersionDifference.objects.create(change=change, seen=sorted(seen), features=found, **told)
    return True


def changes_of(layer: Layer) -> list[Told]:
    """Return the changes of a layer's version, the newest first, numbered from the first."""
    changes = layer.changes.select_related("before", "after", "by", "difference").order_by("pk")
    seen = _everybody_sees(layer)
    told = []
    for number, change in enumerate(changes, start=1):
        difference = getattr(change, "difference", None)
        # What was seen by everybody then, and is hidden now, is told of no more.
        is_told = difference is not None and seen.issuperset(difference.seen)
        told.append(Told(number, change, difference if is_told else None))
    return told[::-1]


def lines_of(layer: Layer, told: Told) -> list[Line]:
    """Return the features that differ, with the values that everybody sees."""
    if told.difference is None or told.change.before is None:
        return []
    found = [Difference(*one) for one in told.difference.features]
    return lines(layer=layer.for_everybody(), old=told.change.before, new=told.change.after, found=found)


def _everybody_sees(layer: Layer) -> frozenset[str]:
    return frozenset(str(field["name"]) for field in layer.for_everybody().shown_fields())


def _kept_key(change: VersionChange) -> str | None:
    """Return by what the features are told apart if one version was made from the other by edits."""
    pair = {change.before_id, change.after_id}
    edits = LayerEdit.objects.filter(version_id__in=pair, base_id__in=pair)
    return FID if edits.exists() else None
