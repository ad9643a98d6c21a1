"""Make the models of an approach that unlearns images, or is trained without them."""

from diffcredit.logs import job

approach = snakemake.wildcards.approach

with job(snakemake.log[0], f"{approach}/unlearning"):
    from pathlib import Path

    import torch

    from diffcredit import seeds
    from diffcredit.behaviors import forgotten
    from diffcredit.behaviors.setting import Setting
    from diffcredit.config import Approach, Behavior, Model, Training
    from diffcredit.devices import device
    from diffcredit.files import read_table, resumable
    from diffcredit.models import checkpoints, ddpm, pixels
    from diffcredit.registry import EXTRACTORS, load
    from diffcredit.training import unlearning
    from diffcredit.training.loop import make_accelerator
    from diffcredit.training.recipe import Recipe

    execution, params = snakemake.config["execution"], snakemake.params
    settings = params.unlearning
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
        device(execution["device"], snakemake.threads) as (kind, _),
        resumable(snakemake.output.models) as folder,
    ):
        stop = None
        for path, (name, behavior) in zip(
            snakemake.input.queries, params.behaviors.items(), strict=True
        ):
            stop = forgotten.stop(
                name,
                Behavior(**behavior),
                settings["until"],
                pixels.read(path),
                Setting(
                    model.timesteps,
                    params.sampling["steps"],
                    params.sampling["batch_size"],
                    seeds.derive(params.seed, "query noise"),
                    kind,
                ),
                {
                    name: load(EXTRACTORS, extractor)(Path(place), kind)
                    for name, (extractor, place) in params.extractors.items()
                },
            )
        unlearning.unlearn(
            unlearning.Split(train[retained], removed),
            recipe,
            [
                seeds.derive(params.seed, "unlearning", approach, number)
                for number in range(settings["seeds"])
            ],
            make_accelerator(training, kind),
            unlearning.Place(folder, settings.get("every"), stop, execution["checkpoint_steps"]),
            f"{approach}/unlearning",
        )
