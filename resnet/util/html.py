"""What stands in HTML."""

import markupsafe


def escape(value: object) -> str:
    """Text that can stand between tags and in quoted attributes."""
    return str(markupsafe.escape(value))
