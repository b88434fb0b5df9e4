"""What geo tells others. It imports no app; those who hold points connect to these."""

from django.dispatch import Signal

edition_previewed = Signal()
"""Sent when a boundary edition is about to be stored or activated: what would change?

Arguments: `edition` (the candidate) and `locate_many`, a function that takes (lon, lat) points and returns, in order,
the `geo.locate.Location` of each in the candidate, or None outside. Receivers return a sentence, a list of sentences,
or None; whoever previews prints them.
"""

neighbours_loaded = Signal()
"""Sent inside the transaction that stores outlines of regencies next door: what lies in them lies not in ours."""

edition_activated = Signal()
"""Sent inside the transaction that puts an edition in use. Argument: `edition`."""
