# SPDX-License-Identifier: GPL-2.0
"""Statistics of samples with an unknown distribution.

The median is the standard library's. Its `quantiles` are not used, because they interpolate between
samples, and need two of them. The intervals here end at samples; with three samples they contain
all three.
"""

from math import comb
from statistics import median


def median_interval(values, confidence=0.95):
    """A confidence interval for the median of the distribution of `values`.

    Each value is above that median with probability 1/2, for any distribution, so the number of
    values below it is binomial. The result is the narrowest pair of values, equally far from both
    ends of the sorted list, that has the confidence; with too few values, the first and the last.
    """
    ordered = sorted(values)
    n = len(ordered)
    if not n:
        raise ValueError("no values")
    rank, outside = 0, 2 / 2**n
    # The median is outside with twice the probability of at most `rank` values below it.
    while rank + 1 < n / 2:
        outside += 2 * comb(n, rank + 1) / 2**n
        if outside > 1 - confidence:
            break
        rank += 1
    return ordered[rank], ordered[n - 1 - rank]


def quartiles(values):
    """The lower and the upper quartile."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    quarter = len(ordered) // 4
    return ordered[quarter], ordered[-1 - quarter]


def spread(values):
    """Width of the middle half, divided by the median."""
    low, high = quartiles(values)
    return (high - low) / median(values)


def ratios(pairs):
    """Median and interval of a / b over pairs that were measured one after the other."""
    values = [a / b for a, b in pairs]
    return median(values), *median_interval(values)


def ratios_in_rounds(pairs):
    """Likewise for (round, a, b). Rounds are independent, but the pairs of one round are not:
    median and interval of the medians of the rounds."""
    rounds = {}
    for round_, a, b in pairs:
        rounds.setdefault(round_, []).append(a / b)
    medians = [median(values) for values in rounds.values()]
    return median(medians), *median_interval(medians)
