"""Decisions as pure functions: values in, values out; no disk, clock, network, process or log."""
