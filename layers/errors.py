"""What can go wrong with layers, one line each. `config/problems.py` turns them into HTTP."""


class LayerError(Exception):
    """The parent of all errors about layers. The message is for the person, in their language."""

    code = "layer_error"


class NotReady(LayerError):
    """The layer lacks what publication needs; the message names it."""

    code = "not_ready"


class NoEarlierVersion(LayerError):
    code = "no_earlier_version"
