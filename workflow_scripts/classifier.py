"""Train the classifier whose features measure the samples."""

from diffcredit.jobs import job
from diffcredit.logs import logger

with job(snakemake, "classifier") as params:
    from diffcredit import seeds
    from diffcredit.behaviors import classifier
    from diffcredit.config import Classifier
    from diffcredit.data import images
    from diffcredit.devices import device

    with device({"device": "cpu"}, snakemake.threads):
        network, accuracy = classifier.train(
            images.from_file(snakemake.input.reference),
            Classifier(**params.classifier),
            seeds.derive(params.seed, "classifier"),
        )
    logger.info("classifier: %.1f%% of the images held out are recognized", 100 * accuracy)
    classifier.save(network, snakemake.output.model, {"held_out_accuracy": accuracy})
