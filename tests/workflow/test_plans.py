"""Dry runs: how many jobs each configuration and profile makes, and which rules profiles name."""

import re

import pytest
import yaml
from copied_workflow import ROOT, Workflow
from overlays import overlaid

DEFAULT = {
    "data": 1,
    "encode": 1,
    "classifier": 1,
    "full": 1,
    "pruned": 1,
    "sample_model": 2,
    "coalitions": 7,
    "attribution": 4,
    "lds": 1,
    "planted": 1,
    "cost": 1,
    "convergence": 1,
    "figure_tables": 1,
    "figure_attributions": 1,
    "figure_lds": 1,
    "figure_cost": 1,
    "figure_convergence": 1,
    "figure_samples": 1,
}


DEFAULT_BEHAVIORS = ("fid", "log_fid", "inception_score", "entropy")


def jobs(workflow: Workflow) -> dict[str, int]:
    return {name: n for name, n in workflow.planned().items() if " " not in name}


def test_default(workflow: Workflow) -> None:
    workflow.overlay = {"experiment": "digits"}
    planned = workflow.planned()
    # 80 + 3 coalitions of sft, 2 x 16 + 3 of retrain, 20 in a shard.
    for rule in ("subsets", "samples", "score"):
        assert planned[f"{rule} sft"] == 4 + 1
        assert planned[f"{rule} retrain"] == 2 * 1 + 1
    assert {k: n for k, n in planned.items() if " " not in k} == DEFAULT


def test_tiny(workflow: Workflow) -> None:
    planned = workflow.planned()
    assert planned["subsets sft"] == 2 + 1
    assert planned["subsets retrain"] == 2 * 1 + 1 + 1


def test_behaviors_of_models_alone_need_no_samples(workflow: Workflow) -> None:
    workflow.overlay["behaviors"] = dict.fromkeys(DEFAULT_BEHAVIORS) | {
        "loss": {"measure": "denoising_loss"}
    }
    planned = workflow.planned("behaviors")
    assert planned["model_behaviors sft"] == 2 + 1
    assert planned["model_behaviors retrain"] == 2 * 1 + 1 + 1
    assert not {"classifier", "samples sft", "score sft"} & set(planned)


def test_loss_of_images_held_out_needs_no_samples_of_the_full_model(workflow: Workflow) -> None:
    loss = {"measure": {"name": "denoising_loss", "images": "held_out"}}
    behaviors = dict.fromkeys(DEFAULT_BEHAVIORS) | {"loss": loss}
    workflow.overlay = overlaid(
        workflow.overlay, {"data": {"held_out": 16}, "behaviors": behaviors}
    )
    planned = workflow.planned("behaviors")
    assert planned["model_behaviors sft"] == 2 + 1
    assert "sample_model" not in planned


def test_scores_of_single_images(workflow: Workflow) -> None:
    workflow.overlay = yaml.safe_load((ROOT / "experiments/digits_images.yaml").read_text())
    planned = workflow.planned("attributions")
    entries = workflow.overlay["gradients"]
    scores = [name for name, entry in workflow.overlay["attributions"].items() if entry]
    # Of each model the training images and two kinds of queries; of one entry a trajectory, too.
    models = [e.get("models", 1) * e.get("snapshots", 1) for e in entries.values()]
    assert planned["gradients"] == sum(models) * (1 + 2) + 1
    assert (planned["full"], planned["ensemble"]) == (1, 3 - 1)
    assert planned["scored"] == len(scores)
    made = ("gradient_scores", "ekfac", "similarity")
    assert [planned[rule] for rule in made] == [len(scores) - 1 - 3, 1, 3]
    # Models are retrained to choose dampings on, not to attribute.
    assert planned["subsets retrain"] == 1
    assert not {"pruned", "attribution", "convergence"} & set(planned)


@pytest.mark.parametrize("target", ["models", "behaviors", "attributions", "evaluation", "figures"])
def test_targets(workflow: Workflow, target: str) -> None:
    assert workflow.run("--dry-run", target).returncode == 0


@pytest.mark.parametrize("profile", ["local", "gpu", "slurm"])
def test_profiles(workflow: Workflow, profile: str) -> None:
    done = workflow.run("--dry-run", profile=profile)
    assert done.returncode == 0, done.stderr
    settings = yaml.safe_load((ROOT / "profiles" / profile / "config.yaml").read_text())
    # Some are there only where the configuration asks for them.
    files = (path.read_text() for path in (ROOT / "rules").glob("*.smk"))
    rules = {name for text in files for name in re.findall(r"^rule (\w+):", text, re.MULTILINE)}
    for option in ("set-resources", "set-threads"):
        assert set(settings.get(option, {})) <= rules


def test_every_rule_declares_what_it_needs() -> None:
    for path in (ROOT / "rules").glob("*.smk"):
        for rule in path.read_text().split("\nrule ")[1:]:
            if "script:" in rule:
                for word in ("threads:", "mem_mb=", "runtime=", "log:"):
                    assert word in rule, (path.name, rule.split(":")[0], word)


def test_entry_removed_by_null(workflow: Workflow) -> None:
    workflow.overlay["attributions"] = {"shapley_ridge": None, "shapley_constrained": None}
    assert workflow.planned()["attribution"] == 2
