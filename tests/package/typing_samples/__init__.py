"""Samples of user code that must type-check."""
