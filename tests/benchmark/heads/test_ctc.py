"""The head of sentence lip reading: what it minimises, and that padding changes nothing."""

from __future__ import annotations

import math

import pytest
import torch

from benchmark.heads.ctc import CTCHead, step_counts
from registries.errors import UsageError

CONTEXTS = ("gru", "conformer")


def head(context="gru", seed=0, **options):
    torch.manual_seed(seed)
    options = {"width": 16, "hidden": 8, "layers": 2, "dropout": 0.0, **options}
    return CTCHead(2, context=context, **options)


def features(batch=3, steps=12, seed=1):
    return torch.randn(batch, steps, 2, 4, 4, generator=torch.Generator().manual_seed(seed))


def samples(*texts, valid):
    return {"text": list(texts), "valid": {"video": torch.tensor(valid, dtype=torch.float64)}}


def test_steps_that_lie_inside_the_file():
    valid = [1.0, 0.5, 0.51, 1 / 48, 0.0, 11 / 12]
    counts = step_counts(features(6), samples(*"ABCDEF", valid=valid))
    assert counts.tolist() == [12, 6, 7, 1, 1, 11]


@pytest.mark.parametrize("context", CONTEXTS)
@pytest.mark.parametrize("training", [False, True])
def test_padding_changes_nothing(context, training):
    """The same three clips, padded to 12 and to 20 steps with whatever the encoder makes of it."""
    net = head(context).train(training)
    short = features()
    long = torch.cat([short, 100 * features(steps=8, seed=2)], dim=1)
    texts, steps = ("AB", "C A", "D"), torch.tensor([9.0, 12.0, 5.0])
    first = samples(*texts, valid=(steps / 12).tolist())
    second = samples(*texts, valid=(steps / 20).tolist())
    for clip in (0, 2):
        long[clip, int(steps[clip]) :] = 7.0
    one = net._log_probs(short, step_counts(short, first))
    two = net._log_probs(long, step_counts(long, second))
    for clip, count in enumerate(steps.int().tolist()):
        torch.testing.assert_close(one[clip, :count], two[clip, :count], atol=1e-6, rtol=0)
    losses = [net.loss(x, s)["loss_ctc"].item() for x, s in ((short, first), (long, second))]
    assert losses[0] == pytest.approx(losses[1], abs=1e-6)
    net.eval()
    assert net.read(short, first) == net.read(long, second)


@pytest.mark.parametrize("context", CONTEXTS)
def test_a_text_does_not_depend_on_the_rest_of_the_batch(context):
    net, clips = head(context).eval(), features(5)
    valid = [1.0, 0.25, 0.75, 0.5, 0.9]
    together = net.read(clips, samples(*"ABCDE", valid=valid))
    alone = [net.read(clips[i : i + 1], samples("A", valid=valid[i : i + 1])) for i in range(5)]
    assert together == [text for (text,) in alone]
    assert len(set(together)) > 1


def test_the_loss_of_equal_steps_in_closed_form():
    """p(A) = sum over k, the steps that say it in a row, of (T - k + 1) a^k b^(T - k)."""
    net = head().eval()
    torch.nn.init.zeros_(net.output.weight)
    logits = torch.randn(40, generator=torch.Generator().manual_seed(3))
    net.output.bias.data.copy_(logits)
    b, a = logits.softmax(0)[:2].double().tolist()

    def nll(steps):
        ways = [(steps - k + 1) * a**k * b ** (steps - k) for k in range(1, steps + 1)]
        return -math.log(sum(ways))

    loss = net.loss(features(2), samples("A", "A", valid=[0.5, 0.25]))["loss_ctc"]
    assert float(loss) == pytest.approx((nll(6) + nll(3)) / 2, rel=1e-5)


def test_one_text_without_room_costs_nothing():
    net = head().eval()
    both = net.loss(features(2), samples("A", "ABCDE", valid=[1.0, 0.25]))["loss_ctc"]
    one = net.loss(features(2)[:1], samples("A", valid=[1.0]))["loss_ctc"]
    assert float(both) == pytest.approx(float(one) / 2, rel=1e-5)


def test_an_encoder_that_leaves_too_few_steps_is_refused():
    clips = features(2, steps=4)
    with pytest.raises(UsageError, match=r"leaves 4\.0 steps for 6\.5 characters.*temporal_stride"):
        head().loss(clips, samples("AAB DE", "ABCDEF", valid=[1.0, 1.0]))


@pytest.mark.parametrize("decoder", ["greedy", "beam"])
def test_it_learns_to_spell(decoder):
    """Two steps a letter, each letter a pattern of its own: read back without an error."""
    texts = ["ABA", "BA", "AB A"]
    looks = {letter: torch.eye(4)[at] for at, letter in enumerate("AB -")}
    clips = torch.zeros(3, 10, 4, 1, 1)
    for row, text in enumerate(texts):
        shown = [looks[letter] for letter in text for _ in range(2)]
        clips[row, : len(shown), :, 0, 0] = torch.stack(shown)
    told = samples(*texts, valid=[0.6, 0.4, 0.8])
    torch.manual_seed(0)
    net = CTCHead(4, width=16, hidden=16, layers=1, dropout=0.0, decoder=decoder)
    optimiser = torch.optim.Adam(net.parameters(), lr=0.02)
    for _ in range(60):
        optimiser.zero_grad()
        loss = net.loss(clips, told)["loss_ctc"]
        loss.backward()
        optimiser.step()
    assert float(loss) < 0.05
    assert net.eval().read(clips, told) == texts


def test_unknown_options_are_refused():
    with pytest.raises(UsageError, match="Did you mean 'greedy'"):
        head(decoder="gredy")
    with pytest.raises(UsageError, match="Did you mean 'conformer'"):
        head(context="conformr")
