"""The report driven in a real browser, headless Chromium, as its reader does.

`make test-report` installs what is absent.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from reporting_records import CUT_OFF, HAND, JOINT, shifted, task

from benchmarks.integrity import id_of
from benchmarks.records import RunRecord
from benchmarks.reporting.html.report import write_report

webdriver = pytest.importorskip("selenium.webdriver", reason="the extra `browser` is absent")
Select = pytest.importorskip("selenium.webdriver.support.select").Select
BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
if BROWSER is None or DRIVER is None:
    pytest.skip("no chromium or chromedriver here", allow_module_level=True)

HOSTILE = "</script><img src=x onerror=\"document.title='run'\">\u202e'&\x00"
WIDE, NARROW = (1600, 1000), (375, 800)

Browser = Any


def write(out: Path, strategy: str, seed: int, matrix: Any, **changes: Any) -> None:
    spec = {
        "stream": "split_digits/til",
        "strategy": strategy,
        "strategy_args": changes.pop("args", {}),
        "protocol": {"epochs": 30},
        "seed": seed,
    }
    tasks = changes.pop("tasks", [task(state_bytes=2048 * (seed + 1))] * 3)
    values = {"status": "finished", "stream": {}, "environment": {}} | changes
    empty: list[float | None] = [None] * len(matrix)
    RunRecord(
        id=id_of(spec),
        spec=spec,
        accuracy_matrix=matrix,
        initial_accuracy=empty,
        forward_accuracy=empty,
        tasks=tasks,
        started="2025-01-01T00:00:00+00:00",
        **values,
    ).write(out)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ness twice with eps, naive, joint, one failed run, one that calls itself markup."""
    out = tmp_path_factory.mktemp("results")

    def make(strategy: str, seed: int, matrix: Any, **changes: Any) -> None:
        write(out, strategy, seed, matrix, **changes)

    for seed in range(12):
        make("ness", seed, shifted(HAND, -seed / 2), args={"eps": 0.1})
    make("ness", 0, shifted(HAND, -30), args={"eps": 0.2})
    make("naive", 0, shifted(HAND, -50))
    make("joint", 0, JOINT)
    make("gpm", 0, CUT_OFF, status="failed", error=f"Traceback\nKeyError: {HOSTILE}", tasks=[])
    make("lora", 0, HAND, args={"tag": HOSTILE}, environment={"host": HOSTILE})
    make("lora", 1, CUT_OFF, args={"tag": "x" * 3000}, status="diverged", tasks=[])
    write_report(out)
    return out


@pytest.fixture(scope="module")
def started() -> Iterator[Browser]:
    options = webdriver.ChromeOptions()
    options.binary_location = BROWSER
    # Root, as in a container, has no sandbox; and nothing may reach a network.
    for argument in (
        *("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"),
        "--host-resolver-rules=MAP * ~NOTFOUND",
    ):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    service = webdriver.ChromeService(executable_path=DRIVER)
    driver = webdriver.Chrome(options=options, service=service)
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def browser(started: Browser, folder: Path) -> Iterator[Browser]:
    """At the report, wide; afterwards its console has to be empty and nothing fetched."""
    resize(started, *WIDE)
    started.get((folder / "report.html").as_uri())
    yield started
    assert started.get_log("browser") == []
    asked = [entry["message"] for entry in started.get_log("performance")]
    requests = [message for message in asked if "Network.requestWillBeSent" in message]
    assert [r for r in requests if '"url":"http' in r] == []
    assert started.title.startswith("Runs in ")


def resize(browser: Browser, width: int, height: int) -> None:
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 500}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


def css(browser: Browser, selector: str) -> Any:
    return browser.find_element("css selector", selector)


def texts(browser: Browser, selector: str) -> list[str]:
    """Of all elements that are shown."""
    found = browser.find_elements("css selector", selector)
    return [element.text for element in found if element.is_displayed()]


def press(browser: Browser, element: Any) -> None:
    """As with the keyboard, which needs no scrolling."""
    browser.execute_script("arguments[0].focus({preventScroll: true})", element)
    element.send_keys("\ue007")


def heading(browser: Browser, table: str, name: str) -> Any:
    buttons = browser.find_elements("css selector", f"{table} thead button")
    return next(b for b in buttons if b.get_attribute("textContent").startswith(name))


@pytest.fixture
def column(browser: Browser) -> Callable[[str], list[str]]:
    def of(name: str) -> list[str]:
        heads = browser.find_elements("css selector", "#all-runs thead th")
        number = next(
            n
            for n, head in enumerate(heads, 1)
            if head.get_attribute("textContent").strip().startswith(name)
        )
        cells = browser.find_elements("css selector", f"#all-runs tbody tr > :nth-child({number})")
        return [cell.get_attribute("textContent").strip() for cell in cells]

    return of


def test_sorting_up_and_down_by_number_with_what_is_missing_last(browser, column) -> None:
    button = heading(browser, "#all-runs", "ACC")
    for direction in ("ascending", "descending"):
        press(browser, button)
        th = button.find_element("xpath", "..")
        assert th.get_attribute("aria-sort") == direction
        values = column("ACC")
        assert values[-2:] == ["—", "—"]
        numbers = [float(value) for value in values[:-2]]
        assert numbers == sorted(numbers, reverse=direction == "descending")
        assert len(set(numbers)) > 10
    assert len(browser.find_elements("css selector", "#all-runs [aria-sort]")) == 1


def test_seeds_sort_as_numbers_and_bytes_by_size(browser, column) -> None:
    press(browser, heading(browser, "#all-runs", "Seed"))
    assert [int(seed) for seed in column("Seed")] == sorted(map(int, column("Seed")))
    press(browser, heading(browser, "#all-runs", "State"))
    sizes = [value for value in column("State") if value != "—"]
    assert sizes[0] == "2.0 KiB"
    assert sizes[-1] == "24.0 KiB"


def test_the_headline_table_sorts_too(browser) -> None:
    table = "section.stream table"
    press(browser, heading(browser, table, "ACC"))
    shown = texts(browser, "section.stream table.behind-rows")[0].splitlines()
    assert shown.index("naive 1 28.00 -21.00 23.50 42.00 7.50 2.0 KiB") < len(shown)


def test_filtering_by_text_method_and_status(browser) -> None:
    assert css(browser, "#shown").text == "18 runs"
    css(browser, "#f-text").send_keys("keyerror gpm")
    assert texts(browser, "#all-runs tbody th") == ["gpm"]
    assert css(browser, "#shown").text == "1 of 18 runs"
    css(browser, "#f-text").send_keys(" nothing")
    assert texts(browser, "#all-runs tbody th") == []
    assert css(browser, "#none").is_displayed()
    press(browser, css(browser, "#filter button"))
    assert css(browser, "#shown").text == "18 runs"
    choose(browser, "#f-label", "ness")
    assert css(browser, "#shown").text == "13 of 18 runs"
    choose(browser, "#f-label", "ness [strategy_args.eps=0.2]")
    assert css(browser, "#shown").text == "1 of 18 runs"
    choose(browser, "#f-label", "")
    choose(browser, "#f-status", "failed")
    assert texts(browser, "#all-runs tbody th") == ["gpm"]


def choose(browser: Browser, selector: str, value: str) -> None:
    select = Select(css(browser, selector))
    select.select_by_visible_text(value or "all")


def test_a_row_of_the_headline_leads_to_its_runs(browser) -> None:
    link = css(browser, 'a.behind[data-label="ness [strategy_args.eps=0.1]"]')
    link.click()
    assert set(texts(browser, "#all-runs tbody th")) == {"ness [strategy_args.eps=0.1]"}
    assert css(browser, "#shown").text == "12 of 18 runs"
    top = browser.execute_script("return document.querySelector('#runs').getBoundingClientRect().y")
    assert abs(top) < 100


def test_a_row_of_runs_that_broke_leads_to_those_alone(browser) -> None:
    css(browser, 'a.behind[data-status="failed"]').click()
    assert css(browser, "#f-status").get_attribute("value") == "failed"
    assert texts(browser, "#all-runs tbody th") == ["gpm"]


@pytest.mark.parametrize("label", ["two  blanks", "two\nlines", " edges "])
def test_white_space_in_a_label_is_its_own(browser, tmp_path: Path, label: str) -> None:
    for seed, matrix in enumerate((HAND, shifted(HAND, -1))):
        write(tmp_path, "ness", seed, matrix)
        write(tmp_path, label, seed, matrix)
    write_report(tmp_path)
    browser.get((tmp_path / "report.html").as_uri())
    links = browser.find_elements("css selector", "a.behind")
    press(browser, next(a for a in links if a.get_attribute("data-label") == label))
    assert css(browser, "#shown").text == "2 of 4 runs"


def test_a_row_whose_runs_are_not_found_shows_none(browser) -> None:
    link = css(browser, 'a.behind[data-status="failed"]')
    browser.execute_script("arguments[0].dataset.label = 'not there'", link)
    link.click()
    assert texts(browser, "#all-runs tbody th") == []
    assert css(browser, "#none").is_displayed()
    press(browser, css(browser, "#filter button"))
    assert css(browser, "#shown").text == "18 runs"


def test_a_whole_number_filters_by_seed(browser) -> None:
    css(browser, "#f-text").send_keys("ness 1")
    seeds = {row.split()[-1] for row in texts(browser, "#all-runs tbody td:nth-child(3)")}
    assert seeds == {"1"}
    assert css(browser, "#shown").text == "1 of 18 runs"


def test_intervals_sort_by_size_in_whatever_unit(browser, tmp_path: Path) -> None:
    for strategy, size in (("big", 3 * 1024**2), ("middle", 40 * 1024), ("small", 900)):
        for seed in (0, 1):
            tasks = [task(state_bytes=size + 8 * seed)] * 3
            write(tmp_path, strategy, seed, HAND, tasks=tasks)
    write_report(tmp_path)
    browser.get((tmp_path / "report.html").as_uri())
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    (table,) = [
        table
        for table in browser.find_elements("css selector", "section.stream details table")
        if table.text.startswith("95 % interval")
    ]
    browser.execute_script("arguments[0].id = 'intervals'", table)
    press(browser, heading(browser, "#intervals", "State"))
    assert texts(browser, "#intervals tbody th") == ["small", "middle", "big"]


def test_matrices_share_a_scale_of_colours_from_0_to_100(browser, tmp_path: Path) -> None:
    write(tmp_path, "ness", 0, [[0.0, None], [50.0, 100.0]], tasks=[task()] * 2)
    write(tmp_path, "ness", 1, [[50.0, None], [60.0, 70.0]], tasks=[task()] * 2)
    write_report(tmp_path)
    browser.get((tmp_path / "report.html").as_uri())
    shades = {}
    for number in (0, 1):
        press(browser, all_open(browser)[number])
        for cell in browser.find_elements("css selector", "#run-body td[title]"):
            value = float(cell.get_attribute("title"))
            colour = browser.execute_script("return arguments[0].style.backgroundColor", cell)
            shades.setdefault(value, set()).add(colour)
        css(browser, "#run form button").click()
    alpha = {
        value: float(one.rstrip(")").split()[-1].split(",")[-1]) for value, (one,) in shades.items()
    }
    assert alpha[0.0] == pytest.approx(0.06)
    assert alpha[50.0] == pytest.approx(0.33)
    assert alpha[100.0] == pytest.approx(0.6)


def test_a_run_opens_and_closes(browser, folder: Path) -> None:
    button = css(browser, "#all-runs button.open")
    press(browser, button)
    assert css(browser, "#run").get_attribute("open")
    assert css(browser, "#run-h").text == "joint, seed 0"
    matrix = texts(browser, "#run-body table")[1].splitlines()
    assert matrix[-3:] == ["after 1 — — —", "after 2 — — —", "after 3 96.0 97.0 98.0"]
    path = css(browser, "#run-body > p:last-child code").text
    assert Path(path).is_file()
    css(browser, "#run form button").click()
    assert css(browser, "#run").get_attribute("open") is None
    assert browser.switch_to.active_element == button


def test_hostile_strings_are_shown_and_do_nothing(browser) -> None:
    css(browser, "#f-text").send_keys("gpm")
    press(browser, next(b for b in all_open(browser) if b.is_displayed()))
    shown = css(browser, "#run-body pre.error").text
    assert "</script><img src=x onerror=\"document.title='run'\">\\u202e'&\\u0000" in shown
    css(browser, "#run form button").click()
    css(browser, "#f-text").clear()
    choose(browser, "#f-status", "finished")
    press(browser, next(b for b in all_open(browser) if b.text.startswith("lora")))
    assert HOSTILE[:9] in css(browser, "#run-body").text
    assert browser.find_elements("css selector", "#run-body img") == []
    assert browser.find_elements("css selector", "[onerror]") == []


def all_open(browser: Browser) -> list[Any]:
    return browser.find_elements("css selector", "#all-runs button.open")


@pytest.mark.parametrize("size", [WIDE, NARROW, (360, 640)])
def test_no_window_scrolls_sideways(browser, size: tuple[int, int]) -> None:
    resize(browser, *size)
    browser.execute_script("for (const d of document.querySelectorAll('details')) d.open = true")
    width = "return document.documentElement.scrollWidth"
    assert browser.execute_script(width) <= size[0]
    press(browser, all_open(browser)[2])
    body = css(browser, "#run-body")
    for details in body.find_elements("css selector", "details"):
        browser.execute_script("arguments[0].open = true", details)
    assert browser.execute_script("return arguments[0].scrollWidth", body) <= size[0]
    assert browser.execute_script(width) <= size[0]


def test_printing_unfolds_and_folds_again(browser) -> None:
    folded = "return document.querySelectorAll('details:not([open])').length"
    before = browser.execute_script(folded)
    assert before > 0
    browser.execute_script("dispatchEvent(new Event('beforeprint'))")
    assert browser.execute_script(folded) == 0
    browser.execute_script("dispatchEvent(new Event('afterprint'))")
    assert browser.execute_script(folded) == before


def test_an_open_run_is_not_printed_over_the_page(browser) -> None:
    press(browser, all_open(browser)[0])
    assert css(browser, "#run").is_displayed()
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        assert not css(browser, "#run").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
    assert css(browser, "#run").is_displayed()


def test_print_shows_every_table_whole(browser) -> None:
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print"})
    try:
        for box in browser.find_elements("css selector", "main > section > .scroll"):
            assert box.is_displayed()
            assert box.value_of_css_property("overflow") == "visible"
        assert css(browser, "#all-runs").is_displayed()
        assert not css(browser, "#filter").is_displayed()
    finally:
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": ""})
