"""Scopes: names, reuse modes, defaults, and which scope a thread is in.

Start with `scope.py`, the class `VariableScope`, and `variable_scope.py`, which opens one. `thread.py` and `frame.py`
hold where a thread is. Nothing here finds or makes a variable: a scope hands that to the store that it is given.
"""
