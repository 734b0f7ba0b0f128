"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);

  // Colours of axes and marks are the style sheet's, so a dark screen and paper need no redrawing.
  const draw = (place) => {
    const spec = structuredClone(data.charts[place.dataset.chart]);
    if (place.clientWidth < 520) narrow(spec);
    return vegaEmbed(place, spec, {
      actions: false, renderer: "svg", ast: true, defaultStyle: false,
      tooltip: { disableDefaultStyle: true },
    });
  };

  // On a phone an axis says the name alone where that is enough; the tooltip has the tag.
  const narrow = (spec) => {
    const labels = [...new Set(spec.data.values.map((row) => row.language))];
    const names = labels.map((label) => label.replace(/ \([^()]*\)$/, ""));
    const axis = (spec.config.axisY = { ...spec.config.axisY, labelLimit: 138, labelFontSize: 11.5 });
    if (new Set(names).size === labels.length) {
      axis.labelExpr = "replace(datum.label, regexp(' \\\\([^()]*\\\\)$'), '')";
    }
    spec.config.legend.gradientLength = 120;
    if (spec.config.legend.columns) spec.config.legend.columns = 1;
  };
  document.querySelectorAll(".chart").forEach(draw);

  const { columns, rows } = data.table;
  const head = document.querySelector("#scores thead tr");
  const body = document.querySelector("#scores tbody");
  const more = document.getElementById("more");
  const count = document.getElementById("count");
  const filter = document.getElementById("filter");
  const first = 50, next = 500;
  const order = Array.from({ length: rows }, (_, i) => i);
  let shown = first, kept = order, key = -1, down = false, searched = null;

  const value = (column, i) => (column.numbers ? column.numbers[i] : column.index[i] < 0 ? null : column.index[i]);
  const written = (column, i) => {
    const it = value(column, i);
    if (it === null) return "";
    if (!column.numbers) return column.words[it];
    if (column.whole) return String(it);
    return it.toFixed(Math.abs(it) >= 100 ? 1 : 3);
  };
  columns.forEach((column) => {
    column.whole = column.numbers && column.numbers.every((x) => x === null || Number.isInteger(x));
  });

  const show = () => {
    const lines = document.createDocumentFragment();
    for (const i of kept.slice(0, shown)) {
      const tr = document.createElement("tr");
      for (const column of columns) {
        const td = tr.insertCell();
        td.textContent = written(column, i);
        if (column.numbers) td.className = "number";
      }
      lines.append(tr);
    }
    body.replaceChildren(lines);
    const number = (n) => n.toLocaleString("en");
    count.textContent = `${number(Math.min(shown, kept.length))} of ${number(kept.length)} rows shown`;
    more.hidden = kept.length <= shown;
  };

  const search = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    searched ??= order.slice().sort((a, b) => a - b).reduce((all, i) => {
      all[i] = columns.filter((c) => c.words).map((c) => written(c, i)).join("\n").toLowerCase();
      return all;
    }, new Array(rows));
    kept = words.length ? order.filter((i) => words.every((word) => searched[i].includes(word))) : order;
    shown = first;
    show();
  };

  // Words are listed in order, so comparing their places compares them; empty cells go last.
  const sort = (c) => {
    down = key === c ? !down : false;
    key = c;
    const column = columns[c], sign = down ? -1 : 1;
    order.sort((a, b) => {
      const x = value(column, a), y = value(column, b);
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return sign * (x - y) || a - b;
    });
    head.querySelectorAll("th").forEach((th, i) => {
      th.setAttribute("aria-sort", i === c ? (down ? "descending" : "ascending") : "none");
    });
    if (filter.value.trim()) search();
    else { kept = order; shown = first; show(); }
  };

  columns.forEach((column, c) => {
    const th = document.createElement("th");
    const button = document.createElement("button");
    th.scope = "col";
    th.setAttribute("aria-sort", "none");
    if (column.numbers) th.className = "number";
    button.type = "button";
    button.textContent = column.name;
    button.addEventListener("click", () => sort(c));
    th.append(button);
    head.append(th);
  });
  filter.addEventListener("input", search);
  more.addEventListener("click", () => { shown += next; show(); });
  show();
})();
