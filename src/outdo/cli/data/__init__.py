"""`outdo data`: each of its commands in a file of its own. Nothing is imported here, as `status` needs no parser of
arguments."""
