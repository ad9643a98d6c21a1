"""The tiny run: every file of the contract is there and says something true."""

import json

import numpy as np
import pandas as pd
from copied_workflow import Workflow

from diffcredit.samples import read_shard


def read(finished: Workflow, path: str) -> pd.DataFrame:
    return pd.read_parquet(finished.run_folder / path)


def test_behaviors_of_every_model_are_recorded(finished: Workflow) -> None:
    shapley = read(finished, "behaviors/sft/shapley.parquet")
    datamodel = read(finished, "behaviors/retrain/datamodel.parquet")
    assert shapley.groupby("behavior").size().to_dict() == dict.fromkeys(
        ["fid", "log_fid", "inception_score", "entropy"], 8
    )
    models = read(finished, "behaviors/retrain/datamodel.models.parquet")
    assert models[["coalition", "training_seed"]].value_counts().tolist() == [1] * 4 * 2
    assert set(datamodel["model"]) == set(models["model"])
    assert (models["step"] > 0).all()
    wide = shapley.pivot(index="model", columns="behavior", values="value")
    np.testing.assert_allclose(np.log(wide["fid"]), wide["log_fid"])
    assert (wide["inception_score"] >= 1).all()
    assert (wide["entropy"].between(0, np.log2(10))).all()


def test_training_seeds_give_different_models_of_the_same_coalition(finished: Workflow) -> None:
    values, models = (
        read(finished, f"behaviors/retrain/datamodel.{table}")
        for table in ("parquet", "models.parquet")
    )
    fid = (
        values[values["behavior"] == "fid"]
        .merge(models, on="model")
        .pivot(index="coalition", columns="training_seed", values="value")
    )
    assert (fid[0] != fid[1]).all()


def test_nobody_is_the_untrained_network_and_costs_no_training(finished: Workflow) -> None:
    none, models, coalitions = (
        read(finished, f"behaviors/retrain/none.{table}")
        for table in ("parquet", "models.parquet", "coalitions.parquet")
    )
    assert (models["seconds_training"] == 0).all()
    assert (models["step"] == 0).all()
    assert not np.stack(list(coalitions["mask"])).any()
    assert none[none["behavior"] == "fid"]["value"].nunique() == 2


def test_constrained_shapley_values_add_up(finished: Workflow) -> None:
    values = read(finished, "attributions/shapley_constrained.parquet")
    full = read(finished, "behaviors/sft/full.parquet").groupby("behavior")["value"].mean()
    none = read(finished, "behaviors/retrain/none.parquet").groupby("behavior")["value"].mean()
    total = values.groupby("behavior")["value"].sum()
    np.testing.assert_allclose(total, (full - none)[total.index], rtol=1e-8)


def test_pruned_model_is_smaller(finished: Workflow) -> None:
    config = json.loads((finished.run_folder / "models/pruned/config.json").read_text())
    facts = config["facts"]
    assert facts["parameters_after"] < facts["parameters_before"]
    assert facts["multiply_adds_after"] < facts["multiply_adds_before"]


def test_evaluation_covers_every_attribution_and_behavior(finished: Workflow) -> None:
    lds = read(finished, "evaluation/lds.parquet")
    assert lds["predictor"].nunique() == 5 + 2
    assert (lds["coalitions"] == 4).all()
    planted = read(finished, "evaluation/planted.parquet")
    assert len(planted) == 5 * 4
    assert planted["auc"].between(0, 1).all()
    cost = read(finished, "evaluation/cost.parquet").set_index(["approach", "distribution"])
    assert cost.loc[("sft", "shapley"), "models"] == 8
    assert (cost["seconds_model"] > 0).all()


def test_siss_unlearns_coalitions_beside_the_others(finished: Workflow) -> None:
    values = read(finished, "attributions/siss.parquet")
    assert values.groupby("behavior")["value"].count().tolist() == [6] * 4
    assert np.isfinite(values["value"]).all()
    lds = read(finished, "evaluation/lds.parquet").set_index(["predictor", "behavior"])["lds"]
    assert lds["siss"].notna().all()
    cost = read(finished, "evaluation/cost.parquet").set_index(["approach", "distribution"])
    assert cost.loc[("siss", "few"), "models"] == 4


def test_terminal_ends_with_the_table_and_where_things_are(finished: Workflow) -> None:
    terminal = (finished.folder / "terminal.txt").read_text()
    assert (finished.run_folder / "evaluation/lds.txt").read_text() in terminal
    assert "results/tiny/figures/" in terminal
    assert "steps (100%) done" in terminal


def test_report_is_one_html_file_with_all_figures(finished: Workflow) -> None:
    report = (finished.folder / "report.html").read_text()
    for figure in ("attributions.svg", "lds.svg", "cost.svg", "samples.svg", "tables.html"):
        assert figure in report


def test_warnings_last_into_the_terminal_a_file_and_the_report(finished: Workflow) -> None:
    """4 test coalitions, 32 images for 64 features: the tiny run is no good one."""
    told = (finished.run_folder / "evaluation/warnings.txt").read_text()
    assert "- lds: the LDS has 4 test coalitions" in told
    assert "do not determine the covariance of 64 features" in told
    assert told in (finished.folder / "terminal.txt").read_text()
    report = (finished.folder / "report.html").read_text()
    assert "What the jobs warned of" in report
    assert "the LDS has 4 test coalitions" in report


def test_second_run_has_nothing_to_do(finished: Workflow) -> None:
    done = finished.run()
    assert done.returncode == 0
    assert "Nothing to be done" in done.stdout + done.stderr
    assert finished.planned() == {}


def test_models_never_outnumber_the_jobs_by_far(finished: Workflow) -> None:
    """Two jobs ran at a time; models that nobody keeps go once they are sampled."""
    assert 1 <= int((finished.folder / "most_shards.txt").read_text()) <= 2 + 2


def test_temporary_models_are_gone_and_samples_are_kept(finished: Workflow) -> None:
    assert not list(finished.run_folder.glob("subsets/*/*/*"))
    # Eight coalitions in two shards, one file each.
    files = sorted((finished.run_folder / "samples/sft/shapley").iterdir())
    assert [path.name for path in files] == ["0-0.safetensors", "0-1.safetensors"]
    assert [len(read_shard(path)) for path in files] == [4, 4]
