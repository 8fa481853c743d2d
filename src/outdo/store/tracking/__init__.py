"""What clients log, in tables that take it at once: experiments, runs, points, params, tags."""
