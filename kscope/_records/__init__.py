"""What a store holds, under one lock: variables by name, collections, numbers, a seed.

Start with `record.py`, which holds one variable, and `registry.py`, which holds all of them and is the base class of
`VariableStore`. Nothing here knows scopes, reuse modes or look-ups: a name is a full name.
"""
