// Sorts and filters tables and opens single runs. All text goes in as textContent.
"use strict";
(() => {
  const $ = (id) => document.getElementById(id);
  document.documentElement.classList.add("js");

  // --- sorting: up, down; what is missing stays last -------------------------------------------
  const valueOf = (cell) => {
    const text = (cell.dataset.v ?? cell.textContent).trim();
    return text === "—" || text === "" || text.startsWith("—") ? null : text;
  };
  const numberOf = (text) => {
    const number = parseFloat(text.replace(/,/g, "").replace(/^\[/, ""));
    return Number.isNaN(number) ? null : number;
  };
  const byText = new Intl.Collator("en", { numeric: true }).compare;

  function sort(th) {
    const table = th.closest("table");
    const column = th.cellIndex;
    const down = th.getAttribute("aria-sort") === "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    th.setAttribute("aria-sort", down ? "descending" : "ascending");
    const isNumber = th.classList.contains("num");
    const keyed = [...table.tBodies[0].rows].map((row) => {
      const text = valueOf(row.cells[column]);
      return [text !== null && isNumber ? numberOf(text) : text, row];
    });
    keyed.sort(([a], [b]) => {
      if (a === null || b === null) return (a === null) - (b === null);
      const order = isNumber ? a - b : byText(a, b);
      return down ? -order : order;
    });
    table.tBodies[0].append(...keyed.map(([, row]) => row));
  }
  for (const button of document.querySelectorAll("thead button"))
    button.addEventListener("click", () => sort(button.closest("th")));

  // --- printing shows what is folded ------------------------------------------------------------
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const details of folded) details.open = true;
  });
  addEventListener("afterprint", () => { for (const details of folded) details.open = false; });

  const table = $("all-runs");
  if (!table) return;
  const rows = [...table.tBodies[0].rows];
  const data = JSON.parse($("data").textContent);
  const idOf = (row) => row.id.slice("run-".length);

  // --- filtering --------------------------------------------------------------------------------
  const texts = rows.map((row) => {
    const run = data.runs[idOf(row)];
    return `${row.textContent} ${run?.error ?? ""} ${run?.path ?? ""}`.toLowerCase();
  });
  // A whole number is a seed, which would else be found in every metric; a long one may be of an id.
  const has = (number, word) => /^\d+$/.test(word)
    ? rows[number].cells[2].textContent === word || (word.length > 5 && texts[number].includes(word))
    : texts[number].includes(word);
  function filter(everything = true) {
    const words = $("f-text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const stream = $("f-stream").value, label = $("f-label").value, status = $("f-status").value;
    let shown = 0;
    rows.forEach((row, number) => {
      const own = row.cells[0].textContent;
      const fits = everything && (!stream || row.cells[1].textContent === stream)
        && (!label || own === label || row.dataset.strategy === label)
        && (!status || row.cells[3].textContent === status)
        && words.every((word) => has(number, word));
      row.hidden = !fits;
      shown += fits;
    });
    $("shown").value = shown === rows.length ? `${shown} runs` : `${shown} of ${rows.length} runs`;
    $("none").hidden = shown > 0;
  }
  for (const event of ["input", "change"]) $("filter").addEventListener(event, () => filter());
  $("filter").addEventListener("submit", (event) => event.preventDefault());
  $("filter").addEventListener("reset", () => setTimeout(() => filter()));

  for (const link of document.querySelectorAll("a.behind")) {
    const lead = () => {
      const asked = Object.entries(link.dataset);
      $("f-text").value = "";
      for (const [what, value] of asked) $(`f-${what}`).value = value;
      // A choice that is not there empties its list, which would show every run.
      filter(asked.every(([what, value]) => $(`f-${what}`).value === value));
    };
    link.addEventListener("click", lead);
    link.closest("tr").addEventListener("click", (event) => {
      if (event.target.closest("a") || String(getSelection())) return;
      lead();
      $("runs").scrollIntoView();
    });
  }

  // --- one run ----------------------------------------------------------------------------------
  function make(tag, content, name) {
    const element = document.createElement(tag);
    if (name) element.className = name;
    if (Array.isArray(content)) element.append(...content.filter((part) => part !== null));
    else if (content !== undefined && content !== null) element.textContent = content;
    return element;
  }
  function scroll(element, name) {
    const box = make("div", [element], "scroll");
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    box.setAttribute("aria-label", name);
    return box;
  }
  function grid(caption, headings, lines, paint) {
    const head = make("tr", headings.map((text) => {
      const th = make("th", text);
      th.scope = "col";
      return th;
    }));
    const body = lines.map(([name, ...cells]) => {
      const th = make("th", name);
      th.scope = "row";
      return make("tr", [th, ...cells.map((value) => {
        const td = make("td", value ?? "—", "num");
        if (paint && value !== null) paint(td, value);
        return td;
      })]);
    });
    const made = make("table", [
      make("caption", [make("span", caption)]), make("thead", [head]), make("tbody", body),
    ], "data");
    return scroll(made, caption);
  }
  function pairs(caption, entries) {
    const body = entries.map(([key, value]) => {
      const th = make("th", key);
      th.scope = "row";
      return make("tr", [th, make("td", value, "long")]);
    });
    const made = make("table", [make("caption", [make("span", caption)]), make("tbody", body)], "data plain");
    return scroll(made, caption);
  }
  const folding = (title, parts) => make("details", [make("summary", title), ...parts]);
  const numbers = (count) => Array.from({ length: count }, (_, n) => String(n + 1));

  function matrix(values, caption) {
    const digits = values.length > 10 ? 0 : 1;
    const lines = values.map((line, number) => [`after ${number + 1}`, ...line]);
    return grid(caption, ["", ...numbers(values.length)], lines, (td, value) => {
      td.textContent = value.toFixed(digits);
      td.title = String(value);
      td.style.backgroundColor = `rgb(0 114 178 / ${0.06 + 0.54 * value / 100})`;
    });
  }
  function perTask(caption, columns) {
    const count = Math.max(...Object.values(columns).map((values) => values.length));
    const show = (value) => value === null ? null : value.toLocaleString("en", { maximumSignificantDigits: 15 });
    const lines = Object.entries(columns).map(([name, values]) => [name, ...values.map(show)]);
    return grid(caption, ["", ...numbers(count)], lines);
  }

  function open(id) {
    const run = data.runs[id];
    const row = $(`run-${id}`);
    const body = $("run-body");
    body.replaceChildren();
    $("run-h").textContent = `${row.cells[0].textContent}, seed ${row.cells[2].textContent}`;
    if (run) fill(body, run, id);
    else body.append(make("p", "This report leaves out the single runs: there are too many of them."));
    $("run").showModal();
    body.scrollTop = 0;
  }
  function fill(body, run, id) {
    const add = (...parts) => body.append(...parts);
    add(make("p", [make("b", run.status), ` on ${run.stream}, run ${id}`]));
    if (run.error) add(make("h3", "How it ended"), make("pre", run.error, "error"));
    if (run.spec) {
      const entries = Object.entries(run.spec);
      add(pairs("Settings that not all runs of the stream share", entries));
    }
    (run.matrix ?? []).forEach((values, number) => add(matrix(values, number
      ? "Accuracy among the task's own classes (%, colour from 0 to 100): tested on task, across; after training on, down"
      : "Accuracy (%, colour from 0 to 100): tested on task, across; after training on, down")));
    if (run.undefined) {
      const reasons = run.undefined.split("; ").map((reason) => make("li", reason));
      add(folding("Numbers that this run does not have", [make("ul", reasons, "notes")]));
    }
    if (run.costs && Object.keys(run.costs).length) add(perTask("Costs of each task", run.costs));
    for (const [name, layers] of Object.entries(run.layers ?? {}))
      add(folding(`${name} of each layer and task`, [perTask(name, layers)]));
    const again = [make("p", "From the root of the repository, at the commit of the run:")];
    if (run.toml !== null) {
      again.push(make("p", "1. Keep this as spec.toml"), make("pre", data.tomls[run.toml]));
      again.push(make("p", "2. Run"), make("pre", run.command));
      add(folding("How to make this run again", again));
    }
    add(folding("Settings that all runs of the stream share",
      [pairs("Shared settings", Object.entries(data.shared[run.stream] ?? {}))]));
    add(folding("Environment", [pairs("Where it was made", [
      ["started", run.started], ["ended", run.ended ?? "—"],
      ...Object.entries(data.environments[run.environment]),
    ])]));
    add(make("p", [make("b", "Record: "), make("code", run.path)]));
  }
  table.addEventListener("click", (event) => {
    const button = event.target.closest("button.open");
    if (button) open(idOf(button.closest("tr")));
  });
  $("run").addEventListener("click", (event) => {
    if (event.target === $("run")) $("run").close();
  });
})();
