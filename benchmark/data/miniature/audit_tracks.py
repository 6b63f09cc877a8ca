"""Probes on mouth tracks: how much of a word survives sparse sampling, averaging, or one frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import torch

    from benchmark.data.miniature.audit_base import Subject

EPOCHS = 60  # chosen: the dense probe has levelled off
WIDTH = 96  # channels of the temporal network; chosen
ERROR = 0.02  # s.d. of the tracker's error on each latent, all in 0..1; chosen


class TrackProbe:
    """Trains on the mouth tracks of train and val, tests on the test speakers."""

    def __init__(self, subject: Subject) -> None:
        rng = np.random.default_rng(0)
        tracks = np.array([row["mouth_track"] for row in subject.rows], np.float32)
        self.tracks = tracks + ERROR * rng.standard_normal(tracks.shape, dtype=np.float32)
        self.labels = np.unique(subject.labels, return_inverse=True)[1]
        self.test = subject.splits == "test"
        classes = self.labels.max() + 1
        self.error = float(np.sqrt((classes - 1) / classes**2 / self.test.sum()))  # s.e. at chance

    def strided(self, stride: int) -> float:
        """Accuracy of a temporal convolutional network on every `stride`-th frame."""
        return self._network(stride, self.labels)

    def shuffled(self) -> float:
        """Accuracy of the dense network trained on shuffled labels."""
        mixed = self.labels.copy()
        train = np.flatnonzero(~self.test)
        mixed[train] = np.random.default_rng(1).permutation(mixed[train])
        return self._network(2, mixed)

    def order_free(self) -> float:
        """Accuracy on mean and s.d. over time."""
        return self._boosted(np.concatenate([self.tracks.mean(1), self.tracks.std(1)], axis=1))

    def single(self) -> float:
        """Accuracy on the middle frame."""
        return self._boosted(self.tracks[:, self.tracks.shape[1] // 2])

    def _boosted(self, table: np.ndarray) -> float:
        """Test accuracy of gradient boosting."""
        from sklearn.ensemble import HistGradientBoostingClassifier

        model = HistGradientBoostingClassifier(
            max_iter=40, max_leaf_nodes=8, early_stopping=False, random_state=0
        ).fit(table[~self.test], self.labels[~self.test])
        return float((model.predict(table[self.test]) == self.labels[self.test]).mean())

    def _network(self, stride: int, labels: np.ndarray) -> float:
        """Train with random time shifts, so that the place of the word is no cue."""
        import torch

        generator = torch.Generator().manual_seed(0)
        with torch.random.fork_rng():
            torch.manual_seed(0)
            model = _network()
        x = torch.from_numpy(self.tracks).permute(0, 2, 1)  # (M, 4, T)
        y = torch.from_numpy(labels)
        train = torch.from_numpy(np.flatnonzero(~self.test))
        test = torch.from_numpy(np.flatnonzero(self.test))
        optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
        batches = -(-len(train) // 64)
        schedule = torch.optim.lr_scheduler.OneCycleLR(
            optimiser, 4e-3, total_steps=EPOCHS * batches
        )
        for _ in range(EPOCHS):
            order = train[torch.randperm(len(train), generator=generator)]
            for part in order.split(64):
                shift = int(torch.randint(-3, 4, (1,), generator=generator))
                clip = torch.roll(x[part], shift, dims=2)
                clip = clip + 0.05 * torch.randn(clip.shape, generator=generator)
                loss = torch.nn.functional.cross_entropy(
                    model(clip[..., ::stride]), y[part], label_smoothing=0.1
                )
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
        model.eval()
        with torch.no_grad():
            guess = model(x[test][..., ::stride]).argmax(dim=1)
        return float((guess == y[test]).float().mean())


def _network(classes: int = 20) -> torch.nn.Module:
    """Four temporal convolutions, maximum over time, a linear layer: (B, 4, T) -> (B, classes)."""
    from torch import nn

    layers: list[nn.Module] = []
    inputs = 4
    for dilation in (1, 1, 2, 2):
        layers.append(nn.Conv1d(inputs, WIDTH, 5, padding=2 * dilation, dilation=dilation))
        layers += [nn.BatchNorm1d(WIDTH), nn.ReLU(), nn.Dropout(0.1)]
        inputs = WIDTH
    return nn.Sequential(*layers, nn.AdaptiveMaxPool1d(1), nn.Flatten(), nn.Linear(WIDTH, classes))
