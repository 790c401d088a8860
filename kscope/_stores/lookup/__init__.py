"""One look-up, from the checked request to the variable that is found or made.

Start with `request.py`, the checked arguments, and `find_or_make.py`, the look-up. `getter_calls.py` calls custom
getters, `partition.py` looks up variables in slices, and `creators.py` makes missing variables. Nothing here knows the
class `VariableStore`, only its base class `Registry`.
"""
