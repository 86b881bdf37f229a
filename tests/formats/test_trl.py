"""Exports read by TRL's own code: what its trainers make of the files, and a step of training on each.

    pytest -m train tests/formats/test_trl.py        (where torch and trl are installed)

The model is a few thousand random weights and the tokenizer is trained on the rows themselves, so nothing is
downloaded. Not covered: whether training helps (see `effect`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cftdata.audit import audit
from cftdata.export import export

# what torch, transformers and trl warn of is not ours
pytestmark = [pytest.mark.train, pytest.mark.filterwarnings("default")]

TEMPLATE = ("{% for m in messages %}<|im_start|>{{ m['role'] }}\n{% if m['role'] == 'assistant' %}"
            "{% generation %}{{ m['content'] }}<|im_end|>{% endgeneration %}{% else %}"
            "{{ m['content'] }}<|im_end|>{% endif %}\n{% endfor %}"
            "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}")
RIGHT, WRONG = "Critique:\nAll holds. Conclusion: right [END]", "Step 1 is off. Conclusion: wrong [END]"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An audited set: a right and a wrong critique of each of eight responses, half of them right."""
    path = tmp_path_factory.mktemp("trl")
    rows = [{"query": f"What is {n} + 1?", "response": f"Step 1: add.\n\nThe answer is {n + 1 + n % 2}.",
             "critique": said, "reference_answer": f"{n + 1}"} for n in range(8) for said in (RIGHT, WRONG)]
    (path / "set.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    audit(path / "set.jsonl", out=path / "audited", n_processes=1)
    return path


def load(folder: Path, name: str, file_type: Any, prompt: str | None = None) -> Any:
    """The export, read as `datasets` reads it for a trainer."""
    datasets = pytest.importorskip("datasets")
    export(folder / "audited", format=name, out=folder / name, file_type=file_type, prompt=prompt)
    kind = "json" if file_type == "jsonl" else file_type
    return datasets.load_dataset(kind, data_files=str(folder / name / f"train.{file_type}"), split="train",
                                 cache_dir=str(folder / "cache"))


@pytest.fixture(scope="module")
def tokenizer(folder: Path) -> Any:
    """Byte-level BPE with a chat template, trained on the set; blank lines are one token, as in real ones."""
    tokenizers, transformers = pytest.importorskip("tokenizers"), pytest.importorskip("transformers")
    bpe = tokenizers.ByteLevelBPETokenizer()
    rows = map(json.loads, (folder / "set.jsonl").read_text().splitlines())
    corpus = [text for row in rows for text in row.values()]
    bpe.train_from_iterator([*corpus, *["\n\n", "\n\n\n"] * 100], vocab_size=400, show_progress=False,
                            special_tokens=["<|im_start|>", "<|im_end|>", "<pad>"])
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=bpe._tokenizer, eos_token="<|im_end|>", pad_token="<pad>", chat_template=TEMPLATE)


def make_model(tokenizer: Any) -> Any:
    transformers = pytest.importorskip("transformers")
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=16, intermediate_size=16, num_hidden_layers=1,
        num_attention_heads=2, max_position_embeddings=1024))


def settings(kind: Any, folder: Path, **more: Any) -> Any:
    return kind(output_dir=str(folder / "run"), max_steps=1, per_device_train_batch_size=2, use_cpu=True,
                report_to=[], save_strategy="no", max_length=1024, disable_tqdm=True, **more)


def learnt(trainer: Any, tokenizer: Any) -> set[str]:
    """The texts that a trainer's batches count in the loss."""
    texts = set()
    for batch in trainer.get_train_dataloader():
        for labels in batch["labels"].tolist():
            texts.add(tokenizer.decode([token for token in labels if token != -100]))
    return texts


@pytest.mark.parametrize("prompt", [None, "cft-short"])
@pytest.mark.parametrize(("name", "file_type"), [("trl", "jsonl"), ("trl", "parquet"), ("sft", "jsonl")])
def test_of_prompt_and_completion_the_completion_alone_is_learnt(
        folder: Path, tokenizer: Any, name: str, file_type: str, prompt: str | None) -> None:
    trl = pytest.importorskip("trl")
    rows = load(folder, name, file_type, "solve" if prompt and name == "sft" else prompt)
    trainer = trl.SFTTrainer(make_model(tokenizer), settings(trl.SFTConfig, folder), train_dataset=rows,
                             processing_class=tokenizer)
    assert learnt(trainer, tokenizer) == {f"{row['completion']}<|im_end|>" for row in rows}
    # prompt and completion are cut at a token's end: what TRL tokenizes apart is what it tokenizes together
    for row in rows:
        both = tokenizer(row["prompt"] + row["completion"])["input_ids"]
        assert both == tokenizer(row["prompt"])["input_ids"] + tokenizer(row["completion"])["input_ids"]
    assert trainer.train().training_loss > 0


@pytest.mark.parametrize(("name", "file_type"), [("trl-messages", "jsonl"), ("trl-messages", "parquet"),
                                                 ("one-shot-cft", "jsonl"), ("sft-messages", "jsonl")])
def test_of_messages_the_assistant_alone_is_learnt(folder: Path, tokenizer: Any, name: str,
                                                   file_type: str) -> None:
    trl = pytest.importorskip("trl")
    rows = load(folder, name, file_type)
    trainer = trl.SFTTrainer(make_model(tokenizer), settings(trl.SFTConfig, folder, assistant_only_loss=True),
                             train_dataset=rows, processing_class=tokenizer)
    assert learnt(trainer, tokenizer) == {f"{row['messages'][-1]['content']}<|im_end|>" for row in rows}
    assert trainer.train().training_loss > 0


@pytest.mark.parametrize("file_type", ["jsonl", "parquet"])
def test_pairs_are_what_dpo_takes(folder: Path, tokenizer: Any, file_type: str) -> None:
    trl = pytest.importorskip("trl")
    rows = load(folder, "dpo", file_type)
    assert len(rows) == 8
    trainer = trl.DPOTrainer(make_model(tokenizer), ref_model=make_model(tokenizer), train_dataset=rows,
                             args=settings(trl.DPOConfig, folder), processing_class=tokenizer)
    assert trainer.train().training_loss > 0


def test_trl_knows_the_types(folder: Path) -> None:
    data_utils = pytest.importorskip("trl.data_utils")
    said = {name: data_utils.is_conversational(load(folder, name, "jsonl")[0])
            for name in ("trl", "trl-messages", "sft", "dpo")}
    assert said == {"trl": False, "trl-messages": True, "sft": False, "dpo": False}
