"""The neighbours: each speaks a foreign format or protocol, and nobody else knows it."""
