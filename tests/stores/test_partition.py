"""Partitioned variables: one name, several slices (section M)."""

from __future__ import annotations

import keras
import numpy as np
import pytest

import kscope
from kscope import errors, get_variable, variable_scope
from kscope.partitioners import fixed_size_partitioner as fixed


def numbers(tensor):
    """A tensor's or variable's values, as NumPy has them."""
    return keras.ops.convert_to_numpy(tensor)


def test_names_and_shapes():
    """A partitioner makes slices `name/part_0`, ...; the whole has the name without `:0` (row M1)."""
    with variable_scope("s", partitioner=fixed(2)):
        v = get_variable("n", shape=(3, 1, 1))
    assert (v.name, v.path, len(v), tuple(v.shape), v.ndim, v.dtype) == ("s/n", "s/n", 2, (3, 1, 1), 3, "float32")
    assert [shard.name for shard in v] == ["s/n/part_0:0", "s/n/part_1:0"]
    np.testing.assert_array_equal(numbers(v.as_tensor()), np.concatenate([numbers(shard) for shard in v]))
    assert repr(v) == "<PartitionedVariable path=s/n, shape=(3, 1, 1), partitions=[2, 1, 1]>"


def test_the_store_has_the_slices():
    """The slices are in the store and the collections; one may be got as a plain variable (row M2)."""
    with variable_scope("s", partitioner=fixed(2)):
        v = get_variable("n", [4])
    store = kscope.default_store()
    assert list(store) == [w.path for w in store.get_collection("variables")] == ["s/n/part_0", "s/n/part_1"]
    with variable_scope("s", reuse=True):
        assert get_variable("n/part_0") is v.shards[0]
    assert store["s/n"] is v


def test_what_a_partitioner_is_asked():
    """A partitioner is called with `shape=` and `dtype=`; the shape answers as a TensorShape does, too (row M3)."""
    asked = []

    def partitioner(shape, dtype):
        asked.append((shape, shape.as_list(), shape.ndims, shape.num_elements(), shape.is_fully_defined(), dtype))
        return [2, 1]

    get_variable("v", [4, 2], "float16", partitioner=partitioner)
    assert asked == [((4, 2), [4, 2], 2, 8, True, "float16")]


@pytest.mark.parametrize(
    ("answer", "shape", "message"),
    [
        (2, [4], "Partitioner must return a sequence, but saw: 2"),
        (None, [4], "Partitioner must return a sequence, but saw: None"),
        (np.array([2]), [4], r"Partitioner must return a sequence, but saw: \[2\]"),
        (
            [2, 1],
            [4],
            r"partition list that does not match the Variable's rank: \[2, 1\] vs. \(4,\)",
        ),
        ([0], [4], r"Partitioner returned zero partitions for some axes: \[0\]"),
        ([2, 2], [4, 4], r"Can only slice a variable along one dimension: shape: \(4, 4\), partitioning: \[2, 2\]"),
        ([5], [4], "wants 5 slices of an axis of length 4"),
    ],
)
def test_bad_answers(answer, shape, message):
    """What is no partitioning is an error in TF1's words, and leaves nothing behind (row M4)."""
    with pytest.raises(errors.PartitionerError, match=message):
        get_variable("v", shape, partitioner=lambda shape, dtype: answer)
    assert not list(kscope.default_store())


def test_a_slice_that_was_there_stays():
    """A slice that fails takes those with it that were made for it, and not one that was there before."""
    first, last = get_variable("v/part_0", [2]), get_variable("v/part_2", [7])
    with (
        variable_scope("", reuse=kscope.AUTO_REUSE),
        pytest.raises(errors.ShapeMismatchError, match="Trying to share variable v/part_2"),
    ):
        get_variable("v", [6], partitioner=fixed(3))
    store = kscope.default_store()
    assert [store["v/part_0"], store["v/part_2"]] == store.variables() == [first, last]


def test_no_full_shape():
    """A partitioned variable needs a full shape (rows M4, M6)."""
    for shape, spelled in (([None, 4], r"\(\?, 4\)"), (None, "<unknown>")):
        message = f"Shape of a new partitioned variable must be fully defined, but instead was {spelled}."
        with pytest.raises(errors.InitializerError, match=message):
            get_variable("v", shape, partitioner=fixed(2))


def test_scalars():
    """Scalars are not cut (row M5)."""
    with variable_scope("s", partitioner=fixed(2)):
        assert get_variable("a", ()).path == "s/a"
        assert get_variable("b", initializer=3.0).path == "s/b"


def test_constants():
    """A constant is cut, with or without a shape beside it (row M6)."""
    for name, value in (
        ("a", keras.ops.convert_to_tensor([1.0, 2.0, 3.0])),
        ("b", np.array([1.0, 2.0, 3.0], "float32")),
    ):
        for shape in (None, [3]):
            v = get_variable(f"{name}{shape is None}", shape, initializer=value, partitioner=fixed(2))
            assert [tuple(shard.shape) for shard in v] == [(2,), (1,)]
            np.testing.assert_array_equal(numbers(v), [1.0, 2.0, 3.0])
    with pytest.raises(
        errors.ShapeMismatchError, match=r"of shape \(4,\) cannot start from a constant of shape \(3,\)"
    ):
        get_variable("c", [4], initializer=value, partitioner=fixed(2))


def test_uneven_slices_and_partition_info():
    """The first slices are longer; an initializer that wants it is told where each slice stands (row M7)."""
    got = []

    def initializer(shape, dtype=None, partition_info=None):
        got.append((list(shape), partition_info.full_shape, partition_info.var_offset))
        return keras.ops.zeros(shape, dtype)

    get_variable("a", [5, 2], initializer=initializer, partitioner=fixed(2))
    assert got == [([3, 2], [5, 2], [0, 0]), ([2, 2], [5, 2], [3, 0])]


def test_slices_draw_their_own_numbers():
    """A default initializer draws other numbers for each slice."""
    v = get_variable("a", [6, 4], partitioner=fixed(2))
    first, second = map(numbers, v)
    assert not np.allclose(first, second)


def test_reuse():
    """The same partitioner finds the same object; `reuse=True` finds it without one, AUTO_REUSE does not (row M8)."""
    with variable_scope("s", partitioner=fixed(2)):
        v = get_variable("n", [4])
    with variable_scope("s", partitioner=fixed(2), reuse=True):
        assert get_variable("n", [4]) is v
    with variable_scope("s", reuse=True):
        assert get_variable("n") is get_variable("n", [4]) is v
        with pytest.raises(errors.ShapeMismatchError, match=r"specified shape \(5,\) and found shape \(4,\)"):
            get_variable("n", [5])
    message = "No partitioner was provided, but a partitioned version of the variable was found: s/n/part_0"
    with variable_scope("s", reuse=kscope.AUTO_REUSE), pytest.raises(errors.VariableExistsError, match=message):
        get_variable("n", [4])


def test_reuse_errors():
    """What does not fit is an error in TF1's words (row M9)."""
    with variable_scope("s", partitioner=fixed(2)):
        get_variable("n", [4])
        with pytest.raises(errors.VariableExistsError, match="Partitioned variable with name s/n already exists"):
            get_variable("n", [4])
    with variable_scope("s", partitioner=fixed(2), reuse=True):
        with pytest.raises(errors.VariableMissingError, match="PartitionedVariable s/x does not exist"):
            get_variable("x", [4])
        with pytest.raises(errors.ShapeMismatchError, match=r"s/n, but specified shape \(5,\) and found shape \(4,\)"):
            get_variable("n", [5])
        with pytest.raises(errors.DtypeMismatchError, match="specified dtype float16 and found dtype float32"):
            get_variable("n", [4], "float16")
    with variable_scope("s", partitioner=fixed(3), reuse=True):
        with pytest.raises(errors.ShapeMismatchError, match=r"specified partitions \[3\] and found partitions \[2\]"):
            get_variable("n", [4])
    get_variable("u", [4])
    message = "A partitioner was provided, but an unpartitioned version of the variable was found: u."
    with pytest.raises(errors.VariableExistsError, match=message):
        get_variable("u", [4], partitioner=fixed(2))


def test_regularizers_and_one_part():
    """A regularizer is applied to each slice; a partitioner of all ones makes one slice, `part_0` (row M10)."""
    get_variable("p", [4], regularizer=lambda v: keras.ops.sum(v), initializer="ones", partitioner=fixed(2))
    assert [float(numbers(loss)) for loss in kscope.default_store().regularization_losses()] == [2.0, 2.0]
    one = get_variable("one", [4], partitioner=fixed(1))
    assert [shard.path for shard in one] == ["one/part_0"]
    assert numbers(one.take([2])).shape == (1,)


def test_partition_info():
    """A slice's place validates itself (row M13)."""
    info = kscope.PartitionInfo([9, 3], [4, 0])
    assert (info.single_offset([1, 3]), info.single_slice_dim([2, 3])) == (4, 0)
    assert (kscope.PartitionInfo([9, 3], [0, 0]).single_slice_dim([9, 3])) is None
    assert kscope.PartitionInfo([9, 3], [0, 0]).single_offset([9, 3]) == 0
    for call, error, match in [
        (lambda: kscope.PartitionInfo(None, [0]), TypeError, "`full_shape` must be a sequence .* instead of NoneType"),
        (lambda: kscope.PartitionInfo([1], [0, 0]), ValueError, "Expected equal length"),
        (lambda: kscope.PartitionInfo([1, 1], [0, 1]), ValueError, "Expected 0 <= offset < shape but found offset=1"),
        (lambda: info.single_slice_dim([1, 1]), ValueError, "slice dim could be either dimension 0 or 1"),
        (lambda: info.single_slice_dim([1]), ValueError, "Expected equal length"),
        (lambda: info.single_slice_dim([6, 3]), ValueError, "would exceed"),
    ]:
        with pytest.raises(error, match=match):
            call()


def test_a_failing_slice_leaves_none():
    """If the initializer of a later slice raises, the earlier ones are taken back."""

    def initializer(shape, dtype=None, partition_info=None):
        if partition_info.var_offset[0]:
            raise RuntimeError("too far")
        return keras.ops.zeros(shape, dtype)

    with pytest.raises(RuntimeError, match="too far"):
        get_variable("a", [4], initializer=initializer, partitioner=fixed(2))
    assert not list(kscope.default_store())


@pytest.mark.parametrize("axis", [0, 1])
def test_reading_and_assigning(axis):
    """The whole reads as its slices joined, in operators and `keras.ops`, and is assigned to as one."""
    v = get_variable("v", [5, 4], partitioner=fixed(3, axis=axis))
    value = np.arange(20.0).reshape(5, 4)
    v.assign(value)
    v.assign_add(np.ones((5, 4)))
    np.testing.assert_allclose(numbers(v), value + 1)
    np.testing.assert_allclose(
        numbers(keras.ops.matmul(v, np.ones((4, 1), "float32"))), (value + 1).sum(1, keepdims=True)
    )
    np.testing.assert_allclose(numbers(2.0 * v - v), value + 1)
    np.testing.assert_allclose(numbers(v[1:3]), (value + 1)[1:3])
    np.testing.assert_allclose(numbers(v.take([[0, 4], [3, 3]])), (value + 1)[[[0, 4], [3, 3]]])
    with pytest.raises(errors.ShapeMismatchError, match=r"cannot take a value of shape \(2,\)"):
        v.assign([1.0, 2.0])
    v.trainable = False
    assert [shard.trainable for shard in v] == [False] * 3
    assert not v.trainable


@pytest.mark.parametrize("index", [-1, -5, 5, 7])
def test_rows_counted_from_the_end_and_beyond_it(index):
    """Rows of negative and of too large numbers are what the backend makes of them for a whole variable."""
    v = get_variable("v", [5, 2], partitioner=fixed(3))

    def outcome(take):
        try:
            return numbers(take()).tolist()
        except Exception as error:
            return type(error)

    expected = outcome(lambda: keras.ops.take(v.as_tensor(), [index], axis=0))
    assert str(outcome(lambda: v.take([index]))) == str(expected)


def test_a_late_partitioned_variable():
    """A built layer that asks for a new name is told so, partitioned or not."""

    class Late(kscope.ScopedLayer):
        deep = False

        def call(self, x):
            return x + (get_variable("v", [4], partitioner=fixed(2)).value if self.deep else 0.0)

    late = Late()
    late(np.ones((1, 4), "float32"))
    late.deep = True
    with pytest.raises(errors.LateVariableError, match="late/v/part_0"):
        late(np.ones((1, 4), "float32"))


@keras.saving.register_keras_serializable(package="test_partition")
class Lookup(kscope.ScopedLayer):
    """A table in slices: rows of it, and its mean."""

    def call(self, ids):
        self.table = get_variable("table", [10, 4], partitioner=fixed(3))
        return keras.ops.mean(self.table.take(ids), axis=1) + keras.ops.mean(self.table)


IDS = np.array([[1, 2], [9, 0], [4, 4]], "int32")


@pytest.mark.matrix("Partitioned variables: training")
def test_in_a_layer():
    """A layer tracks the slices, each once; gradients reach every slice."""
    model = keras.Sequential([keras.Input((2,), dtype="int32"), Lookup(name="emb")])
    assert [v.path for v in model.weights] == [f"emb/table/part_{i}" for i in range(3)]
    before = [numbers(v).copy() for v in model.weights]
    model.compile("adam", "mse")
    model.fit(IDS, np.ones((3, 4)), verbose=0)
    assert all(not np.allclose(a, numbers(v)) for a, v in zip(before, model.weights, strict=True))


@pytest.mark.matrix("Partitioned variables: saving")
def test_saved_and_loaded(tmp_path):
    """The slices are saved and loaded by name."""
    model = keras.Sequential([keras.Input((2,), dtype="int32"), Lookup(name="emb")])
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(numbers(loaded(IDS)), numbers(model(IDS)), rtol=1e-6)


def test_twice_in_one_call():
    """Getting a partitioned variable twice in one call is the accident that it is for any other."""

    class Twice(kscope.ScopedLayer):
        def call(self, x):
            get_variable("v", [4], partitioner=fixed(2))
            return x + get_variable("v", [4], partitioner=fixed(2))[0]

    with pytest.raises(errors.VariableExistsError, match="Partitioned variable with name .*/v already exists"):
        Twice()(np.ones(2, "float32"))


def test_clone_and_clear():
    """A store's clone has partitioned variables of its own; a cleared one has none."""
    store = kscope.VariableStore()
    v = store.get_variable("v", [4], partitioner=fixed(2))
    clone = store.clone(prefix="target")
    assert clone["target/v"] is not v
    np.testing.assert_array_equal(numbers(clone["target/v"]), numbers(v))
    store.clear()
    assert store.get_variable("v", [6], partitioner=fixed(2)) is not v


def test_ready_made_partitioners():
    """TF1's partitioners give TF1's numbers (row M12)."""
    p = kscope.partitioners
    assert len(get_variable("a", [4], partitioner=fixed(9))) == 4
    assert p.variable_axis_size_partitioner(32768, axis=2)(shape=(4, 8, 16, 32), dtype="float32") == [1, 1, 2, 1]
    assert p.variable_axis_size_partitioner(64, max_shards=3)(shape=(64, 4), dtype="float32") == [3, 1]
    assert p.min_max_variable_partitioner(100)(shape=(2048, 1024), dtype="float32") == [32, 1]
    assert p.min_max_variable_partitioner(100)(shape=(4,), dtype="bool") == [1]
    for make in (lambda: p.variable_axis_size_partitioner(0), lambda: p.min_max_variable_partitioner(0)):
        with pytest.raises(errors.OptionError, match="must be positive"):
            make()


@pytest.mark.tensorflow
@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "bool"])
@pytest.mark.parametrize("shape", [(4,), (64, 8), (7, 9, 3), (2048, 1024)])
def test_partitioners_beside_tensorflow(shape, dtype):
    """The partitioners answer as `tf.compat.v1`'s do (row M12)."""
    import tensorflow as tf

    v1, p = tf.compat.v1, kscope.partitioners
    for axis in range(len(shape)):
        for name, arguments in [
            ("fixed_size_partitioner", (3, axis)),
            ("variable_axis_size_partitioner", (100, axis)),
            ("variable_axis_size_partitioner", (100_000, axis, 16, 5)),
            ("min_max_variable_partitioner", (10, axis)),
            ("min_max_variable_partitioner", (10, axis, 64)),
        ]:
            theirs = getattr(v1, name)(*arguments)(shape=tf.TensorShape(shape), dtype=tf.as_dtype(dtype))
            assert getattr(p, name)(*arguments)(shape=shape, dtype=dtype) == list(theirs)


def test_a_missing_variable_in_a_call():
    """What a layer's call asks for, and nobody made, is named as a whole, not by its first slice (row M9)."""

    class Layer(kscope.ScopedLayer):
        def call(self, x):
            return x * get_variable("v", [4], partitioner=fixed(2))

    layer = Layer(name="layer", store=kscope.VariableStore(), reuse=True)
    with pytest.raises(errors.VariableMissingError, match="PartitionedVariable layer/v does not exist"):
        layer(np.ones((2, 4), "float32"))
