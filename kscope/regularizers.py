"""The regularizers of `tf.contrib.layers`, with its names, arguments and formulas, as Keras regularizers.

TF1 documents them in `tensorflow/contrib/layers/python/layers/regularizers.py`. TF1's l2 loss has a factor 1/2, which
Keras' `L2` does not have.
"""

# ruff: noqa: ARG001 - `scope` named operations in TF1

from __future__ import annotations

import functools
import numbers
from collections.abc import Callable, Iterable
from typing import Any

import keras

from kscope import errors
from kscope._registered import registered
from kscope._stores.store import current_store
from kscope._variables import options

__all__ = ["apply_regularization", "l1_l2_regularizer", "l1_regularizer", "l2_regularizer", "sum_regularizer"]

Regularizer = Callable[[Any], Any]


class _Scaled(keras.regularizers.Regularizer):
    """A norm times a scale. The scale may be a tensor or variable, which is read at each call."""

    def __init__(self, scale: Any):
        self.scale = scale

    def __call__(self, x: Any) -> Any:
        """Return the loss, a scalar of the dtype of `x`."""
        x = keras.ops.convert_to_tensor(x)
        return keras.ops.cast(self.scale, keras.backend.standardize_dtype(x.dtype)) * self._norm(x)

    def _norm(self, x: Any) -> Any:
        """Return the norm of a tensor; each regularizer overrides this."""

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`; of a tensor or variable, its current value."""
        return {"scale": float(keras.ops.convert_to_numpy(self.scale))}


@registered("kscope.regularizers")
class L1(_Scaled):
    """The regularizer that `l1_regularizer` returns."""

    def _norm(self, x: Any) -> Any:
        return keras.ops.sum(keras.ops.abs(x))


@registered("kscope.regularizers")
class L2(_Scaled):
    """The regularizer that `l2_regularizer` returns."""

    def _norm(self, x: Any) -> Any:
        return keras.ops.sum(keras.ops.square(x)) / 2


@registered("kscope.regularizers")
class Sum(keras.regularizers.Regularizer):
    """The regularizer that `sum_regularizer` returns."""

    def __init__(self, regularizer_list: list[Regularizer]):
        self.regularizer_list = regularizer_list

    def __call__(self, x: Any) -> Any:
        """Return the loss, a scalar; zero if all regularizers return `None`."""
        losses = [regularizer(x) for regularizer in self.regularizer_list]
        losses = [loss for loss in losses if loss is not None]
        return functools.reduce(keras.ops.add, losses) if losses else keras.ops.zeros(())

    def get_config(self) -> dict[str, Any]:
        """Return the constructor arguments, for `from_config`."""
        return {"regularizer_list": [keras.saving.serialize_keras_object(each) for each in self.regularizer_list]}

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> Any:
        """Make a regularizer from `get_config()`."""
        return cls([keras.saving.deserialize_keras_object(each) for each in config["regularizer_list"]])


def l1_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """Return a regularizer with the loss `scale * sum(abs(x))`.

    Args:
        scale: float, not negative; or a scalar tensor or variable, which is read at each call. 0.0 switches an
            inherited regularizer off, as `no_regularizer` does.
        scope: str. It has no effect; in TF1 it named operations.

    Returns:
        A Keras regularizer: a function of a tensor of any shape that returns a scalar.

    Raises:
        OptionError: if `scale` is an integer or negative.

    Example:
    >>> loss = kscope.regularizers.l1_regularizer(0.5)(np.array([1.0, -2.0], "float32"))
    >>> float(loss)
    1.5
    """
    return _unless_zero(L1, scale=scale)


def l2_regularizer(scale: Any, scope: str | None = None) -> Regularizer:
    """Return a regularizer with the loss `scale * sum(x ** 2) / 2`: half of the loss of Keras' `L2`.

    Args:
        scale: float, not negative; or a scalar tensor or variable, which is read at each call. 0.0 switches an
            inherited regularizer off, as `no_regularizer` does.
        scope: str. It has no effect; in TF1 it named operations.

    Returns:
        A Keras regularizer: a function of a tensor of any shape that returns a scalar.

    Raises:
        OptionError: if `scale` is an integer or negative.

    Example:
    >>> loss = kscope.regularizers.l2_regularizer(0.5)(np.array([1.0, -2.0], "float32"))
    >>> float(loss)
    1.25
    """
    return _unless_zero(L2, scale=scale)


def l1_l2_regularizer(scale_l1: Any = 1.0, scale_l2: Any = 1.0, scope: str | None = None) -> Regularizer:
    """Return the sum of `l1_regularizer` and `l2_regularizer`.

    Args:
        scale_l1: float, tensor or variable. The scale of the l1 loss; 0.0 omits it.
        scale_l2: float, tensor or variable. The scale of the l2 loss; 0.0 omits it.
        scope: str. It has no effect; in TF1 it named operations.

    Returns:
        A Keras regularizer: a function of a tensor of any shape that returns a scalar.

    Raises:
        OptionError: if a scale is an integer or negative.

    Example:
    >>> loss = kscope.regularizers.l1_l2_regularizer(0.5, 0.5)(np.array([1.0, -2.0], "float32"))
    >>> float(loss)
    2.75
    """
    both = [_unless_zero(L1, scale_l1=scale_l1), _unless_zero(L2, scale_l2=scale_l2)]
    on = [regularizer for regularizer in both if regularizer is not options.no_regularizer]
    return Sum(on) if len(on) == 2 else (on or both)[0]


def sum_regularizer(regularizer_list: Iterable[Any], scope: str | None = None) -> Regularizer | None:
    """Return the sum of several regularizers.

    Args:
        regularizer_list: functions, Keras regularizers, their names or configs. `None` is ignored, and so is a loss of
            `None`.
        scope: str. It has no effect; in TF1 it named operations.

    Returns:
        A Keras regularizer; `None` if the list is empty or contains only `None`.

    Raises:
        OptionTypeError: if an item has another type.
        OptionError: if a name is unknown.

    Example:
    >>> both = kscope.regularizers.sum_regularizer([kscope.regularizers.l1_regularizer(0.5), "l2"])
    >>> round(float(both(np.array([1.0, -2.0], "float32"))), 4)
    1.55
    """
    regularizers = [_plain(each) for each in regularizer_list if each is not None]
    return Sum(regularizers) if regularizers else None


def apply_regularization(regularizer: Any, weights_list: Iterable[Any] | None = None) -> Any:
    """Return the sum of a regularizer's losses over several weights.

    In TF1 the sum was also added to the collection of regularization losses. Without a graph, it is a number that is
    not computed again: pass it to `add_loss` of a layer, or give the variables their regularizer.

    Args:
        regularizer: a function, a Keras regularizer, its name or config.
        weights_list: variables or tensors. Defaults to the collection `"weights"` of the current store.

    Returns:
        A scalar.

    Raises:
        OptionError: if there are no weights, or a loss is not a scalar.
        OptionTypeError: if `regularizer` is not a regularizer.

    Example:
    >>> weights = [np.array([1.0, -2.0], "float32"), np.array([[3.0]], "float32")]
    >>> float(kscope.regularizers.apply_regularization(kscope.regularizers.l1_regularizer(0.5), weights))
    3.0
    """
    weights = list(weights_list or ()) or current_store().get_collection("weights")
    if not weights:
        raise errors.OptionError("No weights to regularize.")
    function = _plain(regularizer)
    losses = []
    for weight in weights:
        loss = function(weight)
        loss = keras.ops.convert_to_tensor(0.0 if loss is None else loss)
        if len(loss.shape) > 0:
            raise errors.OptionError(
                f"regularizer must return a scalar Tensor instead of a Tensor with rank {len(loss.shape)}."
            )
        losses.append(loss)
    return functools.reduce(keras.ops.add, losses)


def _unless_zero(kind: type[_Scaled], **given: Any) -> Regularizer:
    """Return a regularizer for the one given scale, by the argument's name; `no_regularizer` if the scale is 0."""
    ((name, scale),) = given.items()
    return kind(scale) if _on(name, scale) else options.no_regularizer


def _on(name: str, scale: Any) -> bool:
    """Whether a scale is not 0; raise an error if it is an integer or negative."""
    if isinstance(scale, numbers.Integral):
        raise errors.OptionError(f"{name} cannot be an integer: {scale}")
    if not isinstance(scale, numbers.Real):
        return True
    if scale < 0.0:
        raise errors.OptionError(f"Setting a scale less than 0 on a regularizer: {scale:g}")
    return scale != 0.0


def _plain(given: Any) -> Regularizer:
    """Return a regularizer; a function is not wrapped, so that a registered one can be saved in a config."""
    known = options.regularizer_of(given)
    if known is None:
        return options.no_regularizer
    return known.function if isinstance(known, options.NoneIsNoLoss) else known
