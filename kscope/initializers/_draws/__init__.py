"""Random numbers that follow from a seed and a name, the same on every backend.

Start with `distributions.py`, the distributions, and `draw`, which draws an array or a part of one. `philox.py` makes
random bits, `from_bits.py` converts them to numbers, and `seeds.py` makes keys from seeds and names. Nothing here knows
Keras' initializers or variables.
"""
