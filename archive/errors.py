"""What can go wrong with the archive. The message is for the person, in their language."""


class ArchiveError(Exception):
    """The parent of all errors about the archive."""


class MonthNotOver(ArchiveError):
    """A month is told when it is over."""


class ReasonMissing(ArchiveError):
    """There is an edition of this month; a further one says why."""


class AlreadyOrdered(ArchiveError):
    """An edition of this month is being made."""


class AlreadyWithdrawn(ArchiveError):
    """The edition was withdrawn before."""
