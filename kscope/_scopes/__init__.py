"""Scopes: names, reuse modes, defaults, and the current scope of each thread.

Start with `scope.py`, the class `VariableScope`, and `variable_scope.py`, which opens one. `thread.py` and `frame.py`
hold the current frame of a thread. Nothing here finds or makes variables: a scope calls the store that it is given.
"""
