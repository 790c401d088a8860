"""What random programs are made of: statements of a layer's `call()`, layers, and what is done with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from hypothesis import strategies as st

import kscope

AUTO = kscope.AUTO_REUSE


@dataclass(frozen=True)
class Get:
    """Multiply by the variable of that name; as an action, get it outside of layers."""

    name: str


@dataclass(frozen=True)
class Open:
    """Open a scope around statements; without a name it is the default name `d`, made unique."""

    name: str | None
    body: tuple[Statement, ...]
    reuse: object = None
    getter: bool = False


@dataclass(frozen=True)
class Call:
    """Call one of the sublayers, if there are any."""

    child: int


@dataclass(frozen=True)
class Branch:
    """Statements for calls that are asked to go deep, or for training, which is discovered both ways."""

    body: tuple[Statement, ...]
    training: bool = False


@dataclass(frozen=True)
class Fail:
    """Raise, if the call is asked to do so at this label."""

    label: int


@dataclass(frozen=True)
class Clear:
    """Clear Keras' session: inside `call()`, or as an action."""


Statement: TypeAlias = "Get | Open | Call | Branch | Fail | Clear"


@dataclass(frozen=True)
class Layer:
    """A layer, as it is constructed; as an action, construct it."""

    body: tuple[Statement, ...]
    children: tuple[Layer, ...] = ()
    name: str | None = None
    scope: str | None = None
    reuse: object = None
    given: bool = False


@dataclass(frozen=True)
class Run:
    """Call a layer.

    Attributes:
        layer: which one of those that there are.
        how: `eager`; `symbolic`, with an unknown batch size; `traced` by the backend; in another `thread`.
        batch: the batch size.
        deep: whether branches are taken.
        training: the argument of that name.
        fails: the label at which to raise, and whether in discoveries or in calls.
    """

    layer: int
    how: str = "eager"
    batch: int = 2
    deep: bool = False
    training: bool = False
    fails: tuple[int, bool] | None = None


@dataclass(frozen=True)
class Clone:
    """Construct another layer from a layer's config."""

    layer: int


@dataclass(frozen=True)
class Within:
    """Do things while a scope of the default store is open, or the program's other store (`None`)."""

    scope: str | None
    body: tuple[Action, ...]
    reuse: object = None


Action: TypeAlias = "Layer | Run | Clone | Get | Clear | Within"
Program: TypeAlias = tuple[Action, ...]


def _bodies(children: int, depth: int = 2) -> st.SearchStrategy[tuple[Statement, ...]]:
    names = st.sampled_from(["v", "w"])
    options = [st.builds(Get, names), st.builds(Get, names), st.builds(Fail, st.integers(0, 1)), st.just(Clear())]
    if children:
        options += [st.builds(Call, st.integers(0, children - 1))] * 3
    if depth:
        below = _bodies(children, depth - 1)
        scopes = st.sampled_from(["a", "b", "a/b", "", "/shared", "/shared", None])
        opened = st.builds(_open, scopes, below, st.sampled_from([None, None, AUTO, True]), st.booleans())
        options += [opened, opened, st.builds(Branch, below, st.booleans())]
    return st.lists(st.one_of(options), min_size=1, max_size=4).map(tuple)


def _open(name: str | None, body: tuple[Statement, ...], reuse: object, getter: bool) -> Open:
    # A default name cannot be reused, and hardly anybody shares by an absolute name without a reuse mode.
    reuse = None if name is None else AUTO if name == "/shared" and reuse is None else reuse
    return Open(name, body, reuse, getter)


@st.composite
def _layers(draw: st.DrawFn, depth: int = 2, top: bool = True) -> Layer:
    children = tuple(draw(_layers(depth - 1, False)) for _ in range(draw(st.integers(0, 2)) if depth else 0))
    return Layer(
        body=draw(_bodies(len(children))),
        children=children,
        name=draw(st.sampled_from([None, "n", "m"])),
        scope=draw(st.sampled_from([None, None, None, "s", "/s", ""])),
        reuse=draw(st.sampled_from([None, None, None, AUTO, True])),
        given=draw(st.booleans() if top else st.sampled_from([False, False, False, True])),
    )


_indices = st.integers(0, 3)
_runs = st.builds(
    Run,
    layer=_indices,
    how=st.sampled_from(["eager", "eager", "symbolic", "traced", "thread"]),
    batch=st.integers(1, 3),
    deep=st.booleans(),
    training=st.booleans(),
    fails=st.none() | st.tuples(st.integers(0, 1), st.booleans()),
)


def _actions(depth: int = 2) -> st.SearchStrategy[tuple[Action, ...]]:
    plain = [_runs, _runs, _runs, _layers(), st.builds(Clone, _indices), st.just(Clear())]
    plain.append(st.builds(Get, st.sampled_from(["v", "s/v"])))
    if depth:
        within = st.builds(
            Within, st.sampled_from(["s", "n", None]), _actions(depth - 1), st.sampled_from([None, None, AUTO])
        )
        plain.append(within)
    return st.lists(st.one_of(plain), min_size=2 * depth + 1, max_size=2 * depth + 4).map(tuple)


PROGRAMS: st.SearchStrategy[Program] = st.builds(lambda first, more: (first, *more), _layers(), _actions())
