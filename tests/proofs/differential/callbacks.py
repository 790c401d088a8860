"""The custom getters and variable creators that the words of a program stand for."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from differential.libraries import Library

Note = Callable[..., None]


def getter(word: str | None, note: Note) -> Any:
    """A custom getter, which notes its calls."""
    if word is None or word == "not callable":
        return word and 3

    def getter(getter: Any, name: str, **kwargs: Any) -> Any:
        if word == "absorb":
            return None
        note(name, kwargs)
        match word:
            case "rename":
                return getter(name + "_more", **kwargs)
            case "double":
                return getter(name, **kwargs), getter(name + "_more", **kwargs)
            case "swallow":
                return getter(name, shape=kwargs["shape"], reuse=kwargs["reuse"])
            case "drop reuse":
                del kwargs["reuse"]
            case "whole":
                kwargs["partitioner"] = None
            case "frozen":
                kwargs["trainable"] = False
        return getter(name, **kwargs)

    if word == "other parameter":
        return lambda following, *args, **kwargs: following(*args, **kwargs)
    return getter


def creator(word: str, library: Library, note: Note) -> Any:
    """A variable creator, which notes its calls."""

    def creator(next_creator: Any, **kwargs: Any) -> Any:
        note(kwargs)
        match word:
            case "frozen":
                kwargs["trainable"] = False
            case "fives":
                kwargs["initial_value"] = library.fives(kwargs)
            case "rename":
                kwargs["name"] += "_more"
            case "raises":
                raise KeyError("raised on purpose")
        return next_creator(**kwargs)

    return creator
