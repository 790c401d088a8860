"""The errors of a running call of a scoped layer: late variables, layers of other stores, untracked variables."""

from __future__ import annotations

from kscope import errors
from kscope._records.site import Site
from kscope._stores.lookup.messages import LookUp, asked

__all__ = ["foreign", "late", "late_in_step", "untracked"]


def late(what: str, request: LookUp, layer: str, note: str) -> errors.LateVariableError:
    """Return the error of a built layer that asks for a new name; `what` begins the message."""
    return errors.LateVariableError(
        errors.compose(
            f"{what}: layer {layer!r} is built, and its discovery did not use this name.",
            [*asked(request), ("layer", layer), ("discovery", note)],
            "name the arguments of the calls that take other branches, e.g. "
            'discover=[{"training": True}], when you make the layer; or allow it to grow with late="allow".',
        )
    )


def late_in_step(what: str, request: LookUp, layer: str) -> errors.LateVariableError:
    """Return the error of a late variable or layer in a step that JAX compiles."""
    return errors.LateVariableError(
        errors.compose(
            f"{what} does not exist, and a step that JAX compiles cannot take on a new one.",
            [*asked(request), ("layer", layer)],
            "call the layer once outside of the compiled step, with the arguments that lead here.",
        )
    )


def foreign(layer: str) -> errors.LayerError:
    """Return the error of a transformed function that calls a layer of another store."""
    return errors.LayerError(
        errors.compose(
            f"Layer {layer!r} is bound to another store than the transformed function that calls it, so that its "
            "variables would not be among the values.",
            [],
            "transform a function that calls a layer which was not called before, and has no `store=` of its own.",
        )
    )


def untracked(site: Site, layer: str | None = None, variable: str | None = None) -> errors.UntrackedVariableError:
    """Return the error of a scoped layer's call that makes a variable which no layer tracks."""
    return errors.UntrackedVariableError(
        errors.compose(
            "The call of a scoped layer made a variable that no layer tracks: it would be neither trained nor saved.",
            [("layer", layer), ("variable", variable), ("made at", site)],
            "get layers with kscope.layer(keras.layers.Dense, ...), layers of layers with kscope.get_or_create_layer, "
            "and variables with kscope.get_variable; or make them in __init__, as attributes.",
        )
    )
