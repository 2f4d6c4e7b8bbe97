"""The Compare tab's end point for programs."""

from resnet.data import DATA, unknown_data
from resnet.training.runs import recorded, tidy
from resnet.ui.wall.guard import guarded_api
from resnet.util.fields import parse


@guarded_api
def compare_api(data: str = "fashion_mnist") -> list[dict]:
    """The recorded training runs on a data set, one row per run and epoch.

    Parameters:
        data: fashion_mnist or cifar10.
    Returns:
        rows with run, net, depth, shortcut, order, seed, epoch, iteration, lr, train_error, test_error
        (per cent), train_loss, test_loss (nats) and seconds.
    """
    name = parse("data", str, data)
    if name not in DATA:
        raise unknown_data(name, DATA)
    return tidy([run for run in recorded() if run.info.data == name])
