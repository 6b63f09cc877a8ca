"""AVTS: what is contrasted with what and when, its switches, its manners in training."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from toys import toy_batch
from world_worker import assert_world_size_does_not_matter

from registries.registry import OBJECTIVES

CONFIG = {"type": "avts", "video": {"type": "toy_video"}, "audio": {"type": "toy_audio"}}


def build(*, progress=0.0, **options):
    torch.manual_seed(0)
    model = OBJECTIVES.build({**CONFIG, **options})
    model.progress = progress
    return model


def batch(size=4) -> dict:
    rng = torch.Generator().manual_seed(7)
    return {**toy_batch(size), "audio_hard": torch.randn(size, 10, 24, generator=rng)}


def samples(size=4) -> dict:
    return {"index": torch.arange(size) + 10}


def terms(model, inputs=None, data=None) -> dict[str, float]:
    """Without a trace in the model."""
    model, inputs = copy.deepcopy(model), inputs or batch()
    found = model.loss(inputs, data or samples(len(inputs["audio"])))
    return {key: float(value.detach()) for key, value in found.items()}


def embed(model, inputs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half units of video, sound and the hard sound, by the definition: four means over time."""
    with torch.no_grad():
        video = model.video(inputs["video"])[0].mean(dim=(3, 4))
        rows = [model.head.ref(video.unflatten(2, (4, -1)).mean(dim=3).flatten(1))]
        for name in ("audio", "audio_hard"):
            sound = model.audio(inputs[name])[0].unflatten(2, (4, -1)).mean(dim=3)
            rows.append(model.head.query(sound.flatten(1)))
    return tuple((0.5 * row / row.norm(dim=1, keepdim=True)).double().numpy() for row in rows)


def loop(seen, near, far, *, margin=0.99) -> float:
    total = 0.0
    for v, a, n in zip(seen, near, far, strict=True):
        total += np.sum((v - a) ** 2) + max(margin - np.linalg.norm(v - n), 0) ** 2
    return total / (2 * len(seen))


def sources(model, size=4) -> list[int]:
    """Places of the negatives: the row of samples drawn for this step, read off the draws."""
    draws = copy.deepcopy(model.draws)
    draws.advance()
    order = draws.uniform(samples(size)["index"], 0).argsort().tolist()
    easy = size if model.progress < model.switch else int(0.75 * size)
    found = list(range(size))
    for place in range(easy):
        found[order[place]] = order[(place + 1) % easy]
    return found


def negatives(model, near, apart) -> np.ndarray:
    lent = sources(model)
    easy = apart if model.easy == "apart" else near
    return np.stack([apart[i] if source == i else easy[source] for i, source in enumerate(lent)])


@pytest.mark.parametrize("easy", ["now", "apart"])
@pytest.mark.parametrize("progress", [0.0, 0.49, 0.5, 0.9])
def test_loss_equals_a_loop_over_pairs(progress, easy):
    model, inputs = build(progress=progress, easy=easy), batch()
    seen, near, apart = embed(model, inputs)
    far = negatives(model, near, apart)
    got = terms(model, inputs)
    assert got["loss_sync"] == pytest.approx(loop(seen, near, far), rel=1e-5)
    closer = [np.linalg.norm(seen - near, axis=1) < np.linalg.norm(seen - n, axis=1) for n in
              (far, apart)]  # fmt: skip
    assert got["sync_accuracy"] == pytest.approx(closer[0].mean())
    assert got["hard_accuracy"] == pytest.approx(closer[1].mean())
    assert (got["sync_chance"], got["hard_chance"], got["valid_share"]) == (0.5, 0.5, 1.0)
    hard = sum(source == place for place, source in enumerate(sources(model)))
    assert hard == (0 if progress < 0.5 else 1)


def test_switch_and_share_are_options():
    assert build(switch=0.2, hard=1.0, progress=0.2).hard == 1.0
    model, inputs = build(switch=0.2, hard=1.0, progress=0.2), batch()
    seen, near, apart = embed(model, inputs)
    assert terms(model, inputs)["loss_sync"] == pytest.approx(loop(seen, near, apart), rel=1e-5)


def test_equal_embeddings_give_half_the_squared_margin():
    for margin in (0.99, 0.5):
        model = build(margin=margin)
        for layer in (model.head.ref, model.head.query):
            torch.nn.init.zeros_(layer.weight)
            torch.nn.init.ones_(layer.bias)
        assert terms(model)["loss_sync"] == pytest.approx(margin**2 / 2, rel=1e-6)


def test_raw_distances_are_an_option():
    model, inputs = build(normalize=False), batch()
    with torch.no_grad():
        seen = model.head.see(model.video(inputs["video"]))
        near, apart = (model.head.hear(model.audio(inputs[n])) for n in ("audio", "audio_hard"))
    seen, near, apart = (row.double().numpy() for row in (seen, near, apart))
    rows = (seen, near, negatives(model, near, apart))
    assert terms(model, inputs)["loss_sync"] == pytest.approx(loop(*rows), rel=1e-5)


def test_silent_pairs_count_only_without_the_mask():
    inputs = batch()
    inputs["audio"][2] = 1.0
    seen, near, apart = embed(build(), inputs)
    far = negatives(build(), near, apart)
    # clip 2, and the one that would be contrasted with its silence
    keep = [i for i in range(4) if i != 2 and sources(build())[i] != 2]
    got = terms(build(), inputs)
    assert got["valid_share"] == 0.5
    want = loop(seen[keep], near[keep], far[keep])
    assert got["loss_sync"] == pytest.approx(want, rel=1e-5)
    got = terms(build(masked=False), inputs)
    assert got["loss_sync"] == pytest.approx(loop(seen, near, far), rel=1e-5)


def test_only_silence_gives_zero_and_a_gradient_path():
    model, inputs = build(), batch()
    inputs["audio"].zero_()
    loss = model.loss(inputs, samples())["loss_sync"]
    loss.backward()
    assert float(loss.detach()) == 0.0
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_a_batch_of_one_has_its_own_hard_negative():
    model, inputs = build(), batch(1)
    assert terms(model, inputs)["loss_sync"] == pytest.approx(loop(*embed(model, inputs)), rel=1e-5)


@pytest.mark.parametrize("progress", [0.0, 0.9])
def test_permuting_the_batch_changes_nothing(progress):
    model, order = build(progress=progress), torch.tensor([2, 0, 3, 1])
    moved = {key: value[order] for key, value in batch().items()}
    there = terms(model, moved, {"index": samples()["index"][order]})
    assert there == pytest.approx(terms(model), rel=1e-5)


def test_every_parameter_gets_a_gradient():
    model = build(progress=0.9)
    model.loss(batch(), samples())["loss_sync"].backward()
    assert [n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_learns_and_shuffled_sound_is_worse():
    model = build()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    first = terms(model)["loss_sync"]
    for _ in range(60):
        optimizer.zero_grad()
        model.loss(batch(), samples())["loss_sync"].backward()
        optimizer.step()
    last = terms(model)
    assert last["loss_sync"] < 0.5 * first
    assert last["sync_accuracy"] == 1.0
    shuffled = batch()
    for name in ("audio", "audio_hard"):
        shuffled[name] = shuffled[name].roll(1, dims=0)
    assert terms(model, shuffled)["loss_sync"] > 2 * last["loss_sync"]


def test_a_loaded_objective_goes_on_as_the_saved_one():
    model = build(progress=0.9)
    for _ in range(3):
        model.loss(batch(), samples())
    torch.manual_seed(5)
    other = OBJECTIVES.build(dict(CONFIG))
    other.progress = 0.9
    other.load_state_dict(copy.deepcopy(model.state_dict()))
    for _ in range(3):
        a, b = (float(m.loss(batch(), samples())["loss_sync"].detach()) for m in (model, other))
        assert a == b


def test_encoders_and_embeddings():
    model, inputs = build(), batch()
    model.loss(inputs, samples())
    assert model.encoders() == {"video": model.video, "audio": model.audio}
    seen, near, _ = embed(model, inputs)
    assert np.allclose(model.embeddings["video"], seen, atol=1e-6)
    assert np.allclose(model.embeddings["audio"], near, atol=1e-6)


def test_bfloat16_autocast_stays_close():
    want = terms(build())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        got = build().loss(batch(), samples())["loss_sync"]
    assert got.dtype == torch.float32
    assert float(got.detach()) == pytest.approx(want["loss_sync"], rel=0.05)


def test_hard_negatives_of_the_sampling_keep_the_gap():
    cls, rng = OBJECTIVES.module_dict["avts"], np.random.default_rng(0)
    for gap, seconds, duration in ((0.5, 1.0, 4.0), (-0.8, 1.6, 3.2)):
        sampling = cls.sampling(clip_len=16, seconds=seconds, gap=gap)
        for _ in range(100):
            times = sampling.draw(duration, rng)
            apart = abs(float(times["audio_hard"].start - times["audio"].start))
            assert apart >= gap + seconds - 1e-9
            assert torch.equal(times["audio"].start, times["video"].start)
        lengths = {view.clip_len / view.seconds for view in sampling.views.values()}
        assert lengths == {16 / seconds, 48 / seconds}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"switch": 1.5}, r"switch=1\.5.*0 to 1"),
        ({"hard": -0.1}, r"hard=-0\.1.*0 to 1"),
        ({"easy": "soft"}, "'now' or 'apart'"),
    ],
)
def test_impossible_options_say_so(options, said):
    with pytest.raises(ValueError, match=said):
        build(**options)


@pytest.mark.parametrize("progress", [0.0, 0.9])
def test_gathered_negatives_equal_one_process(progress, tmp_path):
    config = {**CONFIG, "gather": True, "gap": -0.3}
    assert_world_size_does_not_matter(config, tmp_path, progress=progress)
