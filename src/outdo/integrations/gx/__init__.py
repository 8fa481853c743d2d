"""Suites of Great Expectations: read as they are, and asked of a table in its one scan."""
