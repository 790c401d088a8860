"""Comparing layers on all backends: each runs in a process of its own, and the results are compared.

Start with `agree.py`, which is `assert_backends_agree`, then `worker.py` and `stages.py`, which run on each backend,
and `compare.py`, which compares what they wrote. `agree.py` and what compares load no Keras: only workers do.
"""
