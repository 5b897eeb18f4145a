"""Runs one small QKeras model, to see that a reference environment works. Usage: check_env.py qk3|qk2"""

import sys

import numpy as np

if sys.argv[1] == "qk3":
    import keras

    version = keras.__version__
else:
    import hls4ml  # noqa: F401
    import tensorflow
    from tensorflow import keras

    version = "of tensorflow " + tensorflow.__version__
import qkeras

layer = qkeras.QDense(2, kernel_quantizer=qkeras.quantized_bits(4, 0, alpha=1), name="fc")
model = keras.Sequential([keras.layers.InputLayer((3,)), layer, qkeras.QActivation("quantized_relu(4,1)")])
layer.set_weights([np.array([[0.5, -0.25], [0.9, 0.3], [0.0, 1.0]], np.float32), np.zeros(2, np.float32)])
found = np.asarray(model.predict(np.ones((1, 3), np.float32), verbose=0))
# Kernel on the grid 1/8 is [[.5, -.25], [.875, .25 (rne of 2.4/8)], [0, .875]]; relu on the grid 1/8, saturating at 1.875.
expected = np.array([[1.375, 0.875]])
if not np.array_equal(found, expected):
    sys.exit(f"QKeras computed {found}, expected {expected}")
print(f"keras {version}: qkeras works")
