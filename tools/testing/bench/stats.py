# SPDX-License-Identifier: GPL-2.0
"""Statistics of samples whose distribution is not known.

The median is the standard library's. Its `quantiles` interpolate between samples, and need two
of them; the intervals here have samples as their ends, and those of three samples hold all three.
"""

from math import comb
from statistics import median


def median_interval(values, confidence=0.95):
    """An interval that holds the median of what `values` were drawn from.

    Each value is above the median with a chance of 1/2, whatever the distribution, so the number of
    those below is binomial. Taken is the narrowest pair of values, equally far from both ends of
    their order, for which that gives the confidence; with too few values, the first and the last.
    """
    ordered = sorted(values)
    n = len(ordered)
    if not n:
        raise ValueError("no values")
    rank, outside = 0, 2 / 2**n
    # The chance that the median is outside is twice that of at most `rank` values below it.
    while rank + 1 < n / 2:
        outside += 2 * comb(n, rank + 1) / 2**n
        if outside > 1 - confidence:
            break
        rank += 1
    return ordered[rank], ordered[n - 1 - rank]


def quartiles(values):
    """The values that a quarter of all are below, and above."""
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    quarter = len(ordered) // 4
    return ordered[quarter], ordered[-1 - quarter]


def spread(values):
    """Range of the middle half over median."""
    low, high = quartiles(values)
    return (high - low) / median(values)


def ratios(pairs):
    """Median and interval of a / b over pairs that were measured one after the other."""
    values = [a / b for a, b in pairs]
    return median(values), *median_interval(values)


def ratios_in_rounds(pairs):
    """Likewise of (round, a, b). Pairs of a round have in common what others don't, so it is the
    rounds that are independent: median and interval of their medians."""
    rounds = {}
    for round_, a, b in pairs:
        rounds.setdefault(round_, []).append(a / b)
    medians = [median(values) for values in rounds.values()]
    return median(medians), *median_interval(medians)
