"""The messages of look-ups that fail: TF1's line, the facts, the way out (rows G1, G2, G5, G7)."""

from __future__ import annotations

import sys
from types import CodeType, FrameType
from typing import TYPE_CHECKING

from kscope import _shapes, errors

if TYPE_CHECKING:
    from kscope._inline import LayerRequest
    from kscope._records import Record
    from kscope._request import Request

__all__ = [
    "Site",
    "asked",
    "call_site",
    "dtype_mismatch",
    "exists",
    "foreign",
    "late",
    "late_in_step",
    "late_thing",
    "late_thing_in_step",
    "missing",
    "shape_mismatch",
    "untracked",
    "weights_mismatch",
]

_LISTED = 20


class Site:
    """A line of the user's code; put into words only when a message needs it."""

    __slots__ = ("_code", "_line")

    def __init__(self, code: CodeType, line: int):
        self._code = code
        self._line = line

    def __str__(self) -> str:
        return f"{self._code.co_filename}:{self._line} in {self._code.co_name}"


def call_site() -> Site:
    """The line of the user's code that runs now: the nearest frame outside kscope, Keras and what Keras runs on."""
    frame = sys._getframe(1)  # noqa: SLF001 - Python's own, and many times faster than `inspect`
    while frame.f_back is not None and _is_inside(frame):
        frame = frame.f_back
    return Site(frame.f_code, frame.f_lineno)


def _is_inside(frame: FrameType) -> bool:
    if frame.f_globals.get("__name__", "").startswith(("kscope.", "keras.", "tensorflow.", "flax.")):
        return True
    # What AutoGraph makes of a `tf.function` runs from a file of its own.
    return "__autograph_generated_file" in frame.f_code.co_filename


def exists(request: Request, record: Record, twice: bool = False) -> errors.VariableExistsError:
    """The name is taken, and the scope does not reuse."""
    fix = "open the scope with reuse=True or reuse=kscope.AUTO_REUSE to share it, or give the variable another name."
    if twice:
        fix = f"this call got it before; {fix}"
    return errors.VariableExistsError(
        errors.compose(
            f"Variable {request.name} already exists, disallowed. Did you mean to set reuse=True or "
            "reuse=tf.AUTO_REUSE in VarScope?",
            [*asked(request), *_found(record)],
            fix,
        )
    )


def missing(request: Request) -> errors.VariableMissingError:
    """The scope reuses, and there is no such variable."""
    names = list(request.store.records)
    return errors.VariableMissingError(
        errors.compose(
            f"Variable {request.name} does not exist, or was not created with tf.get_variable(). Did you mean to set "
            "reuse=tf.AUTO_REUSE in VarScope?",
            [
                *asked(request),
                ("store", f"{request.store!r}"),
                ("nearest names", errors.nearest(request.name, names) if names else "none, the store is empty"),
            ],
            "create it first, or open the scope with reuse=kscope.AUTO_REUSE to create or share.",
        )
    )


def late(request: Request, layer: str, note: str) -> errors.LateVariableError:
    """A built layer asks for a name that its discovery did not meet."""
    what = f"Variable {request.name} does not exist, or was not created with tf.get_variable()"
    return late_thing(what, request, layer, note)


def late_thing(what: str, request: Request | LayerRequest, layer: str, note: str) -> errors.LateVariableError:
    """The same of a variable or a layer, in words that say what does not exist."""
    return errors.LateVariableError(
        errors.compose(
            f"{what}: layer {layer!r} is built, and its discovery did not meet this name.",
            [*asked(request), ("layer", layer), ("discovery", note)],
            "name the arguments of the calls that take other branches, e.g. "
            'discover=[{"training": True}], when you make the layer; or allow it to grow with late="allow".',
        )
    )


def late_in_step(request: Request, layer: str) -> errors.LateVariableError:
    """A late variable in a step that JAX compiles."""
    return late_thing_in_step(f"Variable {request.name}", request, layer)


def late_thing_in_step(what: str, request: Request | LayerRequest, layer: str) -> errors.LateVariableError:
    """The same of a variable or a layer."""
    return errors.LateVariableError(
        errors.compose(
            f"{what} does not exist, and a step that JAX compiles cannot take on a new one.",
            [*asked(request), ("layer", layer)],
            "call the layer once outside of the compiled step, with the arguments that lead here.",
        )
    )


def foreign(layer: str) -> errors.LayerError:
    """A transformed function calls a layer of another store."""
    return errors.LayerError(
        errors.compose(
            f"Layer {layer!r} is bound to another store than the transformed function that calls it, so that its "
            "variables would not be among the values.",
            [],
            "transform a function that calls a layer which was not called before, and has no `store=` of its own.",
        )
    )


def untracked(site: Site, layer: str | None = None, variable: str | None = None) -> errors.UntrackedVariableError:
    """A scoped layer's call makes a variable past `get_variable`."""
    return errors.UntrackedVariableError(
        errors.compose(
            "The call of a scoped layer made a variable that no layer tracks: it would be neither trained nor saved.",
            [("layer", layer), ("variable", variable), ("made at", site)],
            "get layers with kscope.layer(keras.layers.Dense, ...), layers of layers with kscope.get_or_create_layer, "
            "and variables with kscope.get_variable; or make them in __init__, as attributes.",
        )
    )


def shape_mismatch(request: Request, record: Record) -> errors.ShapeMismatchError:
    """The variable has another shape."""
    return errors.ShapeMismatchError(
        errors.compose(
            f"Trying to share variable {request.name}, but specified shape {_shapes.spelled(request.shape)} and found "
            f"shape {_shapes.spelled(record.shape)}.",
            [*asked(request), *_found(record)],
            "ask for the shape it has, or leave the shape out; give a variable of another shape another name.",
        )
    )


def dtype_mismatch(request: Request, record: Record) -> errors.DtypeMismatchError:
    """The variable has another dtype."""
    return errors.DtypeMismatchError(
        errors.compose(
            f"Trying to share variable {request.name}, but specified dtype {request.dtype} and found dtype "
            f"{record.dtype}.",
            [*asked(request), *_found(record)],
            "ask for the dtype it has, or leave the dtype out.",
        )
    )


def asked(request: Request | LayerRequest) -> list[tuple[str, object]]:
    """The lines of a message that say what was asked for, and where."""
    reuse = getattr(request.reuse, "name", request.reuse)
    return [("asked for", request.spelled()), ("scope", f"{request.scope.name!r}, reuse={reuse}")]


def _found(record: Record) -> list[tuple[str, object]]:
    return [
        ("found", f"{record.name}, shape {_shapes.spelled(record.shape)}, dtype {record.dtype}"),
        ("Originally defined at", record.site),
    ]


def weights_mismatch(layer: str, mismatches: list[tuple[str, str, str]]) -> errors.WeightsMismatchError:
    """A layer and its part of a weights file differ; each mismatch is its kind, a scoped name, and details."""
    kinds = ("missing", "extra", "mis-shaped")
    facts = [
        (kind, f"{name}{f' ({details})' if details else ''}")
        for kind in kinds
        for of_kind, name, details in mismatches
        if of_kind == kind
    ]
    if len(facts) > _LISTED:
        facts[_LISTED:] = [("and", f"{len(facts) - _LISTED} more")]
    count = f"{len(mismatches)} entry does" if len(mismatches) == 1 else f"{len(mismatches)} entries do"
    return errors.WeightsMismatchError(
        errors.compose(
            f"Layer {layer!r} and the weights file differ: {count} not fit. Nothing was loaded into the layer.",
            facts,
            "load into a layer as it was when the file was saved, or pass skip_mismatch=True to leave this one out.",
        )
    )
