"""What can go wrong in testing a layer, one class per mistake."""

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
    """Raised when a layer is not the same on all backends; the message is the table of what differs."""


class WorkerFailedError(BackendsDisagreeError):
    """Raised when a layer fails on a backend, so that there is less to compare; the message has its traceback."""


class BackendMissingError(KscopeError, ImportError):
    """Raised when a backend that was asked for is not installed, or when there are fewer than two to compare."""


class TargetError(KscopeError, ValueError):
    """Raised when a function cannot be found again by its name in another process."""


class CaseError(KscopeError, ValueError):
    """Raised when inputs, targets or settings cannot be handed to another process."""


class LayerCheckError(KscopeError, AssertionError):
    """Raised when a layer does not keep one of Keras' contracts; the message says what was expected and found."""
