"""Draws: the bits behind each number, the three distributions, and that no block or thread shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from draws import digest

from kscope.initializers._draws import distributions, from_bits as _curves, philox as _draws

CURVES = {"uniform": _curves.uniform, "normal": _curves.normal, "truncated": _curves.truncated}
DTYPES = ("float32", "float64")
COUNT = 2**17


def phi(x):
    """The distribution function of the standard normal distribution."""
    return 0.5 * (1 + np.array([math.erf(each / math.sqrt(2)) for each in x]))


FUNCTIONS = {
    "uniform": lambda x: x,
    "normal": phi,
    "truncated": lambda x: (phi(x) - phi([-2])) / (phi([2]) - phi([-2])),
}
# Mean and standard deviation.
MOMENTS = {"uniform": (0.5, 12**-0.5), "normal": (0.0, 1.0), "truncated": (0.0, 0.87962566103423978)}
# Of 1,001 numbers: what each release has to draw, on every machine.
GOLDEN = {
    "uniform": {"float32": "f62a20e3", "float64": "a3bec541"},
    "normal": {"float32": "30f40b97", "float64": "0ca7268a"},
    "truncated": {"float32": "29da94be", "float64": "f2dc596f"},
}


def draw(curve, dtype="float32", stop=COUNT, start=0, key=5, **options):
    """Numbers of a curve."""
    return _draws.numbers(CURVES[curve], key, dtype, start, stop, **options)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("curve", CURVES)
def test_golden_values(curve, dtype):
    """The bits of every draw are what they were, whatever NumPy, processor or backend there is."""
    assert digest(draw(curve, dtype, 1001)) == GOLDEN[curve][dtype]


def test_philox_is_philox():
    """NumPy's bits are those of the paper's generator, which counts before it draws: its known answer to zeros."""
    words = np.random.Philox(key=0, counter=2**256 - 1).random_raw(4)
    answer = ["16554d9eca36314c", "db20fe9d672d0fdc", "d7e772cee186176b", "7e68b68aec7ba23b"]
    assert [f"{word:016x}" for word in words] == answer


@pytest.mark.parametrize("curve", CURVES)
def test_moments(curve):
    """Mean, standard deviation, skewness and the correlation of neighbours are those of the distribution."""
    numbers = draw(curve).astype("float64")
    mean, deviation = MOMENTS[curve]
    standard = (numbers - mean) / deviation
    assert abs(standard.mean()) < 4 / math.sqrt(COUNT)
    assert abs(standard.std() - 1) < 4 / math.sqrt(COUNT)
    assert abs((standard**3).mean()) < 16 / math.sqrt(COUNT)
    for lag in (1, 2, 7, 8):
        assert abs((standard[:-lag] * standard[lag:]).mean()) < 4 / math.sqrt(COUNT)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("curve", CURVES)
def test_distribution(curve, dtype):
    """The distance of Kolmogorov and Smirnov is one that 99 of 100 samples keep."""
    numbers = np.sort(draw(curve, dtype, 20_000)).astype("float64")
    expected, steps = FUNCTIONS[curve](numbers), np.arange(20_001) / 20_000
    distance = max((expected - steps[:-1]).max(), (steps[1:] - expected).max())
    assert distance < 1.63 / math.sqrt(20_000)


def test_bounds():
    """The first and the last words give numbers within the bounds, and none that is not finite."""
    for kind, top in ((np.uint32, 2**32 - 1), (np.uint64, 2**64 - 1)):
        words = np.array([0, 1, top // 2, top // 2 + 1, top - 1, top, top, 0], kind)
        uniform, normal, truncated = (CURVES[name](words) for name in ("uniform", "normal", "truncated"))
        assert uniform.min() == 0.0
        assert uniform.max() < 1.0
        assert np.isfinite(normal).all()
        assert np.abs(normal).max() < 9.5
        assert -2.0 <= truncated.min() < -2.0 + 1e-6
        assert 2.0 - 1e-6 < truncated.max() <= 2.0


def test_accuracy():
    """A normal number is the one that its words stand for, to the last digits."""
    words = np.random.Philox(key=1).random_raw(2000)
    radius = [math.sqrt(-2 * math.log(((int(word) >> 1) + 0.5) / 2**63)) for word in words[0::2]]
    angle = [math.pi * float(word) / 2**63 for word in words[1::2].view(np.int64)]
    expected = [r * f(a) for r, a in zip(radius, angle, strict=True) for f in (math.cos, math.sin)]
    np.testing.assert_allclose(_curves.normal(words), expected, rtol=0, atol=1e-14)
    places = words.view(np.int64) / 2**63
    np.testing.assert_allclose(phi(_curves.truncated(words)), 0.5 + places * (phi([2]) - 0.5), rtol=0, atol=1e-15)


@pytest.mark.parametrize("curve", CURVES)
def test_a_float64_is_the_float32_with_more_digits(curve):
    """The dtype decides on digits, not on numbers."""
    wide, narrow = draw(curve, "float64"), draw(curve)
    np.testing.assert_allclose(narrow, wide, rtol=0, atol=1e-4)
    assert np.median(np.abs(narrow - wide)) < 1e-7
    assert (narrow != wide).any()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("curve", CURVES)
def test_any_part_is_that_of_the_whole(curve, dtype):
    """A part is drawn as it stands in the whole, wherever it begins and ends."""
    whole = draw(curve, dtype, 100)
    for start, stop in [(0, 1), (1, 2), (7, 9), (8, 16), (13, 100), (50, 50)]:
        np.testing.assert_array_equal(draw(curve, dtype, stop, start), whole[start:stop])


@pytest.mark.parametrize("curve", CURVES)
def test_blocks_and_threads_do_not_show(curve, monkeypatch):
    """The bits are the same for any size of blocks and of what is computed at once, and any number of threads."""
    whole = draw(curve, stop=10_007)
    monkeypatch.setattr(_draws, "_CHUNK", 64)
    for block in (128, 1024, 2**20):
        monkeypatch.setattr(_draws, "BLOCK", block)
        for threads in (1, 2, 5):
            np.testing.assert_array_equal(draw(curve, stop=10_007, threads=threads), whole)


def test_keys_and_places_are_all_that_counts():
    """Numbers of one key repeat, those of another are others, and none stands in two places."""
    first = draw("uniform", "float64", 4096)
    np.testing.assert_array_equal(first, draw("uniform", "float64", 4096))
    assert (first != draw("uniform", "float64", 4096, key=6)).all()
    assert len(set(first)) == 4096


def test_uniform_keeps_below_its_bound():
    """The upper bound is not drawn, where a float that is next to it would be rounded to it."""
    distribution = distributions.Uniform(1e8, 1e8 + 16)
    numbers = distribution.numbers(5, "float32", 0, 1000)
    assert set(numbers) == {np.float32(1e8), np.float32(1e8 + 8)}
    assert set(distributions.Uniform(2.0, 2.0).numbers(5, "float32", 0, 9)) == {np.float32(2.0)}


@pytest.mark.parametrize(("low", "high"), [(-3, 4), (0, 1), (-(2**63), 2**63 - 1), (2**62, 2**62 + 2)])
def test_integers(low, high):
    """Ints lie within their bounds, each of few is drawn as often as the others, and all 64 bits may be."""
    numbers = distributions.draw(distributions.Integers(low, high), 5, (7000,), "int64")
    assert low <= numbers.min() <= numbers.max() < high
    if high - low < 10:
        counts = np.unique(numbers, return_counts=True)[1]
        assert len(counts) == high - low
        assert np.abs(counts - 7000 / len(counts)).max() < 4 * math.sqrt(7000)


@pytest.mark.parametrize("shape", [(4, 4), (3, 7), (7, 3), (2, 3, 4), (0, 3), (3, 0)])
def test_orthogonal(shape):
    """Columns are orthonormal, or rows if there are fewer."""
    matrix = distributions.draw(distributions.Orthogonal(2.0), 5, shape, "float64").reshape(
        math.prod(shape[:-1]), shape[-1]
    )
    few = matrix if matrix.shape[0] < matrix.shape[1] else matrix.T
    np.testing.assert_allclose(few @ few.T, 4.0 * np.eye(len(few)), atol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float8_e4m3fn"])
def test_short_floats_are_rounded(dtype):
    """Floats of fewer bits are the float32 ones, rounded."""
    distribution = distributions.Normal(1.0, 2.0)
    short, long = (distributions.draw(distribution, 5, (3, 5), name) for name in (dtype, "float32"))
    assert short.dtype.name == dtype
    np.testing.assert_array_equal(short, long.astype(short.dtype))


@pytest.mark.parametrize("distribution", [distributions.Normal(0.0, 1.0), distributions.Orthogonal(1.0)])
def test_parts_of_arrays(distribution):
    """A part of an array is what stands there, in memory of its own."""
    whole = distributions.draw(distribution, 5, (6, 5, 4), "float32")
    part = distributions.draw(distribution, 5, (6, 5, 4), "float32", ((2, 1, 0), (3, 2, 4)))
    np.testing.assert_array_equal(part, whole[2:5, 1:3])
    assert part.flags.c_contiguous
