"""Where the sound comes from: boxes of VGG-SS."""

from __future__ import annotations

from benchmark.tasks.sound_source import SoundSource
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="localise")
class Localise(SoundSource):
    """Localisation of sounds on VGG-SS (Chen et al. 2021): cIoU@0.5 of the map above its median.

    Half of a map is above its median, so that only 50.5 % of the official clips can succeed, and a
    disc in the middle does in 33.9 %: it is reported beside every score (disc_*), with the cIoU at
    the area of the boxes, pointing and mask AP. On the miniature, whose boxes are small, pointing
    is the main metric, by variant too (pointing:sync).

    Differs from the paper: a clip of several frames instead of one frame, and the sound of the same
    seconds instead of ten, as the objectives compare them.
    """

    card = TaskCard(
        name="localise",
        title="Localisation of sounds (VGG-SS)",
        dataset="vggss",
        miniature="mini-loc",
        reference="Chen et al., Localizing Visual Sounds the Hard Way, CVPR 2021",
        licence="boxes Apache-2.0, videos remain their owners'",
        main_metric="ciou",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        inputs=("av",),
        protocols=("localise",),
    )
