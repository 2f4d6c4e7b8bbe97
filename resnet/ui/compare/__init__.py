"""The Compare tab: a story in panels, each one question, answered by one chart.

A panel is a module with a `build() -> Tab` whose Tab has `panel` set; its row in story.PANELS gives it
its place. It draws nothing until it is opened, so it costs nothing before.
"""
