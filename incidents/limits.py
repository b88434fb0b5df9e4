"""Limits on what a report may say; the form and the API share them."""

import datetime as dt

TITLE_MIN = 5
"""Characters."""
DESCRIPTION_MIN = 10
"""Characters."""
OLDEST = dt.timedelta(days=731)
"""How long ago something may have happened."""
KEY_LENGTHS = range(8, 201)
"""Characters of an Idempotency-Key."""
