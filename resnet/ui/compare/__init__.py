"""The Compare tab: a story in panels, each one question, answered by one chart.

A panel is a module with a PANEL (resnet.ui.compare.layout.panel): its view, what draws it, and its parts; its row in
story.PANELS gives it its place. It draws nothing until it is opened, so it costs nothing before.
"""
