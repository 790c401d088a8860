"""The functions of `tf.losses` that list and sum collections; for the loss functions, use `keras.losses`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kscope._lazy import lazily
from kscope._records.keys import GraphKeys

if TYPE_CHECKING:
    from kscope._stores.store import Scope

__all__ = [
    "add_loss",
    "get_losses",
    "get_regularization_loss",
    "get_regularization_losses",
    "get_total_loss",
]

_KERAS = "use keras.losses or keras.ops; what they return can be given to add_loss."

_INSTEAD = {
    "Reduction": "keras.losses take `reduction` as a name.",
    "absolute_difference": _KERAS,
    "compute_weighted_loss": _KERAS,
    "cosine_distance": _KERAS,
    "hinge_loss": _KERAS,
    "huber_loss": _KERAS,
    "log_loss": _KERAS,
    "mean_pairwise_squared_error": _KERAS,
    "mean_squared_error": _KERAS,
    "sigmoid_cross_entropy": _KERAS,
    "softmax_cross_entropy": _KERAS,
    "sparse_softmax_cross_entropy": _KERAS,
}


def add_loss(loss: Any, loss_collection: str | None = GraphKeys.LOSSES) -> None:
    """Add a loss to a collection of the current store, or to none if `loss_collection` is `None`.

    Raises:
        UnsupportedError: for a tensor that is computed in the call of a layer. Use the layer's `add_loss` there.
    """
    if loss_collection:
        from kscope._stores.listings import add_to_collection

        add_to_collection(loss_collection, loss)


def get_losses(scope: Scope = None, loss_collection: str = GraphKeys.LOSSES) -> list[Any]:
    """Return the losses that `add_loss` added to a collection."""
    return _listed(loss_collection, scope)


def get_regularization_losses(scope: Scope = None) -> list[Any]:
    """Return the current values of the regularizers of the current store's variables (row N10)."""
    return _listed(GraphKeys.REGULARIZATION_LOSSES, scope)


def get_regularization_loss(scope: Scope = None, name: str = "total_regularization_loss") -> Any:
    """Return the sum of the regularizers' values, a scalar: 0.0 if there are none (row N10). `name` has no effect.

    Example:
    >>> import kscope.compat.v1 as tf
    >>> v = tf.get_variable("v", [2], initializer=tf.ones_initializer(), regularizer="l2")
    >>> round(float(keras.ops.convert_to_numpy(tf.losses.get_regularization_loss())), 4)
    0.02
    """
    del name
    return _sum(get_regularization_losses(scope))


def get_total_loss(add_regularization_losses: bool = True, name: str = "total_loss", scope: Scope = None) -> Any:
    """Return the sum of the added losses and of the regularizers' values, a scalar. `name` has no effect."""
    del name
    return _sum(get_losses(scope) + (get_regularization_losses(scope) if add_regularization_losses else []))


def _listed(key: str, scope: Scope) -> list[Any]:
    # Imported here because stores load Keras, and importing this module does not.
    from kscope._stores.listings import get_collection

    return get_collection(key, scope)


def _sum(losses: list[Any]) -> Any:
    import keras

    total = keras.ops.zeros(())
    for loss in losses:
        total = total + loss
    return total


__getattr__, __dir__ = lazily(__name__, {}, _INSTEAD)
