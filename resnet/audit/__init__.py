"""Every figure that a sentence on the page states, taken off the page and held against its record and a fresh run.

One file a place: it draws the place as a visitor would see it, takes the figures out of its sentences, reads the same
from the recorded files with readers of its own, and measures again what can be measured in a few seconds. A figure
that nobody here accounts for is a disagreement too, so a new sentence asks for its row.
"""
