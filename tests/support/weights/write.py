"""Write the files that every backend's tests load: `KERAS_BACKEND=jax python tests/support/weights/write.py`.

To be run once on each backend when the format grows; older files stay, since they have to load for good.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import keras
import numpy as np

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from samples import Stack  # noqa: E402 - found on the path above

keras.utils.set_random_seed(7)
model = Stack(name="net")
outputs = model(np.linspace(-1, 1, 6, dtype="float32").reshape(2, 3))
model.save(HERE / f"{os.environ['KERAS_BACKEND']}.keras")
np.save(HERE / f"{os.environ['KERAS_BACKEND']}.npy", keras.ops.convert_to_numpy(outputs))
