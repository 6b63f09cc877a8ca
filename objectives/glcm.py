"""GLCM: global-local cross-modal contrast with multiple-instance positives.

Source: Ma, Zeng, McDuff, Song: "Contrastive Learning of Global and Local Video Representations",
NeurIPS 2021 (arXiv 2104.05418), and its ICLR 2021 submission, whose text this file follows.

    video, every 4th frame -> global trunk -> 1x1 -> mean over time -> cells v_j[p] --.-- L_g: audio
    against audio ------------------> audio trunk --> 1x1 -> mean over time -> a_i ----------'
    cells |                                   | |            A_i[p] = softmax_p <a_i, v_i[p]>
    where the sound comes from |                                   | video, every frame ----> local
    trunk --> 1x1 -> w_i[t, p] -> u_i[t] = sum_p A_i[p] w_i[t, p] --. L_l: step '------> 1x1 ->
    b_i[s], M slices in the window of each step ----'  against window

    L = L_g + L_l,  both multiple-instance NCE (objectives.parts.losses.cross_modal_mil_nce)
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from objectives.parts.alignment import aligned, project_cells
from objectives.parts.context import clip_in_sound, steps_of_clip
from objectives.parts.losses import (
    Denominator,
    attention_over_cells,
    attention_pool,
    even_attention,
    glcm_global,
    glcm_local,
    windows,
)
from objectives.parts.pathways import global_local
from objectives.parts.retrieval import clips_found, windows_found
from registries.alignment import Alignment
from registries.distributed import gather
from registries.encoder import Encoder, Modality
from registries.objective import Objective
from registries.registry import BACKBONES, OBJECTIVES
from registries.sampling import ClipSampling

WINDOW = 3  # audio steps per visual step, M: Ma et al., sec. 4 ("three, without overlap")


@OBJECTIVES.register_module(name="glcm")
class GLCM(Objective):
    """GLCM: contrasts sound with where it is seen (global) and with when it is seen (local).

    L = L_g + L_l; L_g contrasts the clip's mean audio with the cells of its video, L_l each visual
    step, pooled over cells by the attention that L_g learns, with its window of M audio slices. Ma
    et al. 2021, eq. 1 and 2.

    video (B, 3, T, H, W) of T frames and audio (B, F, M * T) over the same seconds; audio of
    another length is averaged down (or repeated) to M steps per visual step.

    context: seconds of sound beyond the clip's, before and after it in parts drawn anew each time;
    both losses use the steps of the clip alone, see `objectives.parts.context`.

    local_contrast: False leaves L_g alone ("w/o local cont."). local_mil: False averages the M
    slices of a window first ("w/o MIL"). pooling: "average" replaces the attention.
    detach_attention: no gradient of L_l into the attention. features: the pathways handed down.
    denominator: see `cross_modal_mil_nce`. normalize, temperature: cosine instead of raw dot
    products. every: frame stride of the global pathway. window: M. dim_global, dim_local: widths of
    the two shared spaces; None is the trunk's. local_video: options of the local trunk that differ
    from `video`. gather: negatives from all processes.

    Differs from the paper: "symmetric" counts each positive once, as eq. 1 and 2 say, while the
    authors' code counts it twice ("official"). One audio trunk with two projections, as in their
    code; the text leaves it open. Both video trunks are the harness's; their code has a local trunk
    of 1/8 width (`local_video`). Attention is a softmax in training, as in their code. Audio
    that does not divide into windows is averaged to M per step; their code cuts the end of the
    flattened batch, which shifts every later clip.
    """

    paper = (
        "Ma et al. 2021, Contrastive Learning of Global and Local Video Representations, NeurIPS"
    )
    expected_failures: ClassVar[dict[str, str]] = {
        "check_batch_sizes": "in-batch negatives only: a batch of one has none"
    }

    def __init__(
        self,
        *,
        video: dict[str, Any],
        audio: dict[str, Any],
        local_contrast: bool = True,
        local_mil: bool = True,
        pooling: Literal["attention", "average"] = "attention",
        detach_attention: bool = False,
        features: Literal["glob", "loc", "glob+loc"] = "glob+loc",
        denominator: Denominator = "symmetric",
        normalize: bool = False,
        temperature: float = 1.0,
        every: int = 4,
        window: int = WINDOW,
        dim_global: int | None = None,
        dim_local: int | None = None,
        local_video: dict[str, Any] | None = None,
        context: float = 0.0,  # Ma et al., sec. 4: the sound of the clip
        gather: bool = False,
        data_preprocessor: nn.Module | dict[str, Any] | None = None,
        init_cfg: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(
            video=video, audio=audio, data_preprocessor=data_preprocessor, init_cfg=init_cfg
        )
        _check(pooling=pooling, features=features, local_contrast=local_contrast)
        self.local_contrast, self.local_mil, self.gather = local_contrast, local_mil, gather
        self.attends, self.detach_attention = pooling == "attention", detach_attention
        self.normalize, self.window, self.context = normalize, window, context
        self.contrast = {"denominator": denominator, "temperature": temperature}
        pathways = global_local(video, every=every, local_video=local_video)
        if not local_contrast:
            features, pathways = "glob", pathways[:1]
        self.trunks, self.handed_down = _build_trunks(pathways, features)
        self.audio = BACKBONES.build(audio)
        channels = [c for trunk in self.trunks for c in trunk.channels]
        heard, wide = self.audio.channels[0], dim_global or channels[0]
        self.project_video = nn.Conv1d(channels[0], wide, 1)
        self.project_audio = nn.Conv1d(heard, wide, 1)
        if local_contrast:
            fine = dim_local or channels[1]
            self.project_steps = nn.Conv1d(channels[1], fine, 1)
            self.project_slices = nn.Conv1d(heard, fine, 1)

    @classmethod
    def sampling(
        cls, *, clip_len: int = 32, seconds: float = 3.2, context: float = 0.0
    ) -> ClipSampling:
        """The densest clip and M audio steps per frame over the same span, and `context` beyond."""
        return clip_in_sound(
            clip_len=clip_len, seconds=seconds, context=context, steps_per_frame=WINDOW
        )

    def encoders(self) -> dict[Modality, Encoder]:
        """The video pathways that `features` names, and the audio trunk, without projections."""
        return {"video": self.trunks[self.handed_down], "audio": self.audio}

    def alignment(self) -> Alignment:
        """The projections of L_g; those of L_l where the local trunk is handed down alone."""
        seen, heard = self.project_video, self.project_audio
        if "global" not in self.trunks[self.handed_down].pathways:
            seen, heard = self.project_steps, self.project_slices
        return aligned(seen, heard, self.encoders(), unit=self.normalize)

    def loss(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> dict[str, Tensor]:
        """Global and local term. video (B, 3, T, H, W), audio (B, F, M * T)."""
        maps = [found for trunk in self.trunks for found in trunk(inputs["video"])]
        heard = self._hear(inputs, data_samples)
        audio = self._unit(self.project_audio(heard).mean(dim=2))  # (B, D)
        cells = self._unit(project_cells(self.project_video, maps[0]).mean(dim=1))  # (B, P, D)
        all_audio, all_cells = self._gather(audio), self._gather(cells)
        losses = {"loss_global": glcm_global(all_audio, all_cells, **self.contrast)}
        if self.local_contrast:
            steps = project_cells(self.project_steps, maps[1])  # (B, T, P, D)
            slices = self._slices(heard, steps.shape[1])  # (B, T, M, D)
            attention = self._attention(audio, cells)
            losses["loss_local"] = self._local(attention, steps, slices)
            losses |= self._diagnose_local(attention, steps.detach(), slices.detach())
        self.embeddings = {"audio": audio.detach(), "video": cells.detach().mean(dim=1)}
        return losses | clips_found(all_audio, all_cells, temperature=self.contrast["temperature"])

    def _hear(self, inputs: dict[str, Tensor], data_samples: dict[str, Any]) -> Tensor:
        """Audio map of the clip's own span, (B, C, T_a)."""
        heard, length = self.audio(inputs["audio"])[0], inputs["audio"].shape[2]
        if not self.context:
            return heard
        kept = round(heard.shape[2] * WINDOW * inputs["video"].shape[2] / length)
        return steps_of_clip(heard, data_samples["times"], context=self.context, kept=kept)

    def _slices(self, heard: Tensor, steps: int) -> Tensor:
        """Audio map (B, C, T_a) -> windows (B, T, M, D); M = 1 where slices are averaged."""
        length = steps * self.window
        if heard.shape[2] < steps:
            raise ValueError(
                f"the audio encoder leaves {heard.shape[2]} steps for {steps} visual steps; GLCM "
                "needs at least as many. Use an audio backbone that keeps its steps: resnet1d_18."
            )
        sound = self.project_slices(heard)
        if sound.shape[2] != length:
            sound = F.adaptive_avg_pool1d(sound, length)
        cut = windows(sound.transpose(1, 2), steps)
        return self._unit(cut if self.local_mil else cut.mean(dim=2, keepdim=True))

    def _attention(self, audio: Tensor, cells: Tensor) -> Tensor:
        """Weights over cells, (B, P)."""
        if not self.attends:
            return even_attention(cells)
        weights = attention_over_cells(audio, cells, temperature=self.contrast["temperature"])
        return weights.detach() if self.detach_attention else weights

    def _local(self, attention: Tensor, steps: Tensor, slices: Tensor) -> Tensor:
        """L_l for given weights over cells."""
        pooled = self._unit(attention_pool(attention, steps))  # (B, T, D)
        return glcm_local(self._gather(pooled), self._gather(slices), **self.contrast)

    @torch.no_grad()
    def _diagnose_local(
        self, attention: Tensor, steps: Tensor, slices: Tensor
    ) -> dict[str, Tensor]:
        """What L_l would be without attention, and how wide attention looks (1 = everywhere alike).

        u_i[t] is pooled with the clip's own audio: a small gap to `local_uniform` says that L_l
        does not live on that shortcut. Nor does `local_accuracy`, which is within the clip.
        """
        pooled = self._unit(attention_pool(attention, steps))
        entropy = -(attention * attention.clamp_min(1e-12).log()).sum(dim=1).mean()
        cells = max(attention.shape[1], 2)
        return {
            "local_uniform": self._local(even_attention(steps[:, 0]), steps, slices),
            "attention_entropy": entropy / torch.log(entropy.new_tensor(float(cells))),
            **windows_found(pooled, slices, temperature=self.contrast["temperature"]),
        }

    def _unit(self, x: Tensor) -> Tensor:
        """Unit vectors along the last axis where `normalize` is set."""
        return F.normalize(x.float(), dim=-1) if self.normalize else x

    def _gather(self, rows: Tensor) -> Tensor:
        return gather(rows) if self.gather else rows


def _build_trunks(pathways: list[dict[str, Any]], features: str) -> tuple[nn.ModuleList, int]:
    """Encoders that together hold all pathways, and the place of the one that is handed down.

    The global trunk is drawn before the local one whatever is handed down: same seed, same weights.
    """
    chosen = {"glob": pathways[:1], "loc": pathways[1:], "glob+loc": pathways}[features]
    groups = [pathways] if features == "glob+loc" else [[pathway] for pathway in pathways]
    trunks = [BACKBONES.build({"type": "pathways", "pathways": group}) for group in groups]
    if sum(len(trunk.channels) for trunk in trunks) != len(pathways):
        raise ValueError(
            f"GLCM needs a video backbone with one feature map, {pathways[0]['encoder']} has "
            "several; choose another, such as r3d_18"
        )
    return nn.ModuleList(trunks), groups.index(chosen)


def _check(*, pooling: str, features: str, local_contrast: bool) -> None:
    if pooling not in ("attention", "average"):
        raise ValueError(f"pooling must be 'attention' or 'average', got {pooling!r}")
    if features not in ("glob", "loc", "glob+loc"):
        raise ValueError(f"features must be 'glob', 'loc' or 'glob+loc', got {features!r}")
    if features == "loc" and not local_contrast:
        raise ValueError("features='loc' hands down what local_contrast=False does not train")
