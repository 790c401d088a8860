"""Configs and weights files of scoped layers.

Start with `config.py` for scopes and stores in a config, and `weights.py` for variables in a file by scoped name.
`packing.py` joins small arrays, `whole_files.py` writes and reads a file as a whole or not at all. Nothing here knows
the layer classes.
"""
