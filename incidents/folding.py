"""What the worker repeats so that counts stay quick to read: both kinds of deltas are folded into their tables.

Counts are exact however late this is (rollups.py, move_counts.py). Later is cheaper: more deltas share a row.
"""

from incidents import move_counts, rollups

BATCH = 20_000
"""How many deltas of a kind are folded in one transaction."""


def fold_waiting() -> bool:
    """Fold up to `BATCH` deltas of each kind; return whether more may be waiting."""
    return max(rollups.fold(BATCH), move_counts.fold(BATCH)) == BATCH
