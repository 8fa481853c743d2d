"""Schemas of pandera, asked of rows by pandera itself in an environment of its own."""
