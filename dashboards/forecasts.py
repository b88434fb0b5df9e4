"""The backlog's forecast: what comes in less what goes out goes on as in the last half year, with its ups and downs.

A random walk with drift. The net inflow of a week has the mean and the variance of the weeks read; where weeks resemble
the week before, the variance is larger (Bartlett's weights, W. K. Newey, K. D. West, Econometrica 55 (1987) 703-708).
The mean is itself uncertain, which the second term allows for: the variance of h weeks ahead is v (h + h^2 / n). The
interval is Student's, two-sided 95 %, with n - 1 degrees of freedom (G. E. P. Box et al., Time Series Analysis, 2016,
ch. 5).
"""

import math
from collections.abc import Sequence

WEEKS_READ = 26
HORIZON = 8
"""Weeks ahead."""
LEAST_RECEIVED = 100
"""Fewer reports in the weeks read, and nothing is foretold."""
LAGS = 3
"""So many weeks are looked back for resemblance."""
T_95 = 2.059538552753294
"""Student's 97.5 % quantile for `WEEKS_READ` - 1 degrees of freedom."""


def predicted(backlog: int, net: Sequence[int]) -> list[tuple[float, float, float]]:
    """Return (expected, low, high) for 1 to `HORIZON` weeks ahead; never below 0.

    `net` is what came in less what went out in each of `WEEKS_READ` weeks, the last one at the end.
    """
    if len(net) != WEEKS_READ:
        raise ValueError(f"{len(net)} weeks; {WEEKS_READ} are read")
    mean = sum(net) / len(net)
    variance = _variance([one - mean for one in net])
    found = []
    for ahead in range(1, HORIZON + 1):
        expected = backlog + ahead * mean
        half = T_95 * math.sqrt(variance * (ahead + ahead * ahead / len(net)))
        found.append((max(0.0, expected), max(0.0, expected - half), max(0.0, expected + half)))
    return found


def _variance(errors: Sequence[float]) -> float:
    """Return the variance of a week, or of a long run of weeks where that is larger."""
    n = len(errors)
    alone = sum(error * error for error in errors) / (n - 1)
    together = alone
    for lag in range(1, LAGS + 1):
        resemblance = sum(one * other for one, other in zip(errors, errors[lag:], strict=False)) / (n - 1)
        together += 2 * (1 - lag / (LAGS + 1)) * resemblance
    return max(alone, together)
