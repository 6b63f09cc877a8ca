"""AVSpeech: `avspeech_{train,test}.csv` (youtube_id,start,end,x,y; no header) and cut segments.

Speech of one person, 3-10 s, to pretrain on (Ephrat et al. 2018). x and y are the centre of the
face; they are checked and not used: a crop needs landmarks. Segments are recognised
by name at any depth, `<id>_<start>.mp4` with the start as the list writes it, shortened, or in six
digits, or `<id>_<start ms>_<end ms>.mp4`.
"""

from __future__ import annotations

from pathlib import Path

from benchmark.data.adapters.common import Source, build
from benchmark.data.adapters.youtube import clips, seconds, table
from benchmark.data.manifest import Manifest

SOURCE = Source(
    name="avspeech",
    title="AVSpeech",
    layout="avspeech_train.csv and/or avspeech_test.csv, and <youtube id>_<start>.mp4 at any depth",
    owner="https://looking-to-listen.github.io/avspeech (the lists; videos from YouTube)",
    licence="CC BY 4.0 for the lists; videos remain their owners'",
    folders=("AVSpeech", "avspeech"),
)
LISTS = {split: f"avspeech_{split}.csv" for split in ("train", "test")}


def present(root: Path) -> bool:
    """Whether `root` holds a list."""
    return any((root / name).is_file() for name in LISTS.values())


def read(root: Path) -> Manifest:
    """Listed segments in a fixed random order, so that the first n are a fair subset.

    group: the YouTube id, of which there may be several segments.
    """
    files, samples, missing = clips(root), [], []
    for split, file in LISTS.items():
        path = root / file
        for video, start, end, x, y in table(path, 5) if path.is_file() else ():
            for centre in (x, y):
                seconds(centre, path)  # a number, or this is another file
            names = _names(video, start, begin=seconds(start, path), end=seconds(end, path))
            name = next((name for name in names if name in files), None)
            if name is None:
                missing.append(f"{names[0]}.mp4")
                continue
            samples.append(
                {
                    "id": f"{split}/{video}_{start}",
                    "path": files[name],
                    "split": split,
                    "group": video,
                }
            )
    return build(
        SOURCE,
        root,
        samples,
        kind="subset" if missing else "full",
        expected=len(samples) + len(missing),
        missing=missing,
    ).ranked()


def _names(video: str, start: str, *, begin: float, end: float) -> list[str]:
    """What a segment's file may be called, without suffix."""
    forms = [start, f"{begin:g}", f"{begin:.1f}", f"{begin:.2f}", f"{begin:.3f}"]
    if begin.is_integer():
        forms.append(f"{int(begin):06d}")
    return [f"{video}_{form}" for form in (*forms, f"{round(begin * 1e3)}_{round(end * 1e3)}")]
