"""Exports need packages of other frameworks, so that they have an environment of their own."""
