"""Shells over the verbs and the store: what speaks HTTP."""
