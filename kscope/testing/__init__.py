"""Test helpers for layers: `check_layer` on the current backend, and comparisons of all backends.

Start with `_check_layer.py` and `_parity/`. Importing this module does not import Keras or a backend: each name is
loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from kscope._lazy import lazily

if TYPE_CHECKING:
    from kscope.testing._check_layer import check_layer
    from kscope.testing._errors import (
        BackendMissingError,
        BackendsDisagreeError,
        CaseError,
        LayerCheckError,
        TargetError,
        WorkerFailedError,
    )
    from kscope.testing._parity.agree import assert_backends_agree, compare_backends
    from kscope.testing._parity.case import Case
    from kscope.testing._parity.report import Failure, Report, Row

__all__ = [
    "BackendMissingError",
    "BackendsDisagreeError",
    "Case",
    "CaseError",
    "Failure",
    "LayerCheckError",
    "Report",
    "Row",
    "TargetError",
    "WorkerFailedError",
    "assert_backends_agree",
    "check_layer",
    "compare_backends",
]

_MODULES = {
    "_parity.case": ["Case"],
    "_check_layer": ["check_layer"],
    "_errors": [name for name in __all__ if name.endswith("Error")],
    "_parity.agree": ["assert_backends_agree", "compare_backends"],
    "_parity.report": ["Failure", "Report", "Row"],
}
_HOMES = {name: f"kscope.testing.{module}:{name}" for module, names in _MODULES.items() for name in names}


__getattr__, __dir__ = lazily(__name__, _HOMES)
