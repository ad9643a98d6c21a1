"""What a configuration makes: each thing with its settings, what it is made of, and its identity.

`Plan` has a method for each kind of thing, named as the rule that makes it. Paths are Snakemake's:
here a thing is known by names and numbers.
"""

from diffcredit.plan.code_of_stages import VERSIONS, Code
from diffcredit.plan.made import Made
from diffcredit.plan.plan import Plan
from diffcredit.plan.submission import Submission
from diffcredit.plan.user_files import UserFiles

__all__ = ["VERSIONS", "Code", "Made", "Plan", "Submission", "UserFiles"]
