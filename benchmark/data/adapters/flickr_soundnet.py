"""Flickr-SoundNet: boxes by several annotators of what sounds in a picture; XML files and clips.

`Annotations/<id>.xml` holds one <bbox> an annotator: a leading element, then xmin, ymin, xmax, ymax
in pixels of a 256 x 256 frame, whatever the elements are called. A point counts fully where two
boxes agree: truth = min(1, boxes / 2). The test list names <id>.png or <id>.mp4, a line each
(Senocak et al. 2018). Owners hand out a picture and a sound for each id:
`data/frames/<id>.jpg`, `data/audio/<id>.wav`; `bench data prepare flickr_soundnet` joins them to
clips.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from xml.etree import ElementTree

from benchmark.data.adapters.common import Source, build, lines
from benchmark.data.adapters.vggss import inside
from benchmark.data.adapters.youtube import clips, first
from benchmark.data.manifest import Boxes, Manifest
from registries.errors import NotReadyError

SOURCE = Source(
    name="flickr_soundnet",
    title="Flickr-SoundNet (annotated pairs)",
    layout="Annotations/<id>.xml, Flickr_SoundNet_test_list.txt and <id>.mp4 at any depth, or "
    "data/frames/<id>.jpg with data/audio/<id>.wav, which `bench data prepare flickr_soundnet` "
    "joins",
    owner="https://github.com/ardasnck/learning_to_localize_sound_source (lists, request form)",
    licence="research use; pictures and sounds remain their owners'",
    folders=("Flickr-SoundNet", "FlickrSoundNet", "flickr_soundnet"),
    expected=250,  # lines of the test list: the owners' code
)
FOLDERS = ("Annotations", "annotations", "xml")
LISTS = (
    "Flickr_SoundNet_test_list.txt",
    "flickr_test.csv",
    "Flickr_SoundNet_supervised_test_list.txt",
)
SIDE = 256  # pixels of the annotated frame: the owners' code
NEEDED = 2  # boxes that must agree: Senocak et al. 2018


def present(root: Path) -> bool:
    """Whether `root` holds annotations."""
    return _folder(root) is not None


def read(root: Path) -> Manifest:
    """The listed clips as "test"; other annotated clips that are there as "train"."""
    folder = _folder(root)
    if folder is None:
        raise NotReadyError(f"{root / FOLDERS[0]} is missing. {SOURCE.help(root)}")
    tested = _listed(root)
    files = clips(root)
    names = [*tested, *sorted({path.stem for path in folder.glob("*.xml")} - set(tested))]
    samples, missing = [], []
    for name in names:
        text = folder / f"{name}.xml"
        if name not in files or not text.is_file():
            missing += [f"{name}.mp4"] if name in tested else []
            continue
        samples.append(
            {
                "id": name,
                "path": files[name],
                "split": "test" if name in tested else "train",
                "group": name,
                "boxes": Boxes(boxes(text), needed=NEEDED).text(),
            }
        )
    return build(
        SOURCE,
        root,
        samples,
        kind="subset" if missing else "full",
        expected=len(samples) + len(missing),
        missing=missing,
    )


def boxes(path: Path) -> tuple[tuple[float, float, float, float], ...]:
    """The annotators' boxes as fractions of the frame; those without area are dropped.

    Raises NotReadyError for a file that is not XML, and for a <bbox> without four numbers.
    """
    try:
        found = [[int(part.text or "") for part in box][1:] for box in _bboxes(path)]
    except (ElementTree.ParseError, ValueError) as error:
        raise NotReadyError(f"{path} is not an annotation ({error}); fetch it again") from error
    if any(len(box) != 4 for box in found):
        raise NotReadyError(
            f"{path}: a <bbox> holds other than five numbers; one leading number, then xmin, ymin, "
            "xmax, ymax are needed. Fetch it again"
        )
    return inside([[value / SIDE for value in box] for box in found])


def _bboxes(path: Path) -> list[ElementTree.Element]:
    return list(ElementTree.parse(path).getroot().iter("bbox"))


def _folder(root: Path) -> Path | None:
    return next((root / name for name in FOLDERS if any((root / name).glob("*.xml"))), None)


def _listed(root: Path) -> dict[str, None]:
    """Ids of the test list, in its order; a line may be a name, a path, or the first of a CSV."""
    path = first(root, LISTS)
    if path is None:
        raise NotReadyError(
            f"{root / LISTS[0]} is missing; the test list is in the owners' repository, "
            f"{SOURCE.owner}"
        )
    return {PurePosixPath(line.split(",")[0]).stem: None for line in lines(path)}
