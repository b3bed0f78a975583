"""What each figure of `plots` draws, for those who read it and those who do not see it."""

from __future__ import annotations

import re

_SAID = {
    "accuracy": (
        "Average accuracy over tasks",
        """Accuracy on the tasks seen so far against the number of tasks trained, a line a strategy:
        mean over seeds, the band one standard deviation. A strategy that trains on all tasks at
        once has a horizontal line at its final accuracy.""",
    ),
    "matrices": (
        "Accuracy matrices",
        """Accuracy of every strategy on each task (across) after training on each task (down),
        mean over seeds, all on one colour scale. Empty where nothing was measured.""",
    ),
    "bars": (
        "Accuracy of each task",
        "Accuracy of every strategy on each task just after learning it and after the last task.",
    ),
    "layers": (
        "Ranks and interference",
        """Free input directions of each layer and the measured interference with earlier inputs,
        task by task, of the strategies that recorded any.""",
    ),
    "plane": (
        "Stability and plasticity",
        "Learning accuracy (plasticity) of every strategy against its BWT (stability).",
    ),
    "pareto": (
        "ACC against cost",
        """ACC of every strategy against its training time per task and the bytes it keeps, mean
        and standard deviation over seeds. The line joins those that no other beats in both.""",
    ),
    "ablation": (
        "Ablation",
        "ACC and BWT against a setting that was varied, all others the same.",
    ),
}


def said_of(name: str) -> tuple[str, str]:
    """Title and caption of a figure by its name: ``matrices``, ``matrices-2``, ``ablation-eps``.

    A figure that is not known is called by its name.
    """
    kind, _, rest = name.partition("-")
    title, said = _SAID.get(kind, (kind.capitalize(), kind.capitalize()))
    number = re.fullmatch(r"\d+", rest)
    what = f", page {rest}" if number else f" over {rest}" if rest else ""
    return title + what, " ".join(said.split())
