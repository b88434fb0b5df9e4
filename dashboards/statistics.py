"""The few statistics that dashboards need, exact, each with its source."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Z_95 = 1.959963984540054
"""The standard normal distribution's 97.5 % quantile."""


@dataclass(frozen=True)
class Share:
    """`k` of `n`, with the 95 % Wilson interval; all None when n is 0.

    E. B. Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927) 209-212.
    """

    k: int
    n: int

    @property
    def rate(self) -> float | None:
        return self.k / self.n if self.n else None

    @property
    def low(self) -> float | None:
        return self._wilson()[0] if self.n else None

    @property
    def high(self) -> float | None:
        return self._wilson()[1] if self.n else None

    def _wilson(self) -> tuple[float, float]:
        p, n, z = self.k / self.n, self.n, Z_95
        middle = p + z * z / (2 * n)
        half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        low = 0.0 if self.k == 0 else (middle - half) / (1 + z * z / n)
        high = 1.0 if self.k == n else (middle + half) / (1 + z * z / n)
        return low, high


@dataclass(frozen=True)
class NegativeBinomial:
    """Counts with this mean and variance (variance > mean): the number of failures before the r-th success.

    r = mean^2 / (variance - mean), p = mean / variance; N. L. Johnson et al., Univariate Discrete Distributions, ch. 5.
    """

    mean: float
    variance: float

    def interval(self, outside: float) -> tuple[int, int]:
        """Return the smallest range low..high with at most `outside` / 2 beyond each of its ends."""
        first, weights = self._window()
        most = outside / 2 * weights.sum()
        low = int(np.argmax(np.cumsum(weights) > most))
        high = len(weights) - 1 - int(np.argmax(np.cumsum(weights[::-1]) > most))
        return first + low, first + high

    def _window(self) -> tuple[int, npt.NDArray[np.float64]]:
        """Return a first count and the weights from there on, up to 8 deviations (and 40) around the mean.

        Beyond lies less than any `outside` that is asked for. Weights are relative to the largest one.
        """
        r, p = self.mean**2 / (self.variance - self.mean), self.mean / self.variance
        reach = 8 * math.sqrt(self.variance) + 40
        counts = np.arange(max(0, math.floor(self.mean - reach)), math.ceil(self.mean + reach) + 1)
        steps = np.log((counts[:-1] + r) / (counts[:-1] + 1) * (1 - p))
        logs = np.concatenate([[0.0], np.cumsum(steps)])
        return int(counts[0]), np.exp(logs - logs.max())


def dispersion(series: Sequence[Sequence[int]]) -> float:
    """Return how much more counts vary within their rows than by chance alone: Pearson's X^2 by degrees of freedom.

    At least 1. P. McCullagh, J. A. Nelder, Generalized Linear Models (1989), section 4.5.
    """
    x2, degrees = 0.0, 0
    for counts in series:
        mean = sum(counts) / len(counts)
        if mean > 0:
            x2 += sum((count - mean) ** 2 for count in counts) / mean
            degrees += len(counts) - 1
    return max(1.0, x2 / degrees) if degrees else 1.0
