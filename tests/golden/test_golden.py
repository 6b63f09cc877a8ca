"""Every reference file against the suite's own functions; what waits for its objective says so."""

from __future__ import annotations

import numpy as np
import pytest
from checks import CHECKS, PENDING, Case, cases, lookup


def test_reference_values(case: Case):
    if reason := case.pending():
        pytest.skip(reason)
    case.check()


def test_a_name_is_either_checked_or_pending():
    assert not CHECKS.keys() & PENDING.keys()


@pytest.mark.parametrize(
    ("stem", "known"),
    [
        ("milnce", "milnce"),
        ("milnce_heldout", "milnce"),
        ("glcm_official_B4_M2", "glcm_official"),
        ("crisscross_larc", "crisscross_larc"),
        ("milncex", None),
        ("glcm", None),
    ],
)
def test_files_are_known_by_the_beginning_of_their_name(stem, known):
    assert lookup(stem, [*CHECKS, *PENDING]) == known


def test_an_unknown_file_fails(tmp_path):
    np.savez(tmp_path / "mystery.npz", x=np.zeros(2))
    (case,) = cases(tmp_path)
    assert case.pending() is None
    with pytest.raises(AssertionError, match=r"mystery\.npz.*nobody"):
        case.check()


def test_an_unknown_key_fails(tmp_path):
    np.savez(tmp_path / "milnce.npz", k2_video=np.zeros((3, 2)), k2_surprise=np.zeros(2))
    (case,) = cases(tmp_path)
    with pytest.raises(AssertionError, match="k2_surprise"):
        case.check()


def test_a_wrong_value_fails(tmp_path):
    zeros = {"k2_video": np.zeros((3, 2)), "k2_text": np.zeros((6, 2))}
    np.savez(tmp_path / "milnce.npz", **zeros, k2_loss=np.log(5.0))
    (case,) = cases(tmp_path)
    with pytest.raises(AssertionError, match="k2_loss"):
        case.check()
    np.savez(tmp_path / "milnce.npz", **zeros, k2_loss=np.log(6.0))
    cases(tmp_path)[0].check()
