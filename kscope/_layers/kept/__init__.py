"""Kept layers: Keras layers that are made inside `call()` and kept by name, with their weights in the store.

Start with `get_layer.py`, which is `kscope.layer`, and `kept_layer.py`, which holds one layer and names its weights.
Nothing here knows the classes of scoped layers, or files.
"""
