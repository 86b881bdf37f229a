"""cftdata: builds critique fine-tuning datasets and says how wrong their critiques are.

    >>> import cftdata
    >>> cftdata.match_answers("0.5", r"\\frac{1}{2}").outcome
    'equal'

Every name below is loaded when it is first asked for, so that importing the package costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cftdata.agreement import Agreement, CriticAgreement, measure_agreement
    from cftdata.answers import AnswerMatch, match_answers
    from cftdata.audit import audit
    from cftdata.builds import BuildReport, build
    from cftdata.calls import Completion, Message, Provider, Request
    from cftdata.card import CardSettings
    from cftdata.cards import Flagged
    from cftdata.config import Protocol, load_protocol
    from cftdata.curate import curate
    from cftdata.curation import CurateReport, DecisionRow
    from cftdata.dataset import lay_out
    from cftdata.effect.figures import EffectReport
    from cftdata.effect.settings import EffectSettings
    from cftdata.effect.study import StudyPlan, plan_study, run_study
    from cftdata.errors import (
        CftDataError,
        ColumnUnknown,
        ConfigError,
        ExtraMissing,
        HubError,
        HubGaveUp,
        HubRefused,
        HubUnreachable,
        ModelError,
        OutputError,
        PublishedDiffers,
        RepoMalformed,
        RightsMissing,
        SecretFound,
        ShapeUnknown,
        SourceEmpty,
        SourceError,
        SourceNotFound,
        SourceUnreadable,
        TagTaken,
        TokenMissing,
        TrainingError,
    )
    from cftdata.export import ExportReport, LeftOut, export
    from cftdata.figures import (
        AuditReport,
        Group,
        LabelAgreement,
        OutcomeCounts,
        Overlap,
        SuspectLabel,
        SuspectReference,
    )
    from cftdata.findings import Finding
    from cftdata.gates import GateResult, Gates
    from cftdata.hub import Changes, Patience, PublishReport, publish
    from cftdata.manifest import Manifest, PublishedFile, Split
    from cftdata.plans import Plan, plan
    from cftdata.policy import Policy, load_policy
    from cftdata.providers import ScriptedProvider
    from cftdata.recipe import Recipe, list_recipes, load_recipe
    from cftdata.release import ReleaseRecipe, ReleaseReport, load_release, release
    from cftdata.report import render_html, render_markdown
    from cftdata.sample import (
        Critique,
        Decision,
        Evidence,
        Gold,
        InjectedError,
        Provenance,
        Query,
        Rate,
        Record,
        Response,
        Sample,
        Usage,
        Verification,
        content_id,
    )
    from cftdata.scorecard import Labels, Score, read_labels, score
    from cftdata.sources import Reader, References, Row, load, read_references
    from cftdata.stats import wilson, wilson_clustered
    from cftdata.tables import RawRow, read_rows
    from cftdata.text import (
        Reading,
        normalise,
        read_corrected_answer,
        read_final_answer,
        read_first_error_step,
        read_steps,
        read_verdict,
    )
    from cftdata.verifiers import Verifier, verify
    from cftdata.verifiers.verdict import Correctness, response_correctness

_NAMES = {
    "effect.settings": "EffectSettings",
    "effect.study": "StudyPlan plan_study run_study",
    "effect.figures": "EffectReport",
    "curate": "curate",
    "curation": "CurateReport DecisionRow",
    "export": "ExportReport LeftOut export",
    "hub": "Changes Patience PublishReport publish",
    "card": "CardSettings",
    "dataset": "lay_out",
    "manifest": "Manifest PublishedFile Split",
    "policy": "Policy load_policy",
    "gates": "GateResult Gates",
    "release": "ReleaseRecipe ReleaseReport load_release release",
    "answers": "AnswerMatch match_answers",
    "audit": "audit",
    "builds": "BuildReport build",
    "calls": "Completion Message Provider Request",
    "plans": "Plan plan",
    "providers": "ScriptedProvider",
    "recipe": "Recipe list_recipes load_recipe",
    "cards": "Flagged",
    "config": "Protocol load_protocol",
    "errors": "CftDataError ColumnUnknown ConfigError ExtraMissing OutputError ShapeUnknown SourceEmpty "
              "SourceError SourceNotFound SourceUnreadable HubError RepoMalformed TokenMissing RightsMissing "
              "TagTaken SecretFound HubUnreachable HubRefused HubGaveUp PublishedDiffers ModelError "
              "TrainingError",
    "findings": "Finding",
    "report": "render_html render_markdown",
    "figures": "AuditReport Group LabelAgreement OutcomeCounts Overlap SuspectLabel SuspectReference",
    "agreement": "Agreement CriticAgreement measure_agreement",
    "scorecard": "Labels Score read_labels score",
    "sample": "Critique Decision Evidence Gold InjectedError Provenance Query Rate Record Response "
              "Sample Usage Verification content_id",
    "sources": "Reader References Row load read_references",
    "stats": "wilson wilson_clustered",
    "tables": "RawRow read_rows",
    "text": "Reading normalise read_corrected_answer read_final_answer read_first_error_step read_steps "
            "read_verdict",
    "verifiers": "Verifier verify",
    "verifiers.verdict": "Correctness response_correctness",
}
_MODULE_OF = {name: module for module, names in _NAMES.items() for name in names.split()}

__all__ = [
    "Agreement",
    "AnswerMatch",
    "AuditReport",
    "BuildReport",
    "CardSettings",
    "CftDataError",
    "Changes",
    "ColumnUnknown",
    "Completion",
    "ConfigError",
    "Correctness",
    "CriticAgreement",
    "Critique",
    "CurateReport",
    "Decision",
    "DecisionRow",
    "EffectReport",
    "EffectSettings",
    "Evidence",
    "ExportReport",
    "ExtraMissing",
    "Finding",
    "Flagged",
    "GateResult",
    "Gates",
    "Gold",
    "Group",
    "HubError",
    "HubGaveUp",
    "HubRefused",
    "HubUnreachable",
    "InjectedError",
    "LabelAgreement",
    "Labels",
    "LeftOut",
    "Manifest",
    "Message",
    "ModelError",
    "OutcomeCounts",
    "OutputError",
    "Overlap",
    "Patience",
    "Plan",
    "Policy",
    "Protocol",
    "Provenance",
    "Provider",
    "PublishReport",
    "PublishedDiffers",
    "PublishedFile",
    "Query",
    "Rate",
    "RawRow",
    "Reader",
    "Reading",
    "Recipe",
    "Record",
    "References",
    "ReleaseRecipe",
    "ReleaseReport",
    "RepoMalformed",
    "Request",
    "Response",
    "RightsMissing",
    "Row",
    "Sample",
    "Score",
    "ScriptedProvider",
    "SecretFound",
    "ShapeUnknown",
    "SourceEmpty",
    "SourceError",
    "SourceNotFound",
    "SourceUnreadable",
    "Split",
    "StudyPlan",
    "SuspectLabel",
    "SuspectReference",
    "TagTaken",
    "TokenMissing",
    "TrainingError",
    "Usage",
    "Verification",
    "Verifier",
    "audit",
    "build",
    "content_id",
    "curate",
    "export",
    "lay_out",
    "list_recipes",
    "load",
    "load_policy",
    "load_protocol",
    "load_recipe",
    "load_release",
    "match_answers",
    "measure_agreement",
    "normalise",
    "plan",
    "plan_study",
    "publish",
    "read_corrected_answer",
    "read_final_answer",
    "read_first_error_step",
    "read_labels",
    "read_references",
    "read_rows",
    "read_steps",
    "read_verdict",
    "release",
    "render_html",
    "render_markdown",
    "response_correctness",
    "run_study",
    "score",
    "verify",
    "wilson",
    "wilson_clustered",
]


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name == "__version__":
        from importlib.metadata import version

        return version("cftdata")
    if name not in _MODULE_OF:
        raise AttributeError(f"module 'cftdata' has no attribute {name!r}")
    module = import_module(f"cftdata.{_MODULE_OF[name]}")
    # Importing the module `audit` puts it under its own name here; it can be called like its function.
    return module if name == _MODULE_OF[name] else getattr(module, name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
