"""The files of the configuration: what is wrong in them is told with the file and the line."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(workflow.basedir) / "workflow_scripts"))

from diffcredit.config import known, load, machine, misread, replaced, source
from diffcredit.errors import UserError
from diffcredit.files import check_writable
from diffcredit.terminal import quiet_interrupt

quiet_interrupt()

# A run in another folder, as with --directory, takes the defaults of the clone.
DEFAULTS = "config.yaml"
if not Path(DEFAULTS).exists():
    DEFAULTS = str(Path(workflow.basedir) / DEFAULTS)

try:
    for folder in (".", "results"):
        check_writable(folder)
    # Those of the command line are laid over the default.
    FILES = [DEFAULTS, *workflow.configfiles]
    SOURCES = source.read_all(FILES)
    WRITTEN = {str(path): Path(path).read_bytes() for path in FILES}
except UserError as error:
    sys.exit(f"{error}")


def checked_configuration(raw):
    """The configuration as it is in the files now, or `UserError`."""
    raw, replaced_options = replaced.without_replaced(raw, SOURCES)
    if misread_values := misread.problems(raw, SOURCES, known.names):
        raise UserError("\n".join(["The configuration cannot be used:", *misread_values]))
    try:
        checked = load(raw)
        machine.check(checked)
    except UserError as error:
        raise UserError(misread.explained(f"{error}", raw, SOURCES)) from error
    if replaced_options:
        print(*replaced_options, sep="\n", file=sys.stderr)
    return checked
