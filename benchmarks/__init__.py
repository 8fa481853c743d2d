"""Outdo beside its peers: the same work, in one run, on one machine. `python -m benchmarks` prints the tables."""
