"""Public layers as this process last read them, and the proof that they are still so.

To ask for a layer before its features costs a sixth of a page of features. Instead, the statement that reads the
features reads the layer's mark as well (layers/access.py): if it is the one that this process knows the layer by, what
the statement was made from was true when the features were read. Otherwise nothing of the answer leaves (ADR 103).
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.http import Http404, HttpRequest, HttpResponse

from layers.access import MARK, layer_or_404, says_who
from layers.models import Layer
from layers.ogc.statements import Sql

LAYERS_MAX = 1_000
_known: dict[str, Layer] = {}


class Outdated(Exception):
    """The layer is not what this process went by. Never leaves this module's `answer`."""


@dataclass
class Proof:
    """That a layer is still what this process knows. `held` once a statement has found it so."""

    layer: Layer
    held: bool = False

    @property
    def sql(self) -> Sql:
        """An expression for the mark that the layer has now: a column of the statement that reads its features."""
        return Sql(MARK.format("%s"), (self.layer.pk,))

    def check(self, mark: str | None) -> None:
        """Look at what the statement found. Raises Outdated."""
        self.held = mark == self.layer.mark
        if not self.held:
            raise Outdated


Answer = Callable[[Layer, Proof | None], HttpResponse]


def forget() -> None:
    """Forget everything."""
    _known.clear()


def answer(request: HttpRequest, slug: str, by: Answer) -> HttpResponse:
    """Answer with `by`, for a layer that the person may read. Raises Http404, and what `by` raises.

    `by` gets a proof with a layer from memory. What it answers or raises without having it checked counts only if the
    layer, asked for then, is still the same.
    """
    known = None if says_who(request) else _known.get(slug)
    if known is None:
        return by(_asked(request, slug), None)
    proof = Proof(known)
    request.layer_id = known.pk  # type: ignore[attr-defined]  # counted by layers/usage.py
    failed: Exception | None = None
    try:
        response = by(known, proof)
    except Outdated:
        return by(_asked(request, slug), None)
    except Exception as error:  # noqa: BLE001  raised again below, if it was not the memory's fault
        failed = error
    if proof.held and failed is None:
        return response
    now = _asked(request, slug)
    if now.mark != known.mark:
        return by(now, None)
    if failed is not None:
        raise failed
    return response


def _asked(request: HttpRequest, slug: str) -> Layer:
    request.layer_id = None  # type: ignore[attr-defined]
    try:
        layer = layer_or_404(request, slug, lean=True)
    except Http404:
        _known.pop(slug, None)
        raise
    if layer.mark and layer.is_same_for_all:
        if len(_known) >= LAYERS_MAX:
            _known.clear()
        _known[slug] = layer
    return layer
