"""Stores: finding a variable by name, and making it where it is missing.

Start with `get.py`, which is `get_variable`, and follow its calls: `get_in_scope.py` fills in the scope's defaults, and
the folder `lookup` does the rest. `store.py` is the class `VariableStore`. Nothing here knows layers: the call of a
layer is asked by way of the protocol in `lookup/call.py`.
"""
