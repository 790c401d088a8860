"""Partitioned variables beside whole ones."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kscope
from benchmarks.test_citizen import done
from kscope.partitioners import fixed_size_partitioner

ROWS, WIDTH, SHARDS = 1_000_000, 64, 8
BATCH = 256


@pytest.mark.parametrize("what", ["whole", "rows"])
def test_read_beside_a_whole_variable(compare, what):
    """Reading all of a table of 8 slices, which joins them, and looking up rows of it, which does not."""
    ids = keras.ops.convert_to_tensor(np.random.default_rng(0).integers(0, 8_000, BATCH).astype("int32"))

    def reads(name, partitioner):
        table = kscope.get_variable(name, [8_000, WIDTH], partitioner=partitioner)

        def read():
            if what == "whole":
                done(table + 0.0)
            else:
                done(table.take(ids) if partitioner else keras.ops.take(table, ids, axis=0))

        return read

    ours, other = reads("slices", fixed_size_partitioner(SHARDS)), reads("whole", None)
    compare(f"read, 8 slices, {what}", "one variable", ours, other, count=1)


class Lookup(kscope.ScopedLayer):
    """The mean of some rows of a large table."""

    def __init__(self, partitioner, **kwargs):
        super().__init__(**kwargs)
        self.partitioner = partitioner

    def call(self, ids):
        table = kscope.get_variable("table", [ROWS, WIDTH], initializer="zeros", partitioner=self.partitioner)
        rows = table.take(ids) if self.partitioner else keras.ops.take(table, ids, axis=0)
        return keras.ops.mean(rows, axis=1)


def test_training_a_large_table(compare):
    """A compiled step over an embedding table of 1,000,000 x 64, in 8 slices beside in one."""
    ids = np.random.default_rng(0).integers(0, ROWS, (BATCH, 4)).astype("int32")
    targets = np.ones((BATCH, WIDTH), "float32")

    def steps(partitioner):
        model = keras.Sequential([keras.Input((4,), dtype="int32"), Lookup(partitioner)])
        model.compile(keras.optimizers.SGD(1.0), "mse")
        first = model.train_on_batch(ids, targets)
        assert model.train_on_batch(ids, targets) < first

        def step():
            model.train_on_batch(ids, targets)

        return step

    ours, other = steps(fixed_size_partitioner(SHARDS)), steps(None)
    compare("train, 1,000,000 x 64 in 8 slices", "one variable", ours, other, count=1, rounds=20)
