"""A real adapter: what is planted is learnt, what is not there is not, the same seed is the same."""

from pathlib import Path

import pytest

from cftdata.effect.rows import TrainRow
from cftdata.effect.settings import Answering, EffectSettings, ItemSet, Judging, OwnRows, Training

pytestmark = pytest.mark.train
pytest.importorskip("torch")

from cftdata.answers import match_answers  # noqa: E402
from cftdata.effect.generate import Asking, generate  # noqa: E402
from cftdata.effect.model import Loaded, load_model  # noqa: E402
from cftdata.effect.study import plan_study, run_study  # noqa: E402
from cftdata.effect.train import count_tokens, train, unload  # noqa: E402
from cftdata.errors import ConfigError, ModelError, TrainingError  # noqa: E402
from cftdata.formats import FORMATS  # noqa: E402
from cftdata.problems.sums import draw_sums  # noqa: E402
from cftdata.sample import Sample  # noqa: E402
from cftdata.text import read_final_answer  # noqa: E402

SAMPLES = [Sample.of(drawn.query) for drawn in draw_sums(77, 14, (2,))]
HOW = Training(max_length=256, learning_rate=2e-3, n_sequences=7)
TINY = EffectSettings(
    id="tiny", arms=("base", "cft"), n_rows=8, own=OwnRows(n=20, n_steps=(1,)),
    training=Training(max_length=384, n_sequences=4),
    items={"held_out": ItemSet(source="sums", n=4, n_judged=3, n_steps=(1,))},
    answering=Answering(max_tokens=32, n_samples=1), judging=Judging(max_tokens=32))


@pytest.fixture(scope="module")
def loaded() -> Loaded:
    return load_model("local")


def rows() -> list[TrainRow]:
    made = [FORMATS["sft"].row(sample, None) for sample in SAMPLES]
    return [TrainRow(str(row["prompt"]), str(row["completion"])) for row in made if not isinstance(row, str)]


def score(model: Loaded) -> int:
    """Queries answered right, of 14."""
    made = generate(model, [row.prompt for row in rows()], Asking(max_tokens=64))
    answers = [read_final_answer(text.text).value for [text] in made]
    return sum(match_answers(answer, sample.query.reference_answer or "").outcome == "equal"
               for answer, sample in zip(answers, SAMPLES, strict=True) if answer)


def test_rows_that_hold_the_answers_teach_them_and_shuffled_ones_do_not(
        loaded: Loaded, tmp_path: Path) -> None:
    before = score(loaded)
    true = rows()
    turned = [*true[1:], true[0]]       # every completion belongs to another prompt
    shuffled = [TrainRow(row.prompt, other.completion) for row, other in zip(true, turned, strict=True)]
    n_tokens = 9 * sum(count_tokens(loaded, true))
    scores = []
    for name, given in (("true", true), ("shuffled", shuffled)):
        report, trained = train(loaded, given, HOW, tmp_path / name, arm="sft", seed=0, n_tokens=n_tokens)
        scores.append(score(trained))
        unload(trained)
        assert report.last_loss < report.first_loss
        assert report.n_tokens <= n_tokens
        assert (tmp_path / name / "adapter_model.safetensors").is_file()
    assert score(loaded) == before, "the model is as it was"
    assert scores[0] >= before + 7, f"base {before}, true {scores[0]}, shuffled {scores[1]}, of 14"
    assert scores[1] <= before + 2


def test_the_same_seed_gives_the_same_adapter_and_another_another(loaded: Loaded, tmp_path: Path) -> None:
    hashes = []
    for place, seed in enumerate((1, 1, 2)):
        report, trained = train(loaded, rows(), HOW, tmp_path / str(place), arm="sft", seed=seed,
                                n_tokens=900)
        unload(trained)
        hashes.append(report.adapter_hash)
    assert hashes[0] == hashes[1] != hashes[2]


def test_rows_that_are_cut_are_told(loaded: Loaded, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="longer than max_length 16; raise it to"):
        train(loaded, rows(), Training(max_length=16), tmp_path, arm="sft", seed=0, n_tokens=99)


def test_a_loss_that_is_no_number_is_told(tmp_path: Path) -> None:
    broken = load_model("local")
    broken.model.get_input_embeddings().weight.data.fill_(float("nan"))
    with pytest.raises(TrainingError, match="no number"):
        train(broken, rows(), HOW, tmp_path, arm="sft", seed=0, n_tokens=3000)


def test_batches_give_the_texts_of_single_prompts(loaded: Loaded) -> None:
    prompts = ["Question:\n" + sample.query.text + "\n\nSolution:\n" for sample in SAMPLES[:4]]
    together = generate(loaded, prompts, Asking(max_tokens=12))
    assert together == [generate(loaded, [prompt], Asking(max_tokens=12))[0] for prompt in prompts]
    drawn = Asking(max_tokens=12, n=3, temperature=1.0, seed=5)
    assert generate(loaded, prompts, drawn) == generate(loaded, prompts, drawn)


def test_a_model_that_does_not_load_is_told(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_model(str(tmp_path))


def test_a_study_goes_on_and_the_same_seed_gives_the_same_numbers(tmp_path: Path) -> None:
    first = run_study("sums", TINY, out=tmp_path / "a")
    marked = (tmp_path / "a" / "arms" / "cft" / "seed0" / "outcomes.parquet").stat().st_mtime_ns
    assert plan_study("sums", TINY, out=tmp_path / "a").minutes == 0
    again = run_study("sums", TINY, out=tmp_path / "a")
    assert (tmp_path / "a" / "arms" / "cft" / "seed0" / "outcomes.parquet").stat().st_mtime_ns == marked
    other = run_study("sums", TINY, out=tmp_path / "b")
    assert first.figures == again.figures == other.figures
    assert (tmp_path / "a" / "effect.html").is_file()


def test_an_arm_that_has_no_row_is_told_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="there is no arm 'sfft'"):
        run_study("sums", TINY, out=tmp_path / "x", arms=["sfft"])
    assert not (tmp_path / "x").exists()
