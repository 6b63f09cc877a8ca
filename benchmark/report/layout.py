"""How records and published rows are named and ordered in the tables. Knows no registry."""

from __future__ import annotations

# objective -> its method string in results/published, without the citation in parentheses
OBJECTIVES: dict[str, str] = {
    "moco": "MoCo",
    "cpc": "CPC",
    "dpc": "DPC",
    "infomax": "InfoMax",
    "avts": "AVTS",
    "avslowfast": "AVSlowFast",
    "glcm": "GLCM",
    "crisscross": "CrissCross",
    "temporal_order": "Temporal ordering",
    "avid": "AVID",
    "avid_cma": "AVID+CMA",
    "xdc": "XDC",
    "gdt": "GDT",
    "selavi": "SeLaVi",
    "rotnet3d": "RotNet3D",
    "clip_order": "ClipOrder",
    "scratch": "Scratch",
    "random": "Random",
    "supervised": "Supervised",
}
TABLE_4_ROWS = ("moco", "cpc", "dpc", "infomax", "avts", "avslowfast", "glcm")  # order of the paper

# task -> its task and metric strings in results/published (GLCM's tables)
TASKS: dict[str, tuple[str, str]] = {
    "lrs2": ("LRS2", "WER_pct"),
    "lrw": ("LRW", "top1_pct"),
    "dfdc": ("DFDC", "video_AUC_pct"),
    "ucf101": ("UCF101", "top1_pct"),
    "hmdb51": ("HMDB51", "top1_pct"),
    "esc50": ("ESC50", "top1_pct"),
    "kinetics_sound": ("Kinetics-Sound", "linear_top1_pct"),
    "dcase": ("DCASE", "linear_top1_pct"),
}
TABLE_4_TASKS = ("lrs2", "lrw", "dfdc")

METRICS: dict[str, str] = {  # metric of a record or of results/published -> words for a column head
    "top1": "top-1",
    "top5": "top-5",
    "macro_top1": "macro top-1",
    "auc": "AUC",
    "hard_auc": "hard AUC",
    "wer": "WER",
    "cer": "CER",
    **{f"r{k}": f"R@{k}" for k in (1, 5, 10, 20, 50)},
    "median_rank": "median rank",
    "tpr_at_fpr1": "TPR at FPR 1 %",
    "ciou": "cIoU@0.5",
    "pointing": "pointing",
    "WER_pct": "WER %",
    "top1_pct": "top-1 %",
    "video_AUC_pct": "AUC %",
    "finetune_top1_pct": "finetune top-1 %",
    "linear_top1_pct": "linear top-1 %",
}

MODALITIES: dict[str, str] = {"v": "video", "a": "audio", "av": "audio+video"}
PRETRAINING: dict[str, str] = {  # data set -> its name in results/published
    "kav": "K-AV",
    "kinetics400": "Kinetics-400",
    "kinetics_sound": "Kinetics-Sound",
    "audioset": "AudioSet",
    "dfdc": "DFDC",
}

PAPERS: dict[str, str] = {  # source_seed -> short name, citation
    "001": "GLCM",
    "003": "CrissCross",
    "peer": "READMEs",
}
CITATIONS: dict[str, str] = {
    "GLCM": "Ma et al., Contrastive Learning of Global and Local Video Representations, 2021",
    "CrissCross": "Sarkar and Etemad, Self-Supervised Audio-Visual Representation Learning with "
    "Relaxed Cross-Modal Synchronicity, 2023",
    "READMEs": "figures from the README files of the authors' repositories",
}
KINDS = ("full", "subset", "miniature")  # order of the column groups
PROTOCOLS = ("finetune", "linear", "svm", "knn", "retrieval", "localise")  # then the others by name


def objective_title(name: str) -> str:
    """Row label of an objective."""
    return OBJECTIVES.get(name, name)


def task_title(name: str) -> str:
    """Column label of a task."""
    return TASKS[name][0] if name in TASKS else name


def pretraining_title(dataset: str, clips: int | None) -> str:
    """Pretraining data and its size, as in the papers' tables: "K-AV 15,000"."""
    size = "" if clips is None else f"{clips:,}"
    return f"{PRETRAINING.get(dataset, dataset)} {size}".strip()


def metric_title(name: str, unit: str = "") -> str:
    """Words for a metric and its unit."""
    return f"{METRICS.get(name, name)} {unit}".strip()


def rank(name: str, order: tuple[str, ...]) -> tuple[int, str]:
    """Sort key: the place in `order`, then by name."""
    return (order.index(name) if name in order else len(order), name)
