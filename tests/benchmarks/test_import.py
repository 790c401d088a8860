"""Starting Python with kscope."""

from __future__ import annotations

import subprocess
import sys


def test_import_beside_bare_python(compare):
    """`import kscope` adds less than 50 ms to the start of Python: it loads neither Keras nor a backend."""

    def starts(code):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    compare("import kscope", "bare Python", starts("import kscope"), starts("pass"), count=1, rounds=20)
