"""Three more orders of BN, ReLU and addition in a basic block (He et al. 2016, arXiv 1603.05027, figure 4b to d).

Each is what differs from the original block, to be mixed into it. They were tried on CIFAR-10 and are built
for that family only; their tensors are those of the original order.
"""

from torch import Tensor, nn


class BNAfterAddition:
    """y = relu(bn(F(x) + x)): the norm lies on the shortcut's way (figure 4b)."""

    def residual(self, x: Tensor) -> Tensor:
        return self.conv2(self.relu(self.bn1(self.conv1(x))))

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.bn2(self.residual(x) + self.downsample(x)))


class ReLUBeforeAddition:
    """y = F(x) + x, F ending with its ReLU: what is added is never negative (figure 4c)."""

    def residual(self, x: Tensor) -> Tensor:
        return self.relu(super().residual(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.downsample(x)


class ReLUPreActivation:
    """y = F(relu(x)) + x with BN behind each convolution (figure 4d); the net ends with a ReLU of its own."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.relu = nn.ReLU()  # not in place: the shortcut needs x as it was

    def residual(self, x: Tensor) -> Tensor:
        return super().residual(self.relu(x))

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x) + self.downsample(x)


ORDERS = {"bn_after_add": BNAfterAddition, "relu_before_add": ReLUBeforeAddition, "relu_preact": ReLUPreActivation}
