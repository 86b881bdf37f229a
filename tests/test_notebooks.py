"""The notebooks run from top to bottom, on settings so small that it takes a minute."""

from pathlib import Path

import pytest

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
TINY = """
id: tiny
arms: [base, cft]
n_rows: 8
own: {n: 20, n_steps: [1]}
training: {max_length: 384, n_sequences: 4}
items: {held_out: {source: sums, n: 4, n_judged: 2, n_steps: [1]}}
answering: {max_tokens: 32, n_samples: 1}
judging: {max_tokens: 32}
"""


@pytest.mark.train
def test_does_it_teach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    settings = tmp_path / "tiny.yaml"
    settings.write_text(TINY)
    monkeypatch.setenv("CFTDATA_EFFECT", str(settings))
    monkeypatch.setenv("CFTDATA_EFFECT_OUT", str(tmp_path / "effect"))
    book = nbformat.read(NOTEBOOKS / "03_does_it_teach.ipynb", as_version=4)
    nbclient.NotebookClient(book, timeout=600).execute()
    said = "".join(output.get("text", "") for cell in book.cells for output in cell.get("outputs", ()))
    assert "rows" in said
    assert "- Answering" in said
    assert (tmp_path / "effect" / "effect.html").is_file()
