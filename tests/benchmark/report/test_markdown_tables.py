import markdown as reference

from benchmark.report.markdown import escape, render_markdown

MARKDOWN = """\
## Objectives x tasks

| method | published, GLCM Table 4, K-AV 15,000: LRS2 WER % ↓ | published, GLCM Table 4, K-AV \
15,000: LRW top-1 % ↑ | published, GLCM Table 4, K-AV 15,000: DFDC AUC % ↑ | measured, miniature, \
finetune: LRW top-1 % ↑ | measured, miniature, finetune: DFDC AUC % ↑ |
|:--|--:|--:|--:|--:|--:|
| MoCo | 71.5 | 61.2 | 60.2 | 51.0 ±5.7 (3) | failed |
| CPC | 66.7 | 65.3 | 67.9 | — | — |
| DPC | 65.1 | 67.5 | 71.2 | — | — |
| InfoMax | 53.2 | 70.7 | 85.3 | — | — |
| AVTS | 72.1 | 64.9 | 63.1 | — | — |
| AVSlowFast | 56.1 | 75.8 | 80.9 | — | — |
| GLCM | **47.8** | **83.7** | **90.1** | **61.0 ±5.0 (3)** | 70.2 (1) |

- **bold**  best of the column
- —  no record
- failed  every attempt failed
- measured: mean ± half width of the 95 % interval over seeds (Student t), (seeds).
- measured with: r3d18, pretrained on mini-kav, 240 clips, 100 steps.
- MoCo, miniature, finetune, DFDC: seed 0: RuntimeError: out of memory
"""


def test_markdown_of_the_layout(tables):
    assert render_markdown(tables[:1]) == MARKDOWN


def test_every_table_renders(tables):
    """An independent renderer finds as many tables, rows and cells."""
    html = reference.markdown(render_markdown(tables), extensions=["tables"])
    assert html.count("<table>") == len(tables)
    assert html.count("<tr>") == sum(len(table.rows) + 1 for table in tables)
    sections = [any(row.section for row in table.rows) for table in tables]
    expected = sum(
        len(t.rows) * (1 + has + len(t.detail_heads) + len(t.columns))
        for t, has in zip(tables, sections, strict=True)
    )
    assert html.count("<td") == expected


def test_text_of_others_stays_text(hostile):
    text = render_markdown(hostile.tables)
    assert "<script" not in text.replace("\\<script", "")
    assert "<img" not in text.replace("\\<img", "")
    assert escape("a|b\n# c [x](y) *z*") == "a\\|b # c \\[x\\](y) \\*z\\*"
