"""Layers whose `call()` gets its variables by name.

Start with `scoped.py`, the base class of scoped layers and models, and `binding.py`, which chooses a layer's store
and scope. The folder `calls` runs and traces calls, `kept` keeps Keras layers by name, `saving` writes and reads files.
Lower folders do not know layers.
"""
