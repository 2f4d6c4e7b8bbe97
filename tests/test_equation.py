import pytest

from resnet.tracing.equation import equations
from resnet.tracing.trace import trace

BASIC = "F(x) = BN(W₂ ∗ ReLU(BN(W₁ ∗ x)))"


@pytest.mark.parametrize(("net", "settings", "block", "expected"), [
    ("resnet20_cifar", {}, "layer1.0", ("y = ReLU(F(x) + x)", BASIC)),
    ("resnet20_cifar", {}, "layer2.0", ("y = ReLU(F(x) + pad(x))", BASIC)),
    ("plain20_cifar", {}, "layer2.0", ("y = F(x)", "F(x) = ReLU(BN(W₂ ∗ ReLU(BN(W₁ ∗ x))))")),
    ("resnet50", {}, "layer1.0",
     ("y = ReLU(F(x) + BN(Wₛ ∗ x))", "F(x) = BN(W₃ ∗ ReLU(BN(W₂ ∗ ReLU(BN(W₁ ∗ x)))))")),
    ("resnet50", {"shortcut": "D", "attention": "se"}, "layer2.0",
     ("y = ReLU(F(x) + BN(Wₛ ∗ mean(x)))", "F(x) = s ⊙ BN(W₃ ∗ ReLU(BN(W₂ ∗ ReLU(BN(W₁ ∗ x)))))")),
    ("resnet20_cifar", {"order": "preact"}, "layer1.1",
     ("y = F(x) + x", "F(x) = W₂ ∗ ReLU(BN(W₁ ∗ ReLU(BN(x))))")),
    ("resnet20_cifar", {"order": "preact"}, "layer2.0",
     ("y = F(h) + pad(h)", "h = ReLU(BN(x))", "F(h) = W₂ ∗ ReLU(BN(W₁ ∗ h))")),
    ("resnet20_cifar", {"order": "bn_after_add"}, "layer1.0",
     ("y = ReLU(BN(F(x) + x))", "F(x) = W₂ ∗ ReLU(BN(W₁ ∗ x))")),
])
def test_a_block_as_the_paper_writes_it(net, settings, block, expected):
    found = trace(net, **settings)
    assert equations(found, next(one for one in found.blocks if one.name == block)) == expected
