"""The errors of look-ups of layers; those of variables are in `kscope._stores.lookup.messages`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kscope import errors
from kscope._stores.lookup import messages

if TYPE_CHECKING:
    from kscope._layers.kept.layer_request import LayerRequest
    from kscope._records.record import Kept

__all__ = ["exists", "mismatch"]


def exists(request: LayerRequest, kept: Kept, twice: bool = False) -> errors.LayerExistsError:
    """Return the error of a name that is taken, in a scope that does not reuse."""
    fix = "keep what kscope.layer() returns and call that, use get_or_create_layer(), or give the layer another name."
    if twice:
        fix = f"this call got it before; {fix}"
    return errors.LayerExistsError(
        errors.compose(
            f"Layer {request.name} already exists, disallowed.", [*messages.asked(request), *_found(kept)], fix
        )
    )


def mismatch(request: LayerRequest, kept: Kept) -> errors.LayerMismatchError:
    """Return the error of a layer that was made with another class or other arguments."""
    return errors.LayerMismatchError(
        errors.compose(
            f"Trying to share layer {request.name}, but it was made with another class or other arguments.",
            [*messages.asked(request), *_found(kept)],
            "ask for the layer that is there, or give this one another name.",
        )
    )


def _found(kept: Kept) -> list[tuple[str, Any]]:
    found = kept.asked or type(kept.layer).__name__
    return [("found", f"{kept.name}, {found}"), ("Originally made at", kept.site)]
