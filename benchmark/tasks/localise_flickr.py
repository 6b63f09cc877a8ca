"""Where the sound comes from: boxes of Flickr-SoundNet."""

from __future__ import annotations

from benchmark.tasks.sound_source import SoundSource
from registries.registry import TASKS
from registries.task import TaskCard


@TASKS.register_module(name="localise_flickr")
class LocaliseFlickr(SoundSource):
    """Localisation of sounds on Flickr-SoundNet (Senocak et al. 2018): cIoU@0.5, as `localise`.

    The truth is 1 where two annotators agree, 0.5 where one is alone. A clip is a still picture
    with its sound.
    """

    card = TaskCard(
        name="localise_flickr",
        title="Localisation of sounds (Flickr-SoundNet)",
        dataset="flickr_soundnet",
        miniature="",
        reference="Senocak et al., Learning to Localize Sound Source in Visual Scenes, CVPR 2018",
        licence="research use; pictures and sounds remain their owners'",
        main_metric="ciou",
        unit="%",
        higher_is_better=True,
        scope="global",
        version=1,
        inputs=("av",),
        protocols=("localise",),
    )
