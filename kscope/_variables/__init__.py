"""What a variable is, and what it is made with: dtypes, shapes, options, slices, layouts.

Start with `variable.py`, the class `ScopedVariable`, and `make.py`, which makes one. Nothing here knows stores or
scopes: a variable knows its own name, and no other.
"""
