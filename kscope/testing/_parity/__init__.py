"""The comparison of a layer on all backends: a worker process for each backend runs it, and the records are compared.

Start with `agree.py`, which has `assert_backends_agree`; then read `worker.py` and `stages.py`, which run on each
backend, and `compare.py`, which compares their records. Only workers load Keras.
"""
