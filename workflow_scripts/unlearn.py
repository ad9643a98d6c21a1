"""Make the models of an approach that unlearns images, or is trained without them."""

from diffcredit.jobs import job

approach, number = snakemake.wildcards.approach, int(snakemake.wildcards.replicate)
label = f"{approach}/unlearning seed {number}"

with job(snakemake, label) as params:
    import torch

    from diffcredit import seeds
    from diffcredit.behaviors import forgotten
    from diffcredit.behaviors.image_features import load_extractors
    from diffcredit.behaviors.setting import Setting
    from diffcredit.config import Approach, Behavior, Model, Training
    from diffcredit.devices import device
    from diffcredit.files import read_table, resumable
    from diffcredit.models import checkpoints, ddpm, pixels
    from diffcredit.training import unlearning
    from diffcredit.training.loop import make_accelerator
    from diffcredit.training.recipe import Recipe

    execution = snakemake.config["execution"]
    train = pixels.read(snakemake.input.train)
    retained = torch.tensor(read_table(snakemake.input.retained)["row"])
    removed = pixels.read(snakemake.input.removed)
    _, channels, side, _ = train.shape
    model, training = Model(**params.model), Training(**params.training)
    recipe = Recipe(
        Approach(**params.approach),
        checkpoints.load(snakemake.input.start) if snakemake.input.start else None,
        checkpoints.Description(ddpm.architecture(model, side, channels)),
        training,
        model.timesteps,
    )
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
                pixels.read(snakemake.input.queries),
                Setting.of_run(model.timesteps, until["sampling"], params.seed, kind),
                load_extractors(until["extractors"], kind),
            )
        unlearning.unlearn(
            unlearning.Split(train[retained], removed),
            recipe,
            number,
            seeds.derive(params.seed, "unlearning", approach, number),
            make_accelerator(training, kind),
            unlearning.Place(folder, params.every, stop, execution["checkpoint_steps"]),
            label,
        )
