from __future__ import annotations

import numpy as np
import pytest
from coded_media import noise, write_video

from benchmark.data.scan import fit, scan
from registries.errors import NotReadyError


def test_scan_and_fit(manifest_of, tmp_path):
    write_video(tmp_path / "long.mp4", stamps=np.arange(50) / 25, wave=noise(2, 16_000))
    write_video(tmp_path / "silent.mp4", stamps=np.arange(50) / 25)
    write_video(tmp_path / "short.mp4", stamps=np.arange(10) / 25, wave=noise(0.4, 16_000))
    (tmp_path / "bad.mp4").write_bytes(b"")
    toy = manifest_of(tmp_path, ["long.mp4", "silent.mp4", "short.mp4", "bad.mp4"])
    seen = scan(toy, jobs=2)
    assert seen["seconds"].tolist() == pytest.approx([2.0, 2.0, 0.4, 0.0])
    assert seen["has_audio"].tolist() == [True, False, True, False]
    assert "bad.mp4" in seen["error"][3]
    assert fit(toy, seen, seconds=1.0, sound=True).rows["id"].tolist() == ["long.mp4"]
    assert fit(toy, seen, seconds=0.4, sound=False).rows["id"].tolist() == [
        "long.mp4",
        "silent.mp4",
        "short.mp4",
    ]
    with pytest.raises(NotReadyError, match=r"1 do not open, 2 have no sound.*lasts 2\.00 s"):
        fit(toy, seen, seconds=9.0, sound=True)
