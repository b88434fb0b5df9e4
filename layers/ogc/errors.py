"""What can go wrong at /ogc/ beyond a wrong parameter (geo.errors.ParameterError)."""

from layers.errors import LayerError


class TooSlow(LayerError):
    """A question that takes longer than the service may spend on it."""

    code = "too_slow"
