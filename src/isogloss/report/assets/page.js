"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = window.matchMedia("(prefers-color-scheme: dark)").matches;
  const ink = dark ? "#c9d1db" : "#333b46";
  document.querySelectorAll(".chart").forEach((place) => {
    const spec = data.charts[place.dataset.chart];
    const config = { ...spec.config };
    config.axis = { ...config.axis, labelColor: ink, titleColor: ink, gridColor: dark ? "#333b46" : "#dfe3e8", domainColor: ink, tickColor: ink };
    config.legend = { ...config.legend, labelColor: ink, titleColor: ink };
    if (place.clientWidth < 480) config.axis.labelLimit = 130;
    vegaEmbed(place, { ...spec, config }, { actions: false, renderer: "svg" });
  });
  const { columns, numeric, rows } = data.table;
  const head = document.querySelector("#scores thead tr");
  const body = document.querySelector("#scores tbody");
  const more = document.getElementById("more");
  const count = document.getElementById("count");
  const filter = document.getElementById("filter");
  const page = 100;
  let shown = page, order = rows.map((_, i) => i), key = -1, down = false;
  const text = rows.map((row) => row.join(" ").toLowerCase());
  const cell = (value, i) => (value === null ? "" : numeric[i] && !Number.isInteger(value) ? value.toFixed(3) : String(value));
  const draw = () => {
    const words = filter.value.toLowerCase().split(/\s+/).filter(Boolean);
    const kept = order.filter((i) => words.every((word) => text[i].includes(word)));
    body.textContent = "";
    for (const i of kept.slice(0, shown)) {
      const tr = body.insertRow();
      rows[i].forEach((value, c) => {
        const td = tr.insertCell();
        td.textContent = cell(value, c);
        if (numeric[c]) td.className = "number";
      });
    }
    count.textContent = `${Math.min(shown, kept.length)} of ${kept.length} rows`;
    more.hidden = kept.length <= shown;
  };
  const sort = (c) => {
    down = key === c ? !down : false;
    key = c;
    const sign = down ? -1 : 1;
    order.sort((a, b) => {
      const x = rows[a][c], y = rows[b][c];
      if (x === null || y === null) return (x === null) - (y === null) || a - b;
      return sign * (numeric[c] ? x - y : String(x).localeCompare(String(y))) || a - b;
    });
    head.querySelectorAll("th").forEach((th, i) => th.setAttribute("aria-sort", i === c ? (down ? "descending" : "ascending") : "none"));
    draw();
  };
  columns.forEach((name, c) => {
    const th = document.createElement("th");
    const button = document.createElement("button");
    th.scope = "col";
    th.setAttribute("aria-sort", "none");
    if (numeric[c]) th.className = "number";
    button.type = "button";
    button.textContent = name;
    button.addEventListener("click", () => sort(c));
    th.append(button);
    head.append(th);
  });
  filter.addEventListener("input", () => { shown = page; draw(); });
  more.addEventListener("click", () => { shown += 500; draw(); });
  draw();
})();
