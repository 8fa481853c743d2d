"""Whether a difference is there: paired comparisons, intervals, power and corrections."""
