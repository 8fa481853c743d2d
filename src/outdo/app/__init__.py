"""The verbs: read facts, ask `core`, carry the answer out, write it down."""
