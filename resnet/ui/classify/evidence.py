"""What each stage sees, and which blocks the answer needs."""

from resnet.explain.features import Channel, StageMap
from resnet.hub.loaded import LoadedModel
from resnet.inference.probabilities import probabilities
from resnet.surgery import BlockSite, block_sites
from resnet.ui.classify.answer import name_of_class
from resnet.ui.classify.inline_controls import button
from resnet.ui.classify.view import ClassifyReading, ClassifyView
from resnet.ui.page.images import grey, png_url
from resnet.util.html import escape
from resnet.util.numbers import points, probability, significant
from resnet.util.text import text


def stages_html(reading: ClassifyReading) -> str:
    """The mean map of every stage; the chosen one's channels below."""
    lang, opened = reading.lang, reading.view.channels
    tiles = "".join(_stage(stage, stage.name == opened, lang) for stage in reading.evidence.stages)
    return (f'<section id="stages"><h3>{text("classify.stages", lang)}'
            f'<small>{text("classify.stages_note", lang)}</small></h3>'
            f'<div class="stages-row">{tiles}</div>{_channels(reading)}</section>')


def _stage(stage: StageMap, opened: bool, lang: str) -> str:
    size = map_size(stage.shape)
    inside = (f'<img class="pixels" src="{png_url(grey(stage.mean))}" alt="">'
              f"<span><b>{stage.name}</b> {size}</span>")
    label = text("classify.stage_alt", lang, name=stage.name, size=size)
    return button("channels", stage.name, inside, label, "stage", opened)


def map_size(shape: tuple[int, int, int]) -> str:
    """(64, 112, 112) -> "64×112²"."""
    channels, height, width = shape
    return f"{channels}×{height}²" if height == width else f"{channels}×{height}×{width}"


def _channels(reading: ClassifyReading) -> str:
    found, lang = reading.evidence.channels, reading.lang
    if not found:
        return ""
    stage = next(stage for stage in reading.evidence.stages if stage.name == reading.view.channels)
    shares = 100 * sum(channel.share for channel in found)
    note = text("classify.channels_note", lang, name=stage.name, n=len(found), all=f"{stage.shape[0]:,}",
                share=significant(shares))
    return (f'<div class="channels">{"".join(_channel(channel, lang) for channel in found)}</div>'
            f'<p class="note">{escape(note)}</p>')


def _channel(channel: Channel, lang: str) -> str:
    alt = escape(text("classify.channel_alt", lang, index=channel.index))
    return (f'<figure><img class="pixels" src="{png_url(grey(channel.map))}" alt="{alt}">'
            f"<figcaption>{channel.index} · {significant(100 * channel.share, 2)} %</figcaption></figure>")


def blocks_note(view: ClassifyView, loaded: LoadedModel, lang: str) -> str:
    """How many blocks are on."""
    known = block_sites(loaded.info.architecture)
    return text("classify.blocks_on", lang, n=len(known) - len(view.off), all=len(known))


def blocks_html(reading: ClassifyReading) -> str:
    """Every block with a switch, and what each one alone does to the first answer."""
    known, logits = block_sites(reading.loaded.info.architecture), reading.evidence.alone
    assert logits is not None, "the view asks for it where this section is open"
    lang, chances = reading.lang, probabilities(logits, reading.view.temperature)
    first = int(chances[0].argmax())
    alone = iter(chances[1:, first].tolist())
    rows = "".join(_block(reading, site, chances[0, first].item(), next(alone) if site.removable else None)
                   for site in known)
    head = "".join(f'<th scope="col">{escape(words)}</th>' for words in (
        text("classify.block", lang), text("classify.block_on", lang),
        text("classify.block_alone", lang, label=name_of_class(reading, first)), "", text("classify.points", lang)))
    key = "classify.blocks_plain" if reading.plain else "classify.blocks_residual"
    return (f'<p class="note">{escape(text(key, lang))}</p><table class="bars blocks"><thead><tr>{head}</tr></thead>'
            f'<tbody>{rows}</tbody></table><p class="source">{escape(text("classify.blocks_source", lang))}</p>')


def _block(reading: ClassifyReading, site: BlockSite, before: float, alone: "float | None") -> str:
    lang, off = reading.lang, site.name in reading.view.off
    mark = f' <small>{text("classify.halves", lang)}</small>' if site.halves else ""
    label = escape(text("classify.switch", lang, block=site.name))
    box = (f'<input type="checkbox" data-field="off" data-value="{site.name}" aria-label="{label}"'
           f'{"" if off else " checked"}{"" if site.removable else " disabled"}>')
    told = (f'<td colspan="3" class="note">{text("classify.changes_shape", lang)}</td>' if alone is None else
            f'<td class="bar"><span style="width:{100 * alone:.2f}%"></span><i style="--at:{before:.4f}"></i>'
            f'</td><td class="number">{escape(probability(alone))}</td><td class="delta">{points(alone - before)}</td>')
    name = f'<span class="part">{reading.stages[site.stage + 1]} · </span>{site.name}{mark}'
    return f'<tr{" class=off" if off else ""}><th scope="row">{name}</th><td>{box}</td>{told}</tr>'
