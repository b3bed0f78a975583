"""What the net sees of a sample: the same alone, in any batch, and through any loader."""

from __future__ import annotations

import pytest
import torch
from test_task_statistics import make_net
from torch import Tensor

from benchmarks.loading import TensorBatches
from benchmarks.streams.avalanche_stream import NormalisedDataset
from benchmarks.streams.normalisation import MemberNormalisation, Normalisation
from benchmarks.streams.split import Split
from benchmarks.streams.stream import Stream, Task
from benchmarks.task_statistics import estimate

MEMBERS = (
    Normalisation(mean=(0.1, 0.2, 0.3), std=(0.4, 0.5, 0.6)),
    Normalisation(mean=(0.7,) * 3, std=(0.3,) * 3),
)
CPU = torch.device("cpu")


def split(source: int, n: int = 12) -> Split:
    generator = torch.Generator().manual_seed(source)
    x = torch.randint(256, (n, 3, 8, 8), dtype=torch.uint8, generator=generator)
    y = torch.arange(n) % 2
    return Split(x, y, torch.zeros_like(y), torch.full_like(y, source))


@pytest.fixture
def stream() -> Stream:
    """Two tasks from two members under one head: no label says which is which."""
    tasks = tuple(
        Task((2 * m, 2 * m + 1), split(m), split(m, 6), split(m, 4)) for m in range(len(MEMBERS))
    )
    return Stream("toy/dil", tasks, MemberNormalisation(MEMBERS), "0" * 64)


def alone(sample: Split) -> Tensor:
    """Every sample normalised with its own member's constants, one at a time."""
    assert sample.source is not None
    rows = zip(sample.x, sample.source.tolist(), strict=True)
    return torch.cat([MEMBERS[member](x[None]) for x, member in rows])


def by_content(x: Tensor) -> list[bytes]:
    return sorted(row.numpy().tobytes() for row in x)


def test_normalisation_is_per_channel() -> None:
    normalise = Normalisation(peak=10.0, mean=(0.5, 0.0), std=(0.5, 2.0))
    x = torch.full((1, 2, 1, 1), 10, dtype=torch.uint8)
    assert normalise(x).flatten().tolist() == [1.0, 0.5]
    assert normalise(x).dtype == torch.float32


def test_a_mixed_batch_equals_each_member_alone_bit_for_bit(stream: Stream) -> None:
    whole = stream.union("train")
    mixed = whole[torch.randperm(len(whole), generator=torch.Generator().manual_seed(0))]
    assert set(mixed.source[:8].tolist()) == {0, 1}
    assert torch.equal(stream.normalisation(mixed.x, mixed.source), alone(mixed))
    assert not torch.equal(MEMBERS[0](mixed.x), alone(mixed))


def test_undo_gives_the_pixels_back(stream: Stream) -> None:
    whole = stream.union("test")
    back = stream.normalisation.undo(stream.normalisation(whole.x, whole.source), whole.source)
    assert torch.equal((back * 255).round().to(torch.uint8), whole.x)
    plain = MEMBERS[0].undo(MEMBERS[0](whole.x))
    assert torch.equal((plain * 255).round().to(torch.uint8), whole.x)


@pytest.mark.parametrize("sees", ["task", "seen", "all"])
def test_our_batches_and_avalanches_items_know_the_member_of_each_sample(
    stream: Stream, sees: str
) -> None:
    for step in range(stream.steps(sees)):
        data = stream.data("train", step, sees)
        expected = by_content(alone(data))
        batches = TensorBatches(data, stream.normalisation, 5, seed=1, reshuffle=True, device=CPU)
        assert by_content(torch.cat([x for x, _, _ in batches])) == expected
        items = NormalisedDataset(data, stream.normalisation)
        assert by_content(torch.stack([items[i][0] for i in range(len(items))])) == expected
        experience = stream.benchmark(sees).train_stream[step]
        seen = torch.stack([experience.dataset[i][0] for i in range(len(data))])
        assert by_content(seen) == expected


def test_statistics_of_a_task_are_of_its_members_own_normalisation(stream: Stream) -> None:
    part, found = stream.tasks[1].train, []
    for data, normalisation in ((part, stream.normalisation), (Split(*parts(part)), MEMBERS[1])):
        net = make_net()
        estimate(net, 0, TensorBatches(data, normalisation, 4, seed=0, reshuffle=False, device=CPU))
        found.append(net.bn1.task_mean[0])
    assert torch.equal(*found)
    assert found[0].abs().max() > 0


def parts(part: Split) -> tuple[Tensor, Tensor, Tensor]:
    return part.x, part.y, part.task


def test_the_split_hash_knows_the_sources(stream: Stream) -> None:
    swapped = Stream(
        stream.name,
        tuple(
            Task(t.classes, *(Split(*parts(p), 1 - p.source) for p in (t.train, t.valid, t.test)))
            for t in stream.tasks
        ),
        stream.normalisation,
        stream.data_hash,
    )
    assert swapped.split_hash != stream.split_hash


def test_what_does_not_fit_together_is_refused(stream: Stream) -> None:
    with pytest.raises(ValueError, match="pass source"):
        stream.normalisation(stream.union("train").x)
    with pytest.raises(ValueError, match="differ in peak"):
        MemberNormalisation((Normalisation(peak=255.0), Normalisation(peak=1.0)))
    with pytest.raises(ValueError, match="number of channels"):
        MemberNormalisation((Normalisation(), MEMBERS[0]))
    sourceless = Split(*parts(split(0)))
    with pytest.raises(ValueError, match="others do not"):
        Split.union([split(0), sourceless])
    assert Split.union([sourceless, sourceless]).source is None


def test_constants_are_made_once_and_serve_with_gradients_and_without() -> None:
    normalisation = Normalisation(mean=(0.25, 0.5, 0.125), std=(0.5, 0.25, 2.0))
    images = torch.arange(12, dtype=torch.uint8).view(1, 3, 2, 2)
    with torch.inference_mode():
        first = normalisation(images)
    mean, std = normalisation.constants(images, None)
    assert mean is normalisation.constants(images[:, :, :1], None)[0]
    assert mean.shape == std.shape == (1, 3, 1, 1)
    assert normalisation.constants(images.flatten(2), None)[0].shape == (1, 3, 1)
    x = images.float().requires_grad_()
    normalisation(x).sum().backward()
    assert torch.equal(normalisation(images), first)
    assert torch.equal(x.grad, (torch.ones_like(x) / std) / 255)
