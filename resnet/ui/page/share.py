"""The buttons by which a view is taken elsewhere; share.js does what they say."""

from resnet.ui.page.language import both

TAKES = ("picture", "embed", "present")


def share_html() -> str:
    """Copy the link; and what else there is to share, in a menu."""
    menu = "".join(_button(take) for take in TAKES)
    return (f'{_button("copy")}<details class="share"><summary class="pill">{both("page.share")}</summary>'
            f'<div class="menu">{menu}</div></details>')


def back_html() -> str:
    """Under a view that another page shows in a frame, and beside one on a projector: the way to it."""
    return (f'<p class="back"><a href="." target="_blank" rel="noopener">{both("page.back")}</a></p>'
            '<div class="qr" aria-hidden="true"></div>')


def _button(take: str) -> str:
    return (f'<button type="button" class="pill" data-take="{take}">'
            f'<span class="todo">{both(f"page.takes.{take}")}</span>'
            f'<span class="done" role="status">{both(f"page.taken.{take}")}</span></button>')
