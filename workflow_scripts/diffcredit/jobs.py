"""The frame of every script: its log, and the identities of its inputs and outputs."""

import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence, Set
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NoReturn

from diffcredit import earlier_warnings, extensions, identities, locks, logs, time_limit
from diffcredit.contents import CACHES
from diffcredit.errors import UserError
from diffcredit.files import remove_parts
from diffcredit.time_limit import TimeIsUp

if TYPE_CHECKING:
    from diffcredit.config import Config

#: Maximum number of files that a message names.
NAMED = 3


@contextmanager
def job(snakemake: Any, label: str) -> Iterator[SimpleNamespace]:
    """Run a block as the job ``label``, see `logs.job`; its outputs bear the job's identity.

    One process at a time makes the outputs. Where another one has made them meanwhile, as a job of
    a run that was killed does, this one ends well at once. Where the time limit of the cluster is
    near and the block stops for it, SLURM queues the job again.

    Args:
        snakemake: what Snakemake gives the script; its param ``plan`` is that of a `plan.Made`.
        label: how the job is called in messages.

    Yields:
        The settings of the job.
    """
    plan = dict(snakemake.params.plan)
    with logs.job(snakemake.log[0], label):
        identity, reads, code = plan.pop("identity"), plan.pop("reads"), plan.pop("code")
        extensions.load(snakemake.config["extensions"])
        _check_code(code)
        _check_files(plan.get("files", {}), snakemake.config)
        _check_inputs(snakemake.input, reads)
        try:
            with locks.exclusive(_kept(snakemake.output, "locks"), label) as waited:
                if waited and _are_made(snakemake.output, identity):
                    logs.logger.info("%s: another process has made it", label)
                    sys.exit(0)
                for path in map(Path, snakemake.output):
                    remove_parts(path.parent, path.name)
                with (
                    identities.writing(identity, snakemake.output),
                    earlier_warnings.repeated(_kept(snakemake.output, "warnings"), identity),
                ):
                    yield SimpleNamespace(**plan)
                _check_outputs(snakemake.output, identity)
        except TimeIsUp:
            _queue_again(label)


def _queue_again(label: str) -> NoReturn:
    logs.logger.info("%s: its time limit is near: saved, to go on in its next try", label)
    time_limit.queue_again()
    raise UserError(
        "its time limit is near, and SLURM does not queue it again\n"
        "    Hint: what is done is saved: run the same command again, or allow more time"
    )


def configuration(config: Mapping[str, Any]) -> "Config":
    """The configuration of a job, of what Snakemake gives its script."""
    from diffcredit.config import Config

    return Config.model_validate({key: config[key] for key in Config.model_fields})


def _kept(outputs: Sequence[str], kind: str) -> Path:
    """A file of this job that is no result: its lock, or its warnings."""
    name = hashlib.blake2b(outputs[0].encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()
    return CACHES / kind / name


def _are_made(outputs: Sequence[str], identity: str) -> bool:
    """Whether all outputs are there, and those that bear an identity bear this one."""
    return all(
        identities.borne(path) == identity if identities.can_bear(path) else Path(path).exists()
        for path in outputs
    )


def _check_outputs(outputs: Sequence[str], identity: str) -> None:
    """A script that writes something by other means than `files` is a defect, told at once."""
    for path in outputs:
        if identities.can_bear(path):
            assert identities.borne(path) == identity, f"{path} does not bear its identity"


def _check_code(code: Mapping[str, str]) -> None:
    from diffcredit.plan.code_of_stages import Code

    if code and Code()(*code) != code:
        names = ", ".join(part.removeprefix("../") for part in code)
        raise UserError(
            f"the code of {names}, or of what it imports, has changed since this run was started\n"
            "    Hint: run the same command again"
        )


def _check_files(digests: Mapping[str, str], config: Mapping[str, Any]) -> None:
    """Check that the user's files have not changed since the run was started."""
    if not digests:
        return
    from diffcredit.plan import UserFiles

    if changed := UserFiles(configuration(config), Path(), CACHES).changed(digests):
        raise UserError(
            f"changed since this run was started: {', '.join(map(_in_words, changed))}\n"
            "    Hint: run the same command again"
        )


def _in_words(question: str) -> str:
    """What a digest of the user's files is of."""
    kind, *place = json.loads(question)
    words = {
        "data": "the files of data.path",
        "injected": "the file of data.injected",
        "pretrained": "the model of full.pretrained",
    }
    return words.get(kind) or str(place[0])


def _check_inputs(given: Any, reads: Mapping[str, list[str]]) -> None:
    """Check the identities of all inputs."""
    wrong = {}
    for name, paths in given.items():
        listed = [paths] if isinstance(paths, str) else paths
        expected = frozenset(reads[name] if listed else ())
        for path in listed:
            if reason := _wrong(path, expected):
                wrong[path] = reason
    if wrong:
        more = len(wrong) > NAMED
        told = [*wrong.values()][:NAMED] + [f"and {len(wrong) - NAMED} more"] * more
        named = ", ".join([*wrong][:NAMED] + ["..."] * more)
        lines = "\n".join(told)
        raise UserError(f"{lines}\n    Hint: delete {named} and run the same command again")


def _wrong(path: str, expected: Set[str]) -> str | None:
    """What is wrong with an input; None where it is what it should be."""
    try:
        found = identities.read(path)
    except UserError as error:
        return f"{error}"
    if found in expected:
        return None
    return f"{path}: of another configuration, or of other data or models than there are now"
