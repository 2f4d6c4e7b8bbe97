"""The residual stream, live: nets that run in the visitor's browser."""
