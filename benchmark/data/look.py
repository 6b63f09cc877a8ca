"""Look at one file before training: does it open, is all of it there, can it be heard?"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from benchmark.data.container import MediaError
from benchmark.data.media import Media
from benchmark.data.sound_file import SOUND_FILES, SoundFile


class Look(NamedTuple):
    """seconds: of the picture, of the sound if that is all; error: empty where it can be used."""

    seconds: float
    has_audio: bool
    error: str


def look(path: Path) -> Look:
    """Header, first picture, first block of sound, and whether the end is there: 10 ms a file."""
    try:
        if path.suffix.lower() in SOUND_FILES:
            sound = SoundFile(path)
            return Look(sound.info.duration, sound.check(), "")
        with Media(path) as media:
            return Look(media.info.duration, media.check(), "")
    except MediaError as error:
        return Look(0.0, False, str(error))
