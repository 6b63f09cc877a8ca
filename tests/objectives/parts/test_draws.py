"""Draws by sample and step: uniform, repeatable, indifferent to place and process."""

from __future__ import annotations

import pytest
import torch

from objectives.parts.draws import Draws, _mix


def draws(seed: int = 0) -> Draws:
    torch.manual_seed(seed)
    return Draws()


def python_mix(x: int) -> int:
    """splitmix64's next(), in whole numbers without an end."""
    mask = 2**64 - 1
    x = (x + 0x9E3779B97F4A7C15) & mask
    x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & mask
    x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & mask
    return x ^ (x >> 31)


@pytest.mark.parametrize("x", [0, 1, 2**40 + 7, -3, -(2**63)])
def test_mixing_is_splitmix64(x):
    got = int(_mix(torch.tensor(x)))
    assert got % 2**64 == python_mix(x % 2**64)


def test_first_output_of_seed_zero():
    assert int(_mix(torch.tensor(0))) % 2**64 == 0xE220A8397B1DCDAF  # published test vector


def test_numbers_are_uniform():
    u = draws().uniform(torch.arange(200)[:, None], torch.arange(500)).double()
    assert u.shape == (200, 500)
    assert float(u.min()) >= 0.0 and float(u.max()) < 1.0
    counts = torch.histc(u.float(), bins=20, min=0, max=1)
    assert float((counts - 5000).abs().max()) < 5 * 5000**0.5
    # neighbours in either direction are not alike
    for one, two in ((u[1:], u[:-1]), (u[:, 1:], u[:, :-1])):
        assert abs(float(torch.corrcoef(torch.stack([one.ravel(), two.ravel()]))[0, 1])) < 0.02


def test_a_sample_keeps_its_number_wherever_it_stands():
    index, order = torch.tensor([5, 9, 2, 7]), torch.tensor([2, 0, 3, 1])
    assert torch.equal(draws().uniform(index, 3)[order], draws().uniform(index[order], 3))
    assert torch.equal(draws().uniform(index, 3)[2:], draws().uniform(index[2:], 3))


def test_step_salt_and_keys_each_change_the_numbers():
    index = torch.arange(50)
    one, other = draws(), draws(1)
    first = one.uniform(index, 0)
    assert not torch.equal(first, one.uniform(index, 1))
    assert not torch.equal(first, other.uniform(index, 0))
    one.advance()
    assert not torch.equal(first, one.uniform(index, 0))


def test_a_loaded_state_repeats_them():
    one, other = draws(), draws(1)
    one.advance()
    other.load_state_dict(one.state_dict())
    assert torch.equal(one.uniform(torch.arange(9)), other.uniform(torch.arange(9)))
