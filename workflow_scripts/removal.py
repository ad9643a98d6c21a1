"""The images to unlearn, and the images to retain."""

from diffcredit.jobs import job

with job(snakemake, "removal") as params:
    import numpy as np
    import pandas as pd

    from diffcredit import seeds
    from diffcredit.config import Removal
    from diffcredit.data import images, removal
    from diffcredit.files import read_table, read_tensors, write_table

    settings = Removal(**params.removal)
    columns = ["image", "label", "contributor", "name", "label_name", "caption"]
    table = read_table(snakemake.input.train, columns)
    train = images.of_table(table, snakemake.input.train)
    contributors = read_table(snakemake.input.contributors, ["name"])
    names = [column.tolist() for column in (table["name"], contributors["name"])]
    if settings.cluster:
        from diffcredit.behaviors.image_features import ImageFeatures, load_extractors
        from diffcredit.data.tensors import channels_first
        from diffcredit.devices import device

        generated = read_tensors(snakemake.input.generated)[0]["images"]
        with device(snakemake.config["execution"], snakemake.threads) as (kind, _):
            (extractor,) = load_extractors(params.extractors, kind).values()
            features = ImageFeatures(generated, extractor).features
            of_train = ImageFeatures(channels_first(train.pixels), extractor).features
        found = removal.of_cluster(
            settings,
            generated.permute(0, 2, 3, 1).numpy(),
            features,
            of_train,
            seeds.derive(params.seed, "cluster") % 2**32,
        )
    else:
        found = removal.of_training(settings, train, *names, images.label_names(table))
    removal.tell(found, train, *names)
    removal.warn_of_copies(found, train.pixels)
    removed = images.nobodys(found.pixels, np.full(len(found.pixels), -1))
    of_train = None if found.rows is None else table["caption"].iloc[found.rows]
    captions = None if of_train is None else images.captions_of(of_train.to_frame())
    write_table(
        images.with_origin(images.to_table(removed, "removed"), found.rows, captions),
        snakemake.output.removed,
    )
    write_table(pd.DataFrame({"row": found.retained}), snakemake.output.retained)
