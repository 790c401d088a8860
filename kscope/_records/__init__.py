"""The content of a store, under one lock: variables by name, collections, their order, a seed.

Start with `record.py`, for one variable, and `registry.py`, for all of them: the base class of `VariableStore`. Nothing
here knows scopes, reuse modes or look-ups: a name is a full name.
"""
