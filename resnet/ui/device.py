"""Where the heavy work runs: on ZeroGPU inside spaces.GPU, elsewhere as it is."""

import spaces

SECONDS = 5  # ZeroGPU's quota counts what is asked for, not what is used

# Decorates a module-level function, so that ZeroGPU finds it at start; arguments and results cross by pickle there.
gpu = spaces.GPU(duration=SECONDS)
