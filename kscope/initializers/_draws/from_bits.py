"""Conversion of random bits to the three standard distributions, each in a fixed number of steps.

Only sums, products, quotients and square roots are used, which IEEE 754 defines to the last bit. NumPy's logarithms and
sines depend on the processor, and its distributions may change with its version.

Words are unsigned ints, of 32 bits for float32 and of 64 bits for float64. The high bits of a 64-bit word are the
32-bit word, so a float64 is the float32 with more digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["Array", "normal", "truncated", "uniform"]

Array = np.ndarray[Any, Any]

_PI = 3.141592653589793
_LN_2 = 0.6931471805599453
# The probability of a standard normal number between -2 and 2, squared.
_KEPT_SQUARED = 0.9110697462219214


def uniform(words: Array) -> Array:
    """Return numbers in [0, 1): multiples of 2**-24 for float32, of 2**-53 for float64."""
    digits = 24 if words.itemsize == 4 else 53
    numbers = _floats(words >> (8 * words.itemsize - digits))
    numbers *= 0.5**digits
    return numbers


def normal(words: Array) -> Array:
    """Return two normal numbers for each pair of words: a radius and an angle (Box and Muller, 1958).

    They are below 6.7 in size for float32 and 9.4 for float64.
    """
    radius = _floats(words[0::2] >> 1)
    radius += 0.5
    radius *= 0.5 ** (8 * words.itemsize - 1)
    radius = _log(radius)
    radius *= -2.0
    np.sqrt(radius, out=radius)
    sine, cosine = _of_half_the_angle(_balanced(words[1::2]))
    out = np.empty(len(words), radius.dtype)
    cosine *= sine
    cosine += cosine
    np.multiply(radius, cosine, out=out[1::2])
    sine *= sine
    sine *= -2.0
    sine += 1.0
    np.multiply(radius, sine, out=out[0::2])
    return out


def truncated(words: Array) -> Array:
    """Return a normal number between -2 and 2 for each word, by the inverse of the distribution function."""
    place = _balanced(words)
    rest = place * place
    rest *= -_KEPT_SQUARED
    rest += 1.0
    rest = _log(rest)
    rest *= -1.0
    place *= _polynomial(rest, _INVERSE[words.itemsize])
    # Rounding may exceed the bounds.
    return np.clip(place, -2.0, 2.0, out=place)


def _floats(words: Array) -> Array:
    """Convert words to floats as signed ints, which is fast: the upper half of the range becomes negative."""
    return words.view(f"i{words.itemsize}").astype(f"f{words.itemsize}")


def _balanced(words: Array) -> Array:
    """Return numbers in [-1, 1]."""
    numbers = _floats(words)
    numbers *= 0.5 ** (8 * words.itemsize - 1)
    return numbers


def _polynomial(x: Array, coefficients: list[float]) -> Array:
    total = x * coefficients[-1]
    for coefficient in coefficients[-2:0:-1]:
        total += coefficient
        total *= x
    total += coefficients[0]
    return total


def _log(x: Array) -> Array:
    """Return the natural logarithm of positive normal floats: from the exponent, and a series for the mantissa."""
    digits, root_of_half = (23, 0x3F3504F3) if x.itemsize == 4 else (52, 0x3FE6A09E667F3BCD)
    bits = x.view(f"i{x.itemsize}")
    exponent = bits - root_of_half
    exponent >>= digits
    near = (bits - (exponent << digits)).view(x.dtype)
    ratio = near - 1.0
    near += 1.0
    ratio /= near
    total = _polynomial(ratio * ratio, _LOG[x.itemsize])
    total *= ratio
    power = exponent.astype(x.dtype)
    power *= _LN_2
    total += power
    return total


def _of_half_the_angle(turn: Array) -> tuple[Array, Array]:
    """Return sine and cosine of half of an angle, which is given in units of pi, between -1 and 1."""
    square = turn * turn
    sine = _polynomial(square, _SINE[turn.itemsize])
    sine *= turn
    return sine, _polynomial(square, _COSINE[turn.itemsize])


def _series(first: int, terms: int) -> list[float]:
    """Return the Taylor coefficients of the sine (`first` is 1) or the cosine (`first` is 0) of `pi / 2 * x`."""
    coefficients = [(1.0, _PI / 2)[first]]
    for power in range(first + 2, first + 2 * terms, 2):
        coefficients.append(coefficients[-1] * -(_PI / 2 * _PI / 2) / (power * (power - 1)))
    return coefficients


# By the bytes of a float. There are enough terms for an error below the last digit.
_LOG = {size: [2.0 / power for power in range(1, 2 * terms, 2)] for size, terms in ((4, 5), (8, 12))}
_SINE = {4: _series(1, 7), 8: _series(1, 12)}
_COSINE = {4: _series(0, 8), 8: _series(0, 13)}
# The factor of `place` in the result, as a polynomial of `rest = -log(1 - (kept * place)**2)`, interpolated in
# Chebyshev's points of [0, 2.42].
_INVERSE = {
    4: [
        1.1962879737593267,
        0.3131890803846339,
        0.0155791264715705876,
        -0.00312352618786903217,
        -0.000209369087906453773,
        0.0000878981340291103343,
        -6.25948370947476557e-6,
    ],
    8: [
        1.19628801332260844,
        0.313187469519275904,
        0.0155900695933806585,
        -0.00315207543116877203,
        -0.000172841247080203074,
        0.0000629188306620442832,
        2.72767549527798477e-6,
        -1.36842284042556235e-6,
        -4.84578834606977007e-8,
        2.92094100166087457e-8,
        1.91981595730151026e-9,
        -1.05910913074144483e-9,
        6.10563663911582917e-11,
        9.22042814444543379e-12,
        -1.014179489672675e-12,
    ],
}
