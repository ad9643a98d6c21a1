"""One step of ours against the published one, made from its formulas, slowly, and with sums."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from trainings import FAMILY, Plan, drawing, predict, solve, train, untrained

from diffcredit.config import Ema, Training
from diffcredit.errors import UserError
from diffcredit.models.checkpoints import Trained
from diffcredit.models.families.pixel import Pixel
from diffcredit.registry import OBJECTIVES, SCHEDULES, build
from diffcredit.training import ema
from diffcredit.training.batches import Batch
from diffcredit.training.loop import make_accelerator
from diffcredit.training.objectives.influence import Influence, one_vector
from diffcredit.training.recipe import Checkpoint

TIMESTEPS, RATE, VALUES = 50, 1e-3, 64
#: The published settings: of losses that are sums over the 64 values of an image.
CLIP, EPSILON, BETAS, DECAY, ETA = 1.0, 1e-8, (0.95, 0.999), 0.01, 1e-3
#: The same for ours, which are means.
SETTINGS = Training(
    batch_size=8,
    warmup_steps=0,
    schedule="constant",  # type: ignore[arg-type]
    antithetic=False,
    optimizer={  # type: ignore[arg-type]
        "name": "adamw",
        "betas": list(BETAS),
        "epsilon": EPSILON / VALUES,
        "weight_decay": DECAY,
    },
    gradient_clip=CLIP / VALUES,
    ema=Ema(max_decay=0.0),
)
Losses = Callable[[torch.nn.Module, Batch, Batch, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]


def summed(error: torch.Tensor) -> torch.Tensor:
    """Sums over the values of an image, the mean over images."""
    return (error**2).sum() / len(error)


def two_pass(
    network: torch.nn.Module, x: Batch, a: Batch, uniform: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Both images noised by the noise of x, at its timesteps."""
    noised = x.alpha * a.clean + x.sigma * x.noise
    return (
        summed(predict(network, x.noised, x.timesteps) - x.noise),
        summed(predict(network, noised, x.timesteps) - x.noise),
    )


def erase_diff(
    network: torch.nn.Module, x: Batch, a: Batch, uniform: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    noised = x.alpha * a.clean + x.sigma * x.noise
    return (
        summed(predict(network, x.noised, x.timesteps) - x.noise),
        summed(predict(network, noised, x.timesteps) - uniform),
    )


def siss(
    network: torch.nn.Module, x: Batch, a: Batch, uniform: torch.Tensor, mixture: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Image after image, in float64."""
    predictions, wanted = [], []
    for i in range(len(uniform)):
        alpha, sigma = (value[i].double() for value in (x.alpha, x.sigma))
        clean_x, clean_a = x.clean[i].double(), a.clean[i].double()
        chosen = clean_a if uniform[i] < mixture else clean_x
        m = alpha * chosen + sigma * x.noise[i].double()
        far_x, far_a = (((m - alpha * c) ** 2).sum() for c in (clean_x, clean_a))
        ratio = ((far_x - far_a) / (2 * sigma**2)).item()  # log q(m|a) - log q(m|x)
        below = (1 - mixture) + mixture * math.exp(min(ratio, 700))
        above = (1 - mixture) * math.exp(min(-ratio, 700)) + mixture
        wanted.append(
            (1 / below, 1 / above, (m - alpha * clean_x) / sigma, (m - alpha * clean_a) / sigma)
        )
        predictions.append(predict(network, m[None].float(), x.timesteps[i : i + 1])[0])
    both = [torch.zeros(()), torch.zeros(())]
    for predicted, (w_x, w_a, e_x, e_a) in zip(predictions, wanted, strict=True):
        both[0] = both[0] + w_x * ((predicted - e_x.float()) ** 2).sum() / len(wanted)
        both[1] = both[1] + w_a * ((predicted - e_a.float()) ** 2).sum() / len(wanted)
    return both[0], both[1]


def published_step(
    network: torch.nn.Module, found: tuple[torch.Tensor, torch.Tensor], factor: Any
) -> list[torch.Tensor]:
    """The weights after G_x + factor G_a, clipped at norm 1, and one step of AdamW."""
    parameters = list(network.parameters())
    g_x = torch.autograd.grad(found[0], parameters, retain_graph=True)
    g_a = torch.autograd.grad(found[1], parameters)
    counts = factor(g_x, g_a)
    step = [x + counts * a for x, a in zip(g_x, g_a, strict=True)]
    norm = math.sqrt(sum((g**2).sum().item() for g in step))
    assert norm > CLIP  # else the clip is not tried
    after = []
    for weight, gradient in zip(parameters, step, strict=True):
        g = gradient * CLIP / norm
        first, second = (1 - BETAS[0]) * g, (1 - BETAS[1]) * g**2
        direction = (first / (1 - BETAS[0])) / ((second / (1 - BETAS[1])).sqrt() + EPSILON)
        after.append((weight - RATE * DECAY * weight - RATE * direction).detach())
    return after


def dot(first: Any, second: Any) -> float:
    return sum((a * b).sum().item() for a, b in zip(first, second, strict=True))


def subtracted(norm: float) -> Any:
    return lambda g_x, g_a: -norm / math.sqrt(dot(g_a, g_a))


def erased(g_x: Any, g_a: Any) -> float:
    return max(0.0, ETA - dot(g_x, g_a) / dot(g_a, g_a))


@pytest.mark.parametrize(
    ("objective", "losses", "factor", "shape"),
    [
        ({"name": "siss_two_pass", "scaling_norm": 5 / VALUES}, two_pass, subtracted(5), ()),
        ({"name": "siss_two_pass", "scaling_norm": 0.5 / VALUES}, two_pass, subtracted(0.5), ()),
        ({"name": "erase_diff", "eta": ETA}, erase_diff, erased, (1, 8, 8)),
        *[
            (
                {"name": "siss", "mixture": mixture, "scaling_norm": 5 / VALUES},
                lambda *given, mixture=mixture: siss(*given, mixture),
                subtracted(5),
                (),
            )
            for mixture in (0.0, 0.3, 0.5)
        ],
    ],
)
@pytest.mark.parametrize("flip", [False, True])
def test_step_is_the_published_one(
    start: Trained,
    images: torch.Tensor,
    objective: dict[str, Any],
    losses: Losses,
    factor: Any,
    shape: tuple[int, ...],
    flip: bool,
) -> None:
    settings = SETTINGS.model_copy(update={"random_flip": flip})
    accelerator = make_accelerator(settings, "cpu")
    kept, gone = images[:12], images[12:]
    draw = drawing(kept, gone, 3, settings, accelerator)
    ((x, a),) = draw.parts(0)
    network = start.copy().network
    found = losses(network, x, a, draw.uniform(0, 0, *shape))
    expected = published_step(network, found, factor)
    plan = Plan("step", objective, 1, RATE, seed=3)
    given = build(OBJECTIVES, objective)
    after = train(start, given, kept, gone, plan, settings, accelerator).trained.network
    before = list(start.network.parameters())
    moved = torch.cat([(w - b).flatten() for w, b in zip(after.parameters(), before, strict=True)])
    wanted = torch.cat([(w - b).flatten() for w, b in zip(expected, before, strict=True)])
    # Adam's first step is a sign, so that entries around 0 follow rounding.
    assert ((moved - wanted).abs() > 1e-5).float().mean() < 0.01
    assert torch.nn.functional.cosine_similarity(moved, wanted, dim=0) > 0.999


def test_batches_noised_alike_share_noise_and_timesteps(images: torch.Tensor) -> None:
    accelerator = make_accelerator(SETTINGS, "cpu")
    draw = drawing(images[:10], images[10:], 3, SETTINGS, accelerator)
    ((x, a),) = draw.parts(4)
    found = a.noised_like(x)
    expected = FAMILY.schedule.add_noise(a.clean, x.noise, x.timesteps)
    assert torch.equal(found.timesteps, x.timesteps)
    assert torch.equal(found.noise, x.noise)
    torch.testing.assert_close(found.noised, expected)
    assert not torch.equal(a.timesteps, x.timesteps)


@pytest.mark.parametrize("seed", range(5))
def test_flips_are_of_the_image_the_seed_and_the_step_alone(
    images: torch.Tensor, seed: int
) -> None:
    """Whatever the number of parts, in both roles, and nothing else changes."""

    def drawn(role: str, step: int, parts: int = 1, flip: bool = True) -> tuple[Any, Any]:
        settings = Training(batch_size=8, random_flip=flip, gradient_accumulation=parts)
        accelerator = make_accelerator(settings, "cpu")
        draw = drawing(images[:10], images[10:], seed, settings, accelerator)
        found = draw.of(role, step)
        return torch.cat([p.clean for p in found]), torch.cat([p.noise for p in found])

    for role in ("retained", "removed"):
        flipped, noise = drawn(role, 2)
        plain, same_noise = drawn(role, 2, flip=False)
        assert torch.equal(noise, same_noise)
        turned = [torch.equal(f, p.flip(-1)) for f, p in zip(flipped, plain, strict=True)]
        stayed = [torch.equal(f, p) for f, p in zip(flipped, plain, strict=True)]
        assert all(t != s for t, s in zip(turned, stayed, strict=True))
        assert torch.equal(drawn(role, 2, parts=2)[0], flipped)
        assert torch.equal(drawn(role, 2)[0], flipped)


def test_half_of_the_images_are_flipped(images: torch.Tensor) -> None:
    settings = Training(batch_size=8, random_flip=True)
    accelerator = make_accelerator(settings, "cpu")
    both = [
        drawing(images, None, 0, s, accelerator)
        for s in (settings, settings.model_copy(update={"random_flip": False}))
    ]
    turned = 0
    for step in range(50):
        (one,), (other,) = (draw.of("retained", step) for draw in both)
        turned += sum(not torch.equal(f, p) for f, p in zip(one.clean, other.clean, strict=True))
    assert 160 < turned < 240  # 4 standard deviations of 400 coins


def test_timesteps_are_independent_where_asked(images: torch.Tensor) -> None:
    accelerator = make_accelerator(SETTINGS, "cpu")
    found = []
    for antithetic in (True, False):
        settings = SETTINGS.model_copy(update={"antithetic": antithetic})
        draw = drawing(images, None, 0, settings, accelerator)
        times = torch.stack([draw.of("retained", step)[0].timesteps for step in range(60)])
        found.append((times[:, :4] + times[:, 4:] == TIMESTEPS - 1).float().mean().item())
        assert set(times.flatten().tolist()) == set(range(TIMESTEPS))
    assert found[0] == 1
    assert found[1] < 0.1


@pytest.mark.parametrize(
    ("schedule", "warmup", "expected"),
    [
        ("constant", 0, [1, 1, 1, 1, 1]),
        ("constant", 2, [0.5, 1, 1, 1, 1]),
        ("constant", 4, [0.25, 0.5, 0.75, 1, 1]),
        ("cosine", 0, [1, 0.9045, 0.6545, 0.3455, 0.0955]),
        ("cosine", 1, [1, 1, 0.8536, 0.5, 0.1464]),
        ("linear", 0, [1, 0.8, 0.6, 0.4, 0.2]),
        ("linear", 1, [1, 1, 0.75, 0.5, 0.25]),
    ],
)
def test_learning_rates(schedule: Any, warmup: int, expected: list[float]) -> None:
    factors = SCHEDULES[schedule]()
    found = [factors.learning_rate(step, 5, 2.0, warmup) / 2 for step in range(5)]
    assert found == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("before", "steps", "share"),
    [(0, 1, 0.0), (0, 3, 0.0), (1, 1, 1), (100, 40, 1), (10_000, 40, 1)],
)
def test_continued_average_keeps_so_much_of_the_start(
    before: int, steps: int, share: float
) -> None:
    """After 40 steps from 10,000, as in the crediting paper, 96%."""
    average = [torch.ones(3)]
    for step in range(steps):
        ema.update(average, [torch.zeros(3)], before + step, Ema())
    expected = share * math.prod(1 - (1 + before + step) ** -0.75 for step in range(steps))
    torch.testing.assert_close(average[0], torch.full((3,), expected))
    if before == 10_000:
        assert expected == pytest.approx(0.96, abs=0.005)


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["denoise", "gradient_ascent", "siss", "erase_diff"])
def test_average_goes_on_from_that_of_the_start(
    start: Trained, images: torch.Tensor, objective: str
) -> None:
    """Its weights, its number of steps; and the next one goes on from there."""
    settings = SETTINGS.model_copy(update={"ema": Ema(continued=True)})
    accelerator = make_accelerator(settings, "cpu")
    options = {"erase_diff": {"eta": 0.1}, "siss": {"scaling_norm": 0.1}}.get(objective, {})
    given = build(OBJECTIVES, {"name": objective, **options})
    plan = Plan("on", {"name": objective}, 3, RATE, seed=3)
    removed = images[12:] if given.uses_removed else None

    def weights(start: Trained, settings: Training) -> tuple[torch.Tensor, Any]:
        found = train(start, given, images[:12], removed, plan, settings, accelerator).trained
        return torch.cat([p.flatten() for p in found.network.parameters()]), found.averaged

    old = Trained(start.network, start.family, start.structure, averaged=2000)
    raw = []  # the weights that are trained, whatever the average
    for steps in (1, 2, 3):
        shorter = Plan("on", {"name": objective}, steps, RATE, seed=3)
        single = train(old, given, images[:12], removed, shorter, SETTINGS, accelerator).trained
        raw.append(torch.cat([p.flatten() for p in single.network.parameters()]))
    expected = torch.cat([p.flatten() for p in start.network.parameters()])
    for step, current in enumerate(raw):
        decay = 1 - (1 + 2000 + step) ** -0.75
        expected = decay * expected + (1 - decay) * current
    found, averaged = weights(old, settings)
    torch.testing.assert_close(found, expected, rtol=1e-5, atol=1e-7)
    assert averaged == 2003
    anew = settings.model_copy(update={"ema": Ema()})
    assert weights(old, anew)[1] == 3
    unknown = Trained(start.network, start.family, start.structure, averaged=None)
    with pytest.raises(UserError, match=r"on: training\.ema\.continued = true"):
        weights(unknown, settings)
    assert torch.equal(weights(unknown, anew)[0], weights(old, anew)[0])


def test_interrupted_training_ends_with_the_same_bits(
    start: Trained, images: torch.Tensor, helpers: Any, tmp_path: Any
) -> None:
    """With flips, AdamW and an average that goes on."""
    settings = SETTINGS.model_copy(update={"random_flip": True, "ema": Ema(continued=True)})
    accelerator = make_accelerator(settings, "cpu")
    old = Trained(start.network, start.family, start.structure, averaged=10)
    plan = Plan("on", {"name": "denoise"}, 5, RATE, seed=3)

    def run(checkpoint: Any, fail_at: int | None = None) -> Trained:
        watching = helpers.Watching(fail_at)
        given = (old, watching, images, None, plan, settings, accelerator, checkpoint)
        return train(*given).trained

    whole = run(None)
    place = Checkpoint(tmp_path / "checkpoint.safetensors", 1)
    with pytest.raises(KeyboardInterrupt):
        run(place, fail_at=3)
    resumed = run(place)
    first, second = whole.network.state_dict(), resumed.network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert resumed.averaged == whole.averaged == 15


@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_published_inverse_is_its_recursion(count: int) -> None:
    """Number by number."""
    generator = torch.Generator().manual_seed(count)
    rows = torch.randn(count, 7, generator=generator, dtype=torch.float64)
    vector = torch.randn(7, generator=generator, dtype=torch.float64)
    k, o, n = vector.tolist(), rows[0].tolist(), 20
    for g in rows[1:].tolist():
        a = sum(x * y for x, y in zip(o, g, strict=True))
        b = sum(x * y for x, y in zip(k, g, strict=True))
        k = [x - b / (n + a) * y for x, y in zip(k, o, strict=True)]
        o = [y - a / (n + a) * y for y in o]
    torch.testing.assert_close(one_vector(rows, vector, n), torch.tensor(k, dtype=torch.float64))
    removed = torch.randn(count, 7, generator=generator, dtype=torch.float64)
    change = Influence(ratio=0.5, batches="all", damping=1.0, inverse="published").change(
        rows, removed, 20, 5
    )
    wanted = removed.mean(0) * 5 / 25 - rows.mean(0) * 5 / 25
    torch.testing.assert_close(change, 0.5 * one_vector(rows, wanted, 20))


def test_all_batches_are_a_pass_over_the_images(start: Trained, images: torch.Tensor) -> None:
    from diffcredit.training.closed_form import BatchGradients

    settings = Training(batch_size=4)
    accelerator = make_accelerator(settings, "cpu")
    draw = drawing(images[:13], images[13:], 3, settings, accelerator)
    kept, gone = (
        BatchGradients(start.network, draw, role, "all") for role in ("retained", "removed")
    )
    assert (len(kept), len(gone)) == (4, 2)
    plan = Plan("influence", {"name": "influence"}, 1, 0.0, seed=3)
    objective = Influence(ratio=0.5, batches="all", damping=1.0, inverse="published")
    found = solve(start, objective, images[:13], images[13:], plan, settings, accelerator)
    rows, others = torch.stack(list(kept)), torch.stack(list(gone))
    expected = objective.change(rows, others, 13, 7)
    moved = torch.cat([p.flatten() for p in found.trained.network.parameters()])
    before = torch.cat([p.flatten() for p in start.network.parameters()])
    torch.testing.assert_close((moved - before).detach(), expected, rtol=1e-3, atol=1e-6)


def test_dropout_of_the_model_drops_while_it_is_trained(images: torch.Tensor) -> None:
    model = Pixel.Options(
        family="pixel",
        channels=[8, 16],
        norm_groups=4,
        head_dim=8,
        timesteps=TIMESTEPS,
        dropout=0.5,
    )
    network = untrained(model).network
    noised, times = torch.randn(2, 1, 8, 8), torch.tensor([1, 2])
    with torch.no_grad():
        first, second = (predict(network.train(), noised, times) for _ in range(2))
        third, fourth = (predict(network.eval(), noised, times) for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(third, fourth)
