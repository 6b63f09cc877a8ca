"""mini-lrs2: sentences of three to five words, read from the lips of drawn talking heads.

Layout of the Lip Reading Sentences 2 dataset (Afouras et al. 2018):
`mvlrs_v1/{main,pretrain}/<19 digits>/<00001>.{mp4,txt}` and the lists train.txt, val.txt, test.txt,
pretrain.txt beside it; test lines carry a tag, as the owners' do. The .txt holds the transcript and
the table of word times. Differs: 20 fps and 112 px instead of 25 and 160, a folder is a speaker
instead of a programme, and a vocabulary of 30 words (see sentence.py).

`pretrain` holds fragments of one or two words for the curriculum, spoken by training speakers. No
sentence is said in two splits, and speakers are disjoint between them. A smaller tier is part of a
larger one.

Measured with version 1, one seed, WER on the 250 test sentences of base: a BiGRU with CTC on the
true mouth tracks with a tracker's error, decoded greedily, 0.5 % at 20 fps and 12.0 % at 10; a
decoder that knows the number of words and nothing else 91.7 %. From pixels
(preset mini, scratch, 60 epochs, 10 fps) 44.3 %.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import PurePosixPath

import numpy as np

from benchmark.data.miniature import face, sentence, viseme
from benchmark.data.miniature.camera import draw_camera
from benchmark.data.miniature.clip import SUITE_SEED, Item, MiniClip, Tier
from benchmark.data.miniature.face import detector_landmarks
from benchmark.data.miniature.sentence import SLOTS, Speech, Word, draw_sentence
from benchmark.data.miniature.speaker import TASK_SPEAKERS, speaker
from benchmark.data.miniature.talk import draw_talk

SET_CODE = 52  # second element of every seed of this set; chosen
LISTS = ("train", "val", "test", "pretrain")
# clips of each list; chosen
SIZES = {"base": (800, 100, 250, 1500), "small": (200, 40, 100, 300), "ci": (16, 6, 8, 12)}
FPS = 20  # specified
SECONDS = {"main": (2.5, 4.8), "pretrain": (0.5, 4.8)}  # specified; of fragments chosen
WORDS = {"main": (3, 4, 5), "pretrain": (1, 2)}  # specified
# where the sentences of a split begin among those of their length, in a random order: train has 267
# of three words at most, val 34, test 84
SHARE = {"train": 0.0, "val": 0.5, "test": 0.7}


class MiniLRS2:
    """Sentence lip reading on drawn faces; implements clip.MiniSet."""

    name = "mini-lrs2"
    version = 1
    title = "Miniature of LRS2: sentences of 30 words, drawn talking heads"
    difficulty: Mapping[str, float] = {
        "viseme_seconds": viseme.MEAN_DURATION,
        "closure_seconds": sentence.CLOSURE * viseme.MEAN_DURATION,
        "articulation_jitter": viseme.JITTER,
        "coarticulation_half_width_seconds": viseme.HALF_WIDTH,
        **{f"detector_{key}": value for key, value in face.DETECTOR_ERROR.items()},
    }

    def items(self, tier: Tier) -> Sequence[Item]:
        """Sentences of train, val and test, then fragments, each with lengths in turn."""
        planned = []
        for code, (name, count) in enumerate(zip(LISTS, SIZES[tier], strict=True)):
            part, split = ("pretrain", "train") if name == "pretrain" else ("main", name)
            speakers = _order(code, np.array(TASK_SPEAKERS[split]))
            for index in range(count):
                number = speakers[index % len(speakers)]
                words = _fragment(index) if part == "pretrain" else _sentence(split, index)
                file = f"{number:018d}/{index // len(speakers) + 1:05d}"
                planned.append(
                    Item(
                        path=f"mvlrs_v1/{part}/6{file}.mp4",
                        split=split,
                        label=" ".join(words),
                        group=f"speaker_{number:04d}",
                        seed=(SUITE_SEED, SET_CODE, code, index),
                        plan={"list": name, "part": part, "speaker": number, "words": list(words)},
                    )
                )
        return planned

    def speech(self, item: Item) -> Speech:
        """What is said in a clip, without drawing it; stream 0."""
        plan = item.plan
        return draw_sentence(
            item.rng(0),
            tuple(plan["words"]),
            rate=speaker(plan["speaker"]).rate,
            seconds=SECONDS[plan["part"]],
        )

    def draw(self, item: Item) -> MiniClip:
        """Draw one clip; streams: 0 speech, 1 scene, 2 camera, 3 landmark detector."""
        said = self.speech(item)
        talk = draw_talk(
            item.rng(1),
            item.plan["speaker"],
            seconds=said.seconds,
            fps=FPS,
            utterance=said.utterance,
        )
        rng = item.rng(2)
        camera = draw_camera(rng)
        latents = {
            "text": said.text,
            "part": item.plan["part"],
            "words": [[word, round(a, 4), round(b, 4)] for word, a, b in said.words],
            **talk.latents,
            "camera": camera.latents(),
        }
        return MiniClip(
            frames=camera.shoot(talk.frames, rng),
            fps=FPS,
            wave=talk.wave,
            crf=camera.crf,
            latents=latents,
            landmarks=detector_landmarks(talk.landmarks, item.rng(3)),
            sidecars={str(PurePosixPath(item.path).with_suffix(".txt")): sidecar(said.words)},
        )

    def lists(self, items: Sequence[Item]) -> Mapping[str, str]:
        """One line a clip, `<folder>/<00001>`; those of test with the tag NF."""
        found: dict[str, str] = {f"{name}.txt": "" for name in LISTS}
        for item in items:
            path = PurePosixPath(item.path)
            tag = " NF" if item.plan["list"] == "test" else ""
            found[f"{item.plan['list']}.txt"] += f"{path.parent.name}/{path.stem}{tag}\n"
        return found


def sidecar(words: Sequence[Word]) -> str:
    """The .txt beside a clip: transcript, confidence, word times in seconds."""
    rows = [f"{word} {start:.2f} {stop:.2f} 5.0" for word, start, stop in words]
    head = [f"Text:  {' '.join(word for word, _, _ in words)}", "Conf:  5", ""]
    return "\n".join([*head, "WORD START END ASDSCORE", *rows, ""])


def _order(code: int, values: np.ndarray) -> list[int]:
    """A fixed random order of the speakers of a list."""
    rng = np.random.default_rng([SUITE_SEED, SET_CODE, code, 1])
    return [int(value) for value in rng.permutation(values)]


@lru_cache(maxsize=8)
def _numbers(words: int) -> tuple[int, ...]:
    """All sentences of a length in a fixed random order."""
    rng = np.random.default_rng([SUITE_SEED, SET_CODE, words, 2])
    return tuple(int(number) for number in rng.permutation(10**words))


def _sentence(split: str, index: int) -> tuple[str, ...]:
    """Sentence of a place in a split, different from every other of every split."""
    lengths = WORDS["main"]
    words = lengths[index % len(lengths)]
    order = _numbers(words)
    place = int(SHARE[split] * len(order)) + index // len(lengths)
    return sentence.sentence(order[place], words=words)


def _fragment(index: int) -> tuple[str, ...]:
    """One word, or two of neighbouring slots, by turns; uniform."""
    rng = np.random.default_rng([SUITE_SEED, SET_CODE, len(LISTS), index])
    words = WORDS["pretrain"][index % 2]
    slot = int(rng.integers(len(SLOTS)))
    return sentence.sentence(int(rng.integers(10**words)), words=words, slot=slot)
