"""Random numbers that follow from a seed and a name, the same on every backend.

Start with `distributions.py`: what a distribution is, and how a whole array or a part of one is drawn from it.
`philox.py` makes random bits, `from_bits.py` makes numbers of them, and `seeds.py` makes keys of seeds and names.
Nothing here knows Keras' initializers or variables.
"""
