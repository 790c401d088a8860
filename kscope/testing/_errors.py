"""The errors of `kscope.testing`, one class for each mistake."""

from __future__ import annotations

from kscope.errors import KscopeError

__all__ = [
    "BackendMissingError",
    "BackendsDisagreeError",
    "CaseError",
    "LayerCheckError",
    "TargetError",
    "WorkerFailedError",
]


class BackendsDisagreeError(KscopeError, AssertionError):
    """Raised when backends do not agree on a layer; the message is the table of differences."""


class WorkerFailedError(BackendsDisagreeError):
    """Raised when a layer fails on a backend, so that not all can be compared; the message has the traceback."""


class BackendMissingError(KscopeError, ImportError):
    """Raised when a requested backend is not installed, or when there are fewer than two to compare."""


class TargetError(KscopeError, ValueError):
    """Raised when another process could not find a function by its name."""


class CaseError(KscopeError, ValueError):
    """Raised when inputs, targets or settings are invalid, or cannot be sent to another process."""


class LayerCheckError(KscopeError, AssertionError):
    """Raised when a layer does not keep one of Keras' contracts; the message says what was expected and found."""
