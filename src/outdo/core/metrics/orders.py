"""Metrics of orders: rows that are ranked together, by query."""

import numpy as np

from outdo.core.metrics.scored import Array, Codes, Scored, Unscored, Weighted, mean


def _mean_of_queries(each: Array, first: Codes) -> Weighted:
    """The mean over queries; a query weighs what its first row weighs, as queries are drawn as wholes."""
    known = ~np.isnan(each)
    overall = mean(each[known])
    place = first[known]
    return lambda weights: overall(weights[..., place])


def _ranked(rows: Scored) -> tuple[Codes, Codes, Array]:
    """Rows in the order of query and then falling score; where each query begins; the score in that order."""
    if rows.query is None:
        raise Unscored("no column says which rows are ranked together")
    score = rows.scores()
    order = np.lexsort((-score, rows.query))
    begins = np.flatnonzero(np.diff(rows.query[order], prepend=-1))
    return order, begins, score[order]


def ndcg(rows: Scored) -> Weighted:
    """The discounted gain of the order by that of the best order (Järvelin 2002); ties share their discounts.

    A query without a relevant row counts 0.
    """
    order, begins, score = _ranked(rows)
    gain = rows.truth[order]
    ends = np.append(begins[1:], len(order))
    each = np.zeros(len(begins))
    for place, (start, end) in enumerate(zip(begins, ends, strict=True)):
        discount = 1 / np.log2(np.arange(2, end - start + 2))
        best = float(np.sort(gain[start:end])[::-1] @ discount)
        _, tie = np.unique(-score[start:end], return_inverse=True)
        many = np.bincount(tie)
        shared = np.bincount(tie, discount) / many
        each[place] = float(np.bincount(tie, gain[start:end]) @ shared) / best if best else 0.0
    return _mean_of_queries(each, order[begins])


def mean_average_precision(rows: Scored) -> Weighted:
    """The mean over queries of the average precision; a query without a relevant row doesn't count."""
    order, begins, score = _ranked(rows)
    hit = (rows.truth[order] > 0).astype(np.float64)
    ends = np.append(begins[1:], len(order))
    each = np.full(len(begins), np.nan)
    for place, (start, end) in enumerate(zip(begins, ends, strict=True)):
        part = score[start:end]
        last = np.flatnonzero(np.append(np.diff(part) != 0, True))
        found = np.cumsum(hit[start:end])[last]
        if found[-1]:
            each[place] = float(np.diff(found, prepend=0) @ (found / (last + 1)) / found[-1])
    return _mean_of_queries(each, order[begins])
