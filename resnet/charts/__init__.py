"""Tidy numbers -> plotly figures, all in one visual language; one file per kind of figure.

Nothing else imports plotly. Colour is the kind of net, shade its depth; dashed is training, solid is test.
"""
