"""Weights for a smaller picture without gradients: one least-squares problem a layer.

A fully convolutional network runs at a smaller input with its own weights, but sees everything
smaller than what it learned. So each layer is refitted, in execution order: its inputs are what
the layers before it, already fitted, give for the small picture; its target is what the teacher's
same layer gives for the large one, read at the same places of the picture. Both are linear before
the activation, so the best change of the weights is a ridge regression; where the activation hides
an error (both below 0, or both above 6) the error doesn't count, which a few repetitions settle.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from . import network
from .network import Network, activate

if TYPE_CHECKING:
    from collections.abc import Callable

    from build_models.graph import Graph, Op

BATCH = 50


@dataclass(frozen=True)
class Effort:
    """How much work is done.

    Attributes:
        rows: examples of places that a layer is fitted on.
        ridge: pull towards the weights as they are, in mean squares of the inputs.
        doubt: more of it, for each weight of an output and crop that it is fitted on.
        rounds: repetitions for what the activation hides.
    """

    rows: int = 40_000
    ridge: float = 2e-3
    doubt: float = 0.1
    rounds: int = 3


def fit(
    teacher: Graph,
    student: Graph,
    pictures: tuple[torch.Tensor, torch.Tensor],
    effort: Effort,
    tell: Callable[[str], None],
) -> Graph:
    """The student's graph with weights fitted layer by layer.

    Args:
        teacher: the float parent.
        student: the same operators for a smaller input.
        pictures: (N, 3, T, T) and (N, 3, S, S), uint8: the same hands at both sizes.
        effort: how much work is done.
        tell: gets a line for each layer: its error of the target's power, before and after.
    """
    high, low = Network(teacher), Network(student)
    size = pictures[1].shape[2]
    generator = torch.Generator().manual_seed(0)
    seen_high = {teacher.inputs[0]: pictures[0]}
    seen_low = {student.inputs[0]: pictures[1]}
    last = {name: i for i, op in enumerate(student.ops) for name in op.inputs}
    with torch.no_grad():
        for i, (above, op) in enumerate(zip(teacher.ops, student.ops, strict=True)):
            target = _linear(high, above, seen_high)
            if op.kind in {"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"}:
                shape = student.tensors[op.outputs[0]].shape
                wanted = _resampled(target, shape, size)
                other = _beside(student, op)
                if other in seen_low:
                    # What stands beside it in the sum is off too: make up for that.
                    skipped = _resampled(seen_high[other], shape, size)
                    wanted = wanted + skipped - seen_low[other]
                task = _Task(op, wanted, effort)
                before, after = _refit(low, seen_low[op.inputs[0]], task, generator)
                tell(f"{i:3d} {op.kind:18s} {before:.4f} -> {after:.4f}")
            seen_high[above.outputs[0]] = _stored(activate(above, target))
            seen_low[op.outputs[0]] = _stored(activate(op, _linear(low, op, seen_low)))
            for name in op.inputs:
                if last.get(name) == i:
                    seen_high.pop(name, None)
                    seen_low.pop(name, None)
    return low.to_graph()


def _beside(graph: Graph, op: Op) -> str:
    """The other summand, where an operator's output goes into a sum and nowhere else."""
    readers = graph.consumers(op.outputs[0])
    if len(readers) != 1 or readers[0].kind != "ADD":
        return ""
    return next(name for name in readers[0].inputs if name != op.outputs[0])


def _stored(value: torch.Tensor) -> torch.Tensor:
    return value.half() if value.dim() == 4 else value


def _linear(net: Network, op: Op, seen: dict[str, torch.Tensor]) -> torch.Tensor:
    """An operator's result before its activation, for all pictures, in parts."""
    names = [name for name in op.inputs if name in seen]
    parts = []
    for start in range(0, len(seen[names[0]]), BATCH):
        part = {name: _real(seen[name][start : start + BATCH]) for name in names}
        result = net.linear(op, part)
        parts.append(result.half() if result.dim() == 4 else result)
    return torch.cat(parts)


def _real(value: torch.Tensor) -> torch.Tensor:
    return value.float() / 255 if value.dtype == torch.uint8 else value.float()


def _resampled(target: torch.Tensor, shape: tuple[int, ...], size: int) -> torch.Tensor:
    """A teacher's tensor read at the places of the student's; 2-D ones are taken as they are.

    A crop's pixel i shows the share i / side of the ROI (``crop_to_frame``), and the place i of a
    level with stride s lies at pixel s i + s - 1 (TFLite's SAME pads an even size behind).
    """
    if target.dim() != 4 or target.shape[2:] == torch.Size(shape[1:3]):
        return target
    sides = target.shape[2], shape[1]
    behind = 1 - sides[1] / size
    at = (torch.arange(sides[1]) + behind) * (sides[0] / sides[1]) - behind
    at = at.clamp(0, sides[0] - 1)
    grid = at / (sides[0] - 1) * 2 - 1
    points = torch.stack(torch.meshgrid(grid, grid, indexing="xy"), -1)[None]
    parts = [
        F.grid_sample(
            target[start : start + BATCH].float(),
            points.expand(min(BATCH, len(target) - start), -1, -1, -1),
            align_corners=True,
        ).half()
        for start in range(0, len(target), BATCH)
    ]
    return torch.cat(parts)


@dataclass(frozen=True)
class _Task:
    """An operator, what it should give before its activation, and how hard to try."""

    op: Op
    wanted: torch.Tensor
    effort: Effort

    def hidden(self, targets: torch.Tensor, given: torch.Tensor) -> torch.Tensor | None:
        """Where an error does no harm."""
        kind = self.op.options.get("fusedActivationFunction", 0)
        if kind not in {1, 3}:
            return None
        low = (targets <= 0) & (given <= 0)
        return low | (targets >= 6) & (given >= 6) if kind == 3 else low


def _refit(
    net: Network,
    inputs: torch.Tensor,
    task: _Task,
    generator: torch.Generator,
) -> tuple[float, float]:
    """Change an operator's weights and bias; its relative squared error before and after."""
    op, effort = task.op, task.effort
    weights, bias = net.value(op.inputs[1]), net.value(op.inputs[2])
    rows, targets = _examples(task, inputs, weights, generator)
    # (channels, rows, taps + 1): one group for all outputs, or one for each depthwise channel.
    flat = weights.reshape(len(rows), -1, rows.shape[2] - 1)
    known = torch.cat([flat, bias.reshape(len(rows), -1, 1)], 2)
    power = rows.pow(2).mean(1)
    # Places of one crop say much the same: 16 of them count, at the most.
    told = min(rows.shape[1], 16 * len(inputs))
    ridge = effort.ridge + effort.doubt * rows.shape[2] / told
    pull = torch.diag_embed(ridge * power + 1e-9) * rows.shape[1]
    gram = rows.transpose(1, 2) @ rows + pull
    solution = known.clone()
    first = 0.0
    for number in range(effort.rounds + 1):
        given = rows @ solution.transpose(1, 2)
        error = targets - given
        hidden = task.hidden(targets, given)
        if hidden is not None:
            error = error.masked_fill(hidden, 0)
        shown = activate(op, targets)
        relative = float(error.pow(2).sum() / (shown - shown.mean(1, keepdim=True)).pow(2).sum())
        first = relative if number == 0 else first
        if number == effort.rounds:
            break
        # The ridge holds the sum of all changes, not each of them alone.
        right = rows.transpose(1, 2) @ error - pull @ (solution - known).transpose(1, 2)
        solution = solution + torch.linalg.solve(gram, right).transpose(1, 2)
    weights.copy_(solution[:, :, :-1].reshape(weights.shape))
    bias.copy_(solution[:, :, -1].reshape(bias.shape))
    return first, relative


def _examples(
    task: _Task,
    inputs: torch.Tensor,
    weights: torch.Tensor,
    generator: torch.Generator,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Inputs with a 1 behind them, (G, rows, taps + 1), and targets, (G, rows, outputs)."""
    op, wanted = task.op, task.wanted
    if op.kind == "FULLY_CONNECTED":
        one = torch.cat([inputs.flatten(1).float(), torch.ones(len(inputs), 1)], 1)
        return one[None], wanted.flatten(1).float()[None]
    side, count = wanted.shape[2], wanted.shape[0]
    each = max(1, min(side * side, task.effort.rows // count))
    kernel = (weights.shape[2], weights.shape[3])
    chances = torch.ones(min(BATCH, count), side * side)
    rows, targets = [], []
    for start in range(0, count, BATCH):
        value = _real(inputs[start : start + BATCH])
        places = torch.multinomial(chances[: len(value)], each, generator=generator)
        which = torch.arange(len(value))[:, None]
        if kernel == (1, 1):
            taken = value[which, :, places // side, places % side].unsqueeze(3)
        else:
            stride = (op.options["strideH"], op.options["strideW"])
            pads = network.padding(op, value.shape[2], value.shape[3], kernel)
            windows = F.pad(value, pads).unfold(2, kernel[0], stride[0])
            windows = windows.unfold(3, kernel[1], stride[1])
            taken = windows[which, :, places // side, places % side].flatten(3)
        rows.append(taken)  # (n, places, channels, taps)
        goal = wanted[start : start + BATCH].float()
        targets.append(goal[which, :, places // side, places % side])
    x, y = torch.cat(rows).flatten(0, 1), torch.cat(targets).flatten(0, 1)
    if op.kind == "DEPTHWISE_CONV_2D":
        x, y = x.transpose(0, 1), y.t()[:, :, None]
    else:
        x, y = x.flatten(1)[None], y[None]
    return torch.cat([x, torch.ones(*x.shape[:2], 1)], 2), y
