"""Layers on all backends at once; needs all of them."""
