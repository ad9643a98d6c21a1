"""Every random draw comes from a seed with a name."""

import hashlib


def derive(seed: int, *role: str | int) -> int:
    """A 63-bit seed for one role, independent of every other role's.

    ``derive(0, "train", "sft", 7)`` depends on these values alone, so that more coalitions, other
    shard sizes or an interruption never change a draw that exists already.
    """
    text = "/".join(str(part) for part in (seed, *role))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1
