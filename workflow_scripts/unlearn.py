"""Make the models of an unlearning approach, or of retraining without the removed images."""

from diffcredit.jobs import job

approach, number = snakemake.wildcards.approach, int(snakemake.wildcards.training_seed)
label = f"{approach}/unlearning seed {number}"

with job(snakemake, label) as params:
    from diffcredit import seeds
    from diffcredit.behaviors import forgotten
    from diffcredit.behaviors.image_features import load_extractors
    from diffcredit.behaviors.query_settings import QuerySettings
    from diffcredit.config import Approach, Behavior, Training
    from diffcredit.data import tensors
    from diffcredit.devices import device
    from diffcredit.files import read_table, resumable
    from diffcredit.models import checkpoints, examples, families
    from diffcredit.training import unlearning
    from diffcredit.training.loop import make_accelerator
    from diffcredit.training.recipe import Recipe

    execution = snakemake.config["execution"]
    family, training = families.of_settings(params.family), Training(**params.training)
    train = examples.read(snakemake.input.examples)
    retained = train[read_table(snakemake.input.retained)["row"].to_numpy()]
    removed = family.encode(tensors.read(snakemake.input.removed))
    start = checkpoints.load(snakemake.input.start) if snakemake.input.start else None
    recipe = Recipe.of_section(Approach(**params.approach), family, start, training)
    with (
        device(execution, snakemake.threads) as (kind, _),
        resumable(snakemake.output.models) as folder,
    ):
        stop = None
        if until := params.until:
            stop = forgotten.stop(
                until["name"],
                Behavior(**until["behavior"]),
                until["level"],
                tensors.read(snakemake.input.queries),
                QuerySettings.of_run(family, until["sampling"], params.seed, kind),
                load_extractors(until["extractors"], kind),
            )
        unlearning.unlearn(
            unlearning.Split(retained, removed),
            recipe,
            number,
            seeds.derive(params.seed, "unlearning", approach, number),
            make_accelerator(training, kind),
            unlearning.Output(folder, params.every, stop, execution["checkpoint_steps"]),
            label,
        )
