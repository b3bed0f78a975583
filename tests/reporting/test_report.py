"""The report as a file: what a parser finds in it; `test_report_browser` opens it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from pages import Page
from reporting_records import CUT_OFF, HAND, MakeRecord, shifted, square, task

from benchmarks.cli.app import main
from benchmarks.errors import BadInput
from benchmarks.reporting.html.report import write_report
from benchmarks.reporting.search import Search
from benchmarks.reporting.search_parts import Configuration, Method

HOSTILE = "</script><img src=x onerror=alert(1)>\x00\u202e\"'&"


@pytest.fixture
def comparison(comparison: Path, make: MakeRecord) -> Path:
    """With a failed run."""
    make("gpm", 0, CUT_OFF, status="failed", error="Traceback\nKeyError: 'a'", tasks=[])
    return comparison


def html(out: Path) -> str:
    (path,) = write_report(out).paths
    assert path == out / "report.html"
    return path.read_text(encoding="utf-8")


def test_the_headline_table_and_the_runs_behind_it(comparison: Path) -> None:
    page = Page(html(comparison))
    assert "78.00 ± 2.00" in page.text
    assert ("b", "78.00 ± 2.00") in page.texts
    assert ("u", "77.00 ± 2.00") in page.texts
    links = [a for a in page.all("a") if a.get("class") == "behind"]
    behind = [(a["data-label"], a["data-status"]) for a in links]
    assert behind[:4] == [
        ("joint", "finished"),
        ("naive", "finished"),
        ("gpm", "failed"),
        ("ness", "finished"),
    ]
    assert {a["href"] for a in links} == {"#runs"}
    rows = [a["id"] for a in page.all("tr") if a.get("id")]
    assert len(rows) == 10
    assert {f"run-{run}" for run in page.data["runs"]} == set(rows)


def test_what_a_reviewer_asks_for(comparison: Path) -> None:
    page = Page(html(comparison))
    for said in (
        f"python -m benchmarks report {comparison}",
        "9 finished",
        "1 failed",
        "split_digits/til (task-incremental, 3 tasks)",
        "95 % interval of the mean over runs (Student's t",
        "Paired tests of ness",
        "ACC: ness less each strategy, points",
        "ACC = 1/T sum_j R[T][j].",
        "[73.03, 82.97]",
        "±: sample standard deviation",
        "gpm failed (seed 0): KeyError: 'a'",
        "optimizer.momentum",
        "Learning accuracy",
    ):
        assert said in page.text
    images = list(page.all("img"))
    assert len(images) >= 3
    assert {(image["src"] or "").partition(";")[0] for image in images} == {"data:image/svg+xml"}
    assert all(len(image["alt"] or "") > 40 for image in images)


def test_a_run_has_its_matrix_costs_error_and_the_way_to_it(comparison: Path) -> None:
    data = Page(html(comparison)).data
    run = next(r for r in data["runs"].values() if (r["label"], r["seed"]) == ("ness", "1"))
    assert run["matrix"] == [HAND]
    assert run["costs"]["Training (s)"] == [2.0, 2.0, 2.0]
    assert run["spec"]["strategy"] == "ness"
    assert "protocol.epochs" not in run["spec"]
    assert data["shared"]["split_digits/til"]["protocol.epochs"] == "30"
    assert Path(run["path"]).is_file()
    (failed,) = (r for r in data["runs"].values() if r["status"] == "failed")
    assert failed["error"] == "Traceback\nKeyError: 'a'"


def test_the_same_runs_give_the_same_bytes(comparison: Path) -> None:
    first = html(comparison)
    again = subprocess.run(
        [sys.executable, "-m", "benchmarks", "report", str(comparison)],
        env={"PYTHONHASHSEED": "7", "PATH": ""},
        check=True,
        capture_output=True,
        text=True,
    )
    assert "report.html" in again.stdout
    assert (comparison / "report.html").read_text(encoding="utf-8") == first


def test_nothing_is_fetched_and_only_our_script_runs(comparison: Path) -> None:
    text = html(comparison)
    page = Page(text)
    for _, attributes in page.elements:
        for name in ("src", "href", "action", "srcset", "poster"):
            address = attributes.get(name)
            assert address is None or address.startswith(("#", "data:"))
        assert not any(name.startswith("on") or name == "style" for name in attributes)
    (policy,) = (a["content"] for a in page.all("meta") if a.get("http-equiv"))
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_hostile_strings_are_text(make: MakeRecord, tmp_path: Path) -> None:
    make(
        "ness",
        spec={"strategy_args.tag": HOSTILE, "optimizer.name": HOSTILE},
        environment={"host": HOSTILE, HOSTILE: "x", "git_commit": HOSTILE},
        described={"data_hash": HOSTILE},
    )
    make("ness", 1, spec={"strategy_args.tag": "b"}, status="failed", error=HOSTILE, tasks=[])
    make("naive", spec={"strategy_args.tag": "\ud800" + "x" * 5000})
    text = html(tmp_path)
    page = Page(text)
    assert [a["src"][:5] for a in page.all("img") if a["src"]] == ["data:"] * len(
        list(page.all("img"))
    )
    assert len(list(page.all("script"))) == 2
    assert "\x00" not in text
    assert "\u202e" not in text
    assert r"</script><img src=x onerror=alert(1)>\u0000\u202e" in page.text
    assert r"\ud800" in page.text
    errors = [run["error"] for run in page.data["runs"].values() if run["error"]]
    assert errors == [HOSTILE.replace("\x00", r"\u0000").replace("\u202e", r"\u202e")]


def test_runs_in_progress_are_counted_and_never_tabled(make: MakeRecord, tmp_path: Path) -> None:
    make("ness")
    make("gpm", status="running", matrix=CUT_OFF)
    page = Page(html(tmp_path))
    assert "1 in progress or interrupted" in page.text
    assert "Not all runs have ended." in page.text
    assert len(page.data["runs"]) == 1


def test_a_folder_where_nothing_has_ended(make: MakeRecord, tmp_path: Path) -> None:
    make(status="running", matrix=CUT_OFF)
    page = Page(html(tmp_path))
    assert "No run has ended yet." in page.text
    assert list(page.all("table")) == []


def test_an_empty_folder_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="no run records"):
        write_report(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_damaged_records_are_named_and_end_in_status_2(
    comparison: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    torn = comparison / "runs" / "split_digits" / "til" / "ness" / "torn.json"
    torn.write_text("{")
    monkeypatch.setattr(sys, "argv", ["benchmarks", "report", str(comparison)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "torn.json" in capsys.readouterr().err
    assert "torn.json" in Page((comparison / "report.html").read_text()).text


def test_two_streams_have_a_section_each(make: MakeRecord, tmp_path: Path) -> None:
    make(stream="split_mnist/til")
    make(stream="split_digits/cil", task_aware=shifted(HAND, 2))
    page = Page(html(tmp_path))
    assert [a["id"] for a in page.all("section")][:3] == [
        "stream-split_digits-cil",
        "stream-split_mnist-til",
        "runs",
    ]
    run = next(r for r in page.data["runs"].values() if r["stream"] == "split_digits/cil")
    assert run["matrix"] == [HAND, shifted(HAND, 2)]


def test_the_reference_can_be_chosen(
    comparison: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_report(comparison, "naive")
    page = Page((comparison / "report.html").read_text())
    assert "Paired tests of naive" in page.text
    assert f"python -m benchmarks report {comparison} --reference naive" in page.text
    monkeypatch.setattr(
        sys, "argv", ["benchmarks", "report", str(comparison), "--reference", "nes"]
    )
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "did you mean 'ness'?" in capsys.readouterr().err


def test_a_search_for_hyper_parameters_is_shown(comparison: Path) -> None:
    tried = [Configuration(values={"eps": "<b>"}, runs=["a"])]
    method = Method(strategy="ness", there_are=1, configurations=tried)
    Search(
        spec="demo.toml",
        overrides=[],
        stream="split_digits/til",
        keep=["best"],
        budget=1,
        seeds=[11],
        methods=[method],
    ).write(comparison)
    page = Page(html(comparison))
    assert "Search for hyper-parameters" in page.text
    assert 'eps="<b>"' in page.text or "eps=<b>" in page.text


def test_ids_are_unique(comparison: Path) -> None:
    ids = [a["id"] for _, a in Page(html(comparison)).elements if "id" in a]
    assert len(ids) == len(set(ids))


def test_a_stream_may_be_called_like_a_part_of_the_page(make: MakeRecord, tmp_path: Path) -> None:
    streams = ("data", "runs", "main", "run", "filter")
    for stream in streams:
        make(stream=stream)
    page = Page(html(tmp_path))
    ids = [a["id"] for _, a in page.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {a["href"] for a in page.all("a")} >= {f"#stream-{stream}" for stream in streams}
    assert {f"stream-{stream}" for stream in streams} <= set(ids)


def test_no_torch() -> None:
    code = "import sys, benchmarks.reporting.html.report as r; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_500_runs_of_25_methods_fit_into_a_mail(make: MakeRecord, tmp_path: Path) -> None:
    layers = {f"layer{number}": 0.0123456 for number in range(8)}
    tasks = [
        task(ranks=dict.fromkeys(layers, 1234), interference=layers, interference_bound=layers)
        for _ in range(10)
    ]
    for method in range(25):
        for seed in range(20):
            matrix = square(40 + method + seed / 7, bwt=-seed / 3)
            make(f"method{method}", seed, matrix, tasks=tasks)
    page = html(tmp_path)
    assert len(page) < 5_000_000
    data = Page(page).data
    assert len(data["runs"]) == 500
    assert all(run["matrix"] for run in data["runs"].values())
    assert json.dumps(data)
