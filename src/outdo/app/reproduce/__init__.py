"""The verb `reproduce`: a run, a commit or a model made again from what is on record, and set beside it."""
