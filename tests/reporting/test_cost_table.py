"""The table of costs, and whether its seconds can be compared."""

from __future__ import annotations

from pathlib import Path

from reporting_records import JOINT, MakeRecord, task

from benchmarks.reporting.conditions import unequal, unequal_notes
from benchmarks.reporting.tables import write_tables


def rows_of(text: str) -> dict[str, list[str]]:
    cells = [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines()]
    return {row[0]: row[1:] for row in reversed(cells) if row}


def test_costs_of_every_method(make: MakeRecord, tmp_path: Path) -> None:
    make("joint", matrix=JOINT, tasks=[task(train_s=9)])
    for seed in (0, 1):
        tasks = [task(train_s=s, state_bytes=b) for s, b in ((9, 4096), (2 + seed, 7), (1, 1024))]
        make("ness", seed, tasks=tasks)
    make("gpm", tasks=[task(cpu_s=None)] * 3)
    write_tables(tmp_path)
    text = (tmp_path / "tables" / "split_digits-til-cost.md").read_text()
    rows = rows_of(text)
    assert rows["Strategy"][1:] == [
        "Seconds per task",
        "Consolidation seconds per task",
        "CPU seconds per task",
        "Final state",
        "Trainable parameters",
        "Peak memory",
    ]
    assert rows["ness"] == [
        "2",
        "3.00 ± 0.71",
        "0.50 ± 0.00",
        "2.50 ± 0.00",
        "1.0 KiB",
        "1,000",
        "95.4 MiB",
    ]
    assert rows["gpm"][3] == "—<sup>b</sup>"
    assert rows["joint"][:4] == ["1", *["—<sup>a</sup>"] * 3]
    assert (
        "- a: undefined (trained once, on all tasks together: there is no cost per task)." in text
    )
    assert "- b: undefined (the record is older than the measurement)." in text
    assert "- CPU seconds per task: of all threads, evaluation included." in text
    main = (tmp_path / "tables" / "split_digits-til.md").read_text()
    assert "cost per task" not in main, "footnotes belong under the table whose cells they explain"
    tex = (tmp_path / "tables" / "split_digits-til-cost.tex").read_text()
    assert r"\label{tab:split_digits-til-cost}" in tex
    assert r"\shortstack[r]{Trainable\\parameters}" in tex


def test_equal_conditions_say_nothing(make: MakeRecord) -> None:
    environment = {"host": "a", "threads": 1, "gpu": None}
    runs = {name: [make(name, environment=environment)] for name in ("gpm", "ness")}
    assert unequal(runs) == {}
    assert unequal_notes(runs) == []


def test_unequal_conditions_name_who_ran_where(make: MakeRecord, tmp_path: Path) -> None:
    here = {"host": "a", "threads": 1, "gpu": None}
    runs = {
        "gpm": [make("gpm", environment=here)],
        "lora": [make("lora", environment=here | {"threads": 2})],
        "naive": [make("naive", environment={"threads": 1, "gpu": None})],
        "ness": [make("ness", environment=here | {"moves": [{"task": 2, "host": "b"}]})],
        "sgp": [make("sgp", environment=here | {"gpu": "H100"})],
    }
    assert unequal(runs) == {
        "host": "unknown (naive); a, b (ness); a (all others)",
        "gpu": "H100 (sgp); none (all others)",
        "threads": "2 (lora); 1 (all others)",
    }
    write_tables(tmp_path)
    text = (tmp_path / "tables" / "split_digits-til-cost.md").read_text()
    assert "  - threads = 2 (lora); 1 (all others)\n" in text


def test_an_environment_that_says_nonsense_is_no_obstacle(make: MakeRecord) -> None:
    nonsense = [{"moves": 3}, {"moves": [1, {"host": ["a"]}]}, {"host": 7, "moves": None}]
    runs = {f"m{i}": [make(environment=said)] for i, said in enumerate(nonsense)}
    assert unequal(runs) == {"host": "unknown (m0); unknown, ['a'] (m1); 7 (m2)"}
