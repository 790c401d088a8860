"""One call of a scoped layer, and the discovery that traces it before the first one.

Start with `layer_state.py`, what a layer knows, `discovery.py`, which makes the variables, and `call_pass.py`, which
says what a running call may get. Nothing here knows the layer classes, the layers that are kept by name, or files.
"""
