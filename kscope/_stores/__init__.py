"""Stores: find a variable by name, and make it if it is missing.

Start with `get.py`, which is `get_variable`, and follow its calls: `get_in_scope.py` fills in the scope's defaults, and
the folder `lookup` does the rest. `store.py` is the class `VariableStore`. Nothing here knows layers: the protocol in
`lookup/call.py` says what a look-up asks of a layer's call.
"""
