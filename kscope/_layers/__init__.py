"""Layers whose `call()` gets its variables by name.

Start with `scoped.py`, what scoped layers and models have in common, and `binding.py`, which chooses a layer's store
and scope. The folder `calls` runs and traces calls, `kept` keeps Keras layers by name, `saving` writes and reads files.
Everything below this folder works without a layer.
"""
