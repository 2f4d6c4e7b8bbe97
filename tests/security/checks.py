"""What hypothesis would stop a test for, though it may be: slow examples, large ones, fixtures that stay."""

from typing import Any

from hypothesis import HealthCheck

EVERY_CHECK: Any = list(HealthCheck)
