"""What can go wrong with places: each error has a stable `code`, a sentence `detail` and, for one to blame, a `field`.

`config.problems` turns them into HTTP; commands print `detail`.
"""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext


@dataclass(frozen=True)
class Area:
    """A kecamatan or a desa as an answer names it: the row's id, its Kemendagri code, its name."""

    id: int
    code: str
    name: str


class GeoError(Exception):
    """The base of this app's errors."""

    code = "geo_error"
    field: str | None = None
    extra: dict[str, Any] = {}  # further members of a problem document

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


class NoActiveEdition(GeoError):
    """No boundary edition is active, so no place can be looked up."""

    code = "no_active_edition"

    def __init__(self) -> None:
        super().__init__(
            _("No boundaries are in use yet, so no place can be looked up. Mend it with: %(command)s")
            % {"command": "bin/manage prepare"}
        )


class ParameterError(GeoError, ValueError):
    """A query parameter that cannot be read: `name`, the `value` as given and what to write instead."""

    code = "invalid_parameter"

    def __init__(self, name: str, value: object, message: str) -> None:
        super().__init__(message)
        self.name = self.field = name
        self.value = value


class InvalidPoint(ParameterError):
    """A longitude or latitude that is not a place on earth (NaN, infinite, out of range)."""

    code = "invalid_point"


class OutsideRegency(GeoError):
    """A point outside the regency and its coastal water. `distance_m` is metres on the spheroid to `nearest`."""

    code = "outside_regency"
    field = "location"

    def __init__(self, nearest: Area, distance_m: float, neighbour: str | None = None) -> None:
        self.nearest, self.distance_m, self.neighbour = nearest, distance_m, neighbour
        self.extra = {
            "nearest": {"code": nearest.code, "name": nearest.name},
            "distance_m": round(distance_m),
            "neighbour": neighbour,
        }
        facts = {"kecamatan": nearest.name, "distance": _distance(distance_m), "neighbour": neighbour}
        if neighbour:
            text = _(
                "This place is in %(neighbour)s, not in Kutai Timur. "
                "The nearest kecamatan is %(kecamatan)s, %(distance)s away."
            )
        else:
            text = _("This place is outside Kutai Timur. The nearest kecamatan is %(kecamatan)s, %(distance)s away.")
        super().__init__(text % facts)


class BoundariesRefused(GeoError):
    """A boundary file that cannot become an edition: every reason, each with its remedy."""

    code = "boundaries_refused"

    def __init__(self, reasons: list[str]) -> None:
        self.reasons = reasons
        head = ngettext(
            "The file is refused for %(count)d reason; nothing was written:",
            "The file is refused for %(count)d reasons; nothing was written:",
            len(reasons),
        ) % {"count": len(reasons)}
        super().__init__("\n".join([head, *(f"- {reason}" for reason in reasons)]))


def _distance(metres: float) -> str:
    """Return metres as people say them: `850 m`, `12 km`."""
    if metres < 1_000:
        return _("%(metres)d m") % {"metres": max(1, round(metres))}
    return _("%(km)d km") % {"km": round(metres / 1_000)}
