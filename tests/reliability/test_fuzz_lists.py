"""Lists of datasets, damaged at random: a manifest that keeps its promises, or a clear error."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmark.data import adapters
from registries.errors import BenchError

# files of each dataset: its lists, whose text is damaged, and clips, of which only the names count
SETS: dict[str, dict[str, str]] = {
    "ucf101": {
        "ucfTrainTestlist/classInd.txt": "1 A\n2 B\n",
        "ucfTrainTestlist/trainlist01.txt": "A/v_A_g08_c01.avi 1\nB/v_B_g08_c01.avi 2\n",
        "ucfTrainTestlist/testlist01.txt": "A/v_A_g01_c01.avi\nB/v_B_g01_c01.avi\n",
        **{f"UCF-101/{c}/v_{c}_g{g}_c01.avi": "" for c in "AB" for g in ("01", "08")},
    },
    "hmdb51": {
        "testTrainMulti_7030_splits/run_test_split1.txt": "a_run.avi 1\nb_run.avi 2\n",
        "testTrainMulti_7030_splits/jump_test_split1.txt": "a_jump.avi 1\nb_jump.avi 0\n",
        **{f"hmdb51_org/{c}/{n}_{c}.avi": "" for c in ("run", "jump") for n in "ab"},
    },
    "vggsound": {
        "vggsound.csv": "abcdefghijk,30,owl,train\nlmnopqrstuv,0,dog,test\n",
        "abcdefghijk_000030.mp4": "",
        "lmnopqrstuv_000000.mp4": "",
    },
    "audioset": {
        "eval_segments.csv": '# x\nabcdefghijk, 30.000, 40.000, "/m/1,/m/2"\n',
        "balanced_train_segments.csv": 'lmnopqrstuv, 0.000, 10.000, "/m/1"\n',
        "abcdefghijk_30000_40000.mp4": "",
        "lmnopqrstuv_0.mp4": "",
    },
    "avspeech": {
        "avspeech_train.csv": "abcdefghijk,1.5,4.5,0.3,0.4\n",
        "avspeech_test.csv": "lmnopqrstuv,0.0,3.0,0.5,0.5\n",
        "abcdefghijk_1.5.mp4": "",
        "lmnopqrstuv_000000.mp4": "",
    },
    "esc50": {
        "meta/esc50.csv": "filename,fold,target,category,esc10,src_file,take\n"
        "1-a.wav,1,0,dog,True,a,A\n2-b.wav,2,0,dog,True,b,A\n3-c.wav,3,1,cat,False,c,A\n",
        "audio/1-a.wav": "",
        "audio/2-b.wav": "",
        "audio/3-c.wav": "",
    },
    "lrs2": {
        "train.txt": "1/00001\n",
        "val.txt": "1/00002 MV\n",
        "test.txt": "2/00001 NF\n",
        **{f"mvlrs_v1/main/{n}.mp4": "" for n in ("1/00001", "1/00002", "2/00001")},
        **{
            f"mvlrs_v1/main/{n}.txt": "Text:  BIN BLUE\n" for n in ("1/00001", "1/00002", "2/00001")
        },
    },
    "kav": {
        "kav_manifest.csv": "path,start,end\na.mp4,0,2\nb.mp4,1.5,\n",
        "a.mp4": "",
        "b.mp4": "",
    },
    "dfdc": {
        "dfdc_train_part_0/metadata.json": json.dumps(
            {
                "a.mp4": {"label": "REAL", "split": "train"},
                "b.mp4": {"label": "FAKE", "split": "train", "original": "a.mp4"},
            }
        ),
        "dfdc_train_part_0/a.mp4": "",
        "dfdc_train_part_0/b.mp4": "",
    },
    "vggss": {
        "vggss.json": json.dumps(
            [{"file": "abcdefghijk_000030", "class": "owl", "bbox": [[0.1, 0.1, 0.5, 0.5]]}]
        ),
        "clips/abcdefghijk_000030.mp4": "",
    },
}
WORDS = [
    *("../../x.mp4", "/etc/passwd", "nan", "inf", "1e400", "-1", "", "0x10", "1_0", "\x00", '"'),
    *("a" * 5000, "é", "{}", "[]", "null", "\u2028", "\r", "../UCF-101/A/v_A_g01_c01", "1" * 400),
]


@st.composite
def damage(draw, text: str) -> bytes:
    """The text with a few bytes, words or lines replaced, dropped or doubled."""
    data = text.encode()
    for _ in range(draw(st.integers(1, 3))):
        low = draw(st.integers(0, len(data)))
        high = draw(st.integers(low, min(len(data), low + draw(st.sampled_from([0, 1, 12, 400])))))
        new = draw(
            st.one_of(
                st.sampled_from([word.encode() for word in WORDS]),
                st.binary(max_size=6),
                st.text(max_size=6).map(lambda t: t.encode("utf-8", "replace")),
                st.just(data[low:high] * 2),
                st.just(b""),
            )
        )
        data = data[:low] + new + data[high:]
    return data


def keeps_its_promises(manifest) -> None:
    root = manifest.root.resolve()
    assert manifest.rows["id"].is_unique
    for row in manifest.rows.itertuples():
        place = root / row.path
        assert place.is_file() and place.resolve().is_relative_to(root)
        assert row.split in {"train", "val", "test"}
        assert row.label == -1 or 0 <= row.label < len(manifest.labels)
        assert row.start >= 0 and not row.stop < row.start
    assert len(manifest.hash) == 64


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A root for each dataset, undamaged."""
    found = {}
    for name, files in SETS.items():
        found[name] = tmp_path_factory.mktemp(name)
        for place, text in files.items():
            path = found[name] / place
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return found


@pytest.mark.parametrize("name", SETS)
def test_the_undamaged_lists_are_read(whole, name):
    manifest = adapters.read(name, whole[name])
    keeps_its_promises(manifest)
    assert not manifest.missing and len(manifest) >= 1


@pytest.mark.parametrize("name", SETS)
@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(data=st.data())
def test_damaged_lists_end_in_a_manifest_or_an_error(whole, name, data):
    lists = {place: text for place, text in SETS[name].items() if text}
    place = data.draw(st.sampled_from(sorted(lists)))
    path: Path = whole[name] / place
    path.write_bytes(data.draw(damage(lists[place])))
    try:
        manifest = adapters.read(name, whole[name])
    except BenchError as error:
        assert len(str(error)) > 20
    else:
        keeps_its_promises(manifest)
    finally:
        path.write_text(lists[place])
