"""Verdicts told: to programs, CI servers, pull requests and people."""
