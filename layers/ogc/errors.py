"""What can go wrong at /ogc/ beyond a wrong parameter (geo.errors.ParameterError)."""

import json
from collections.abc import Sequence

from django.utils.translation import gettext as _

from geo.params import SHOWN
from layers.errors import LayerError


class TooSlow(LayerError):
    """A question that takes longer than the service may spend on it."""

    code = "too_slow"


class MethodNotAllowed(LayerError):
    """A method that an address does not take, whoever asks."""

    code = "method_not_allowed"

    def __init__(self, method: str, allowed: Sequence[str]) -> None:
        self.headers = {"Allow": ", ".join(allowed)}
        super().__init__(
            _("%(method)s is not taken here. Known are: %(known)s.")
            % {"method": method[:SHOWN], "known": self.headers["Allow"]}
        )


class NotAnEditor(LayerError):
    """Somebody who may read the layer but not change it."""

    code = "not_an_editor"


class WrongMediaType(LayerError):
    """A body of a kind that is not taken."""

    code = "wrong_media_type"
    headers = {
        "Accept-Post": "application/geo+json",
        "Accept-Patch": "application/merge-patch+json",
    }


class BodyTooLarge(LayerError):
    """A body with more bytes than one feature may have."""

    code = "body_too_large"


class LengthMissing(LayerError):
    """A body that does not say how long it is: sent in chunks, which the server in front does not hand on."""

    code = "length_missing"


class Unreadable(LayerError):
    """A body that is no GeoJSON feature at all."""

    code = "unreadable"


class Invalid(LayerError):
    """A feature that the layer cannot take; `errors` says what is to be mended, part by part."""

    code = "invalid"

    def __init__(self, errors: dict[str, list[str]]) -> None:
        self.errors = errors
        super().__init__(_("The feature cannot be taken as it is; “errors” says what to mend."))


class ConditionMissing(LayerError):
    """A change that does not say of which state of the feature."""

    code = "condition_missing"


class ConditionFailed(LayerError):
    """A change of a state of the feature that is past."""

    code = "condition_failed"


def why_no_json(error: Exception) -> str:
    """Return in words why Python's reader of JSON gave up: its own are English."""
    if isinstance(error, json.JSONDecodeError):
        return _("it cannot be read at line %(line)d, column %(column)d") % {
            "line": error.lineno,
            "column": error.colno,
        }
    if isinstance(error, UnicodeDecodeError):
        return _("its byte %(number)d is no UTF-8") % {"number": error.start + 1}
    if isinstance(error, RecursionError):
        return _("it is nested too deeply")
    return _("it holds a number that is too long")  # all else that `json.loads` refuses
