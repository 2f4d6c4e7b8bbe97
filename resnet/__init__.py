"""Residual networks: traced, compared and tried out. `import resnet` costs nothing."""

from importlib import import_module

_HOME = {
    "ResNetConfig": "config", "VARIANTS": "config", "config_of": "config",
    "InputError": "util.errors",
    "ResNet": "model", "create": "model",
    "trace": "hub.trace",
    "load": "hub.load",
    "classify": "inference.predict",
}
__all__ = list(_HOME)


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'resnet' has no attribute {name!r}")
    return getattr(import_module(f"resnet.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return __all__
