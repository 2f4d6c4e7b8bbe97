"""The commands of `python -m resnet`, one a file: `add` declares the arguments, `run` runs it.

`run` imports what it needs, so that --help and bad input answer at once.
"""
