"""What each figure of `plots` draws, for those who read it and those who do not see it."""

from __future__ import annotations

_CUT = "The axes may be cut: they need not begin at 0."

_SAID = {
    "accuracy": (
        "Average accuracy over tasks",
        f"""Accuracy on the tasks seen so far against the number of tasks trained, a line a
        strategy: mean over seeds, the band or bar one standard deviation. Where each strategy has
        a panel of its own, the others are light grey. A dashed level is the final accuracy of a
        strategy that trains on all tasks at once. {_CUT} A final accuracy below them is written
        beside an arrow.""",
    ),
    "matrices": (
        "Accuracy matrices",
        """Accuracy of every strategy on each task (across) after training on each task (down),
        mean over seeds, all on one colour scale, which need not begin at 0. Empty where nothing
        was measured.""",
    ),
    "bars": (
        "Accuracy of each task",
        f"""Accuracy of every strategy on each task just after learning it (dash) and after the
        last task (dot), mean over seeds. The grey bar between the two was forgotten, or gained
        where the dot is the upper end. The line through a dot is one standard deviation over
        seeds. {_CUT} A triangle at the lower edge is a task that ended below it, at the value
        given.""",
    ),
    "layers": (
        "Ranks and interference",
        """Of the strategies that recorded any, the largest rank that the update of each layer can
        have, and below it the measured interference with earlier inputs, task by task, a line a
        layer or one for all that are alike: mean over seeds, the band, drawn of few layers, one
        standard deviation. A dotted line is the bound on the interference. Where values spread far
        the axis is logarithmic, with 0 at its foot.""",
    ),
    "plane": (
        "Stability and plasticity",
        f"""Learning accuracy (plasticity) of every strategy against its BWT (stability), mean over
        seeds; the cross through a mark is one standard deviation each way. Along a dotted line ACC
        is the same; it grows to the upper right. Hollow grey marks are upper bounds; of many
        strategies those alone are named that none dominates. {_CUT} A mark at their edge lies
        beyond it, at the value beside its arrow.""",
    ),
    "pareto": (
        "ACC against cost",
        f"""ACC of every strategy against its training time per task and the bytes it keeps, all of
        them means over seeds; the line through a mark is one standard deviation of ACC. The
        stepped line joins the filled marks, which no other beats in both; a dashed level is an
        upper bound without a cost a task. {_CUT} A mark at the lower edge lies below it, at the
        ACC beside its arrow.""",
    ),
    "ablation": (
        "Ablation",
        f"""ACC and BWT against a setting that was varied, a line a strategy and combination of its
        other settings: mean over seeds, the band one standard deviation. Grey levels are
        strategies without the setting, or with one value of it. {_CUT}""",
    ),
}


def said_of(name: str, page: int = 1) -> tuple[str, str]:
    """Title and caption of a page of a figure by its name: ``matrices``, ``ablation-eps``.

    A figure that is not known is called by its name.
    """
    kind, _, key = name.partition("-")
    title, said = _SAID.get(kind, (kind.capitalize(), kind.capitalize()))
    over = f" over {key}" if key else ""
    return f"{title}{over}{f', page {page}' if page > 1 else ''}", " ".join(said.split())
