"""Calls of a scoped layer, and the discovery that traces the layer before the first call.

Start with `layer_state.py`, the state of a layer, `discovery.py`, which makes the variables, and `call_pass.py`, which
decides what a running call may get. Nothing here knows the layer classes, kept layers, or files.
"""
