import pytest


@pytest.fixture
def hub_is_away(tmp_path):
    """The Hub refuses connections at once, so that names of repositories end in a sentence."""
    from tests.hub import pointed_at

    with pointed_at("http://127.0.0.1:9", tmp_path / "cache"):
        yield
