"""Table 1 at once: every number is the trace's, or the paper's."""

import pytest

from resnet.papers.tables import published
from resnet.tracing.trace import trace
from resnet.ui.trace.family import FAMILY, family_html
from resnet.ui.trace.tab import PANEL
from resnet.ui.trace.view import TraceView
from resnet.util.numbers import short
from tests.ui.asking import ask, held, words


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_each_net_has_its_blocks_its_cost_and_its_parameters(lang):
    told = words(family_html(lang))
    for variant, blocks in zip(FAMILY, ("2222", "3463", "3463", "3 4 23 3", "3 8 36 3"), strict=True):
        result = trace(variant)
        counts = [int(n) for n in (blocks.split() if " " in blocks else blocks)]
        assert [len(stage.blocks) for stage in result.stages if stage.blocks] == counts
        assert f"{result.params:,}" in told and short(result.macs) in told
        assert short(published(variant, "macs")[0].value) in told
        assert all(f"× {count}" in told for count in counts)
    for size in ("112×112", "56×56", "28×28", "14×14", "7×7", "1×1", "1,000-d"):
        assert size in told
    assert "11,515,688" in told and "21,623,848" in told  # option A, as the paper builds 18 and 34


def test_it_stands_where_one_of_its_nets_is_traced():
    for variant, there in (("resnet34", True), ("resnet20_cifar", False)):
        _, html, _ = ask(PANEL.show, held(TraceView(variant)))
        assert ('class="rows family narrow"' in html) == there
