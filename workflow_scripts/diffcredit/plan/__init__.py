"""The plan of a run: every result with its settings, its inputs, and its identity.

`Plan`, `Attributions` and `Evaluations` have a method for each kind of result. They identify
results by names and numbers; only the rules know paths.
"""

from diffcredit.plan.code_of_stages import VERSIONS, Code
from diffcredit.plan.made import Made
from diffcredit.plan.plan import Plan
from diffcredit.plan.submission import Submission
from diffcredit.plan.user_files import UserFiles

__all__ = ["VERSIONS", "Code", "Made", "Plan", "Submission", "UserFiles"]
