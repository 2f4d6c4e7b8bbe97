"""What `import resnet` offers, for type checkers; __init__.py finds it when it is asked for."""

from resnet.config import VARIANTS as VARIANTS
from resnet.config import ResNetConfig as ResNetConfig
from resnet.config import config_of as config_of
from resnet.hub.load import load as load
from resnet.hub.trace import trace as trace
from resnet.inference.predict import classify as classify
from resnet.model import ResNet as ResNet
from resnet.model import create as create
from resnet.util.errors import InputError as InputError
