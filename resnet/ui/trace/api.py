"""The Trace tab's end point for programs."""

from resnet.hub.trace import answer
from resnet.ui.trace.view import TraceView, traced
from resnet.ui.wall.guard import guarded_api
from resnet.util.fields import parse


@guarded_api
def trace_api(variant: str = "resnet50", height: int | None = None, width: int | None = None,
              classes: int | None = None) -> dict:
    """Shapes, parameters and multiply-adds of a ResNet, layer by layer.

    Parameters:
        variant: a name such as resnet50, plain34, resnet20_cifar; a bundled model, or a Hub repository (owner/name).
        height: of the input, in pixels; without it the net's own.
        width: of the input, in pixels; without it the net's own.
        classes: outputs of the last layer; without it the net's own.
    Returns:
        name, input, params, macs and layers, as `python -m resnet trace --json` prints them; of a model also its
        reference and what its files were recognised as.
    """
    numbers = {"height": height, "width": width, "classes": classes}
    view = TraceView(parse("variant", str, variant),
                     **{key: parse(key, int | None, number) for key, number in numbers.items()})
    return answer(*traced(view.whole()))
