"""Variables, and everything that they are made with: dtypes, shapes, options, slices, layouts.

Start with `variable.py`, the class `ScopedVariable`, and `make.py`, which makes one. Nothing here knows stores or
scopes: a variable knows only its own name.
"""
