"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse($("#data").textContent);
  const timelines = $$(".timeline").map((root) => ({ root, cursor: $(".cursor", root), ...data.series[root.dataset.series] }));

  const clock = (seconds) => {
    const tenths = Math.round(Math.max(0, seconds) * 10);
    const pad = (n) => String(n).padStart(2, "0");
    const minutes = Math.floor(tenths / 600) % 60;
    const rest = tenths % 600;
    const hours = Math.floor(tenths / 36000);
    if (hours > 0) return `${hours}:${pad(minutes)}:${pad(Math.floor(rest / 10))}`;
    return `${minutes}:${pad(Math.floor(rest / 10))}.${rest % 10}`;
  };

  // The cursor: one time for all timelines.
  const setTime = (seconds) => {
    for (const { root, cursor, duration_s, bin_s, bins, traces } of timelines) {
      const time = Math.min(Math.max(seconds, 0), duration_s);
      const bin = Math.min(Math.floor(time / bin_s + 1e-6), bins - 1);
      cursor.value = bin;
      for (const cell of $$("[data-trace]", root)) {
        const value = traces[cell.dataset.trace]?.[bin];
        const unit = cell.dataset.unit;
        const digits = unit === "°" ? 0 : 2;
        cell.textContent = value == null ? "–" : `${value.toFixed(digits)}${unit}`;
      }
      $(".now", root).textContent = clock(time);
      cursor.setAttribute("aria-valuetext", clock(time));
      const line = $(".line", root);
      line.style.setProperty("--t", time / duration_s);
      line.hidden = false;
    }
  };
  const setMark = (start, end) => {
    for (const { root, duration_s } of timelines) {
      const mark = $(".mark", root);
      const a = Math.min(start / duration_s, 1);
      mark.style.setProperty("--a", a);
      mark.style.setProperty("--w", Math.max(Math.min(end / duration_s, 1) - a, 0));
      mark.hidden = false;
    }
  };

  for (const { root, cursor, duration_s, bin_s } of timelines) {
    cursor.addEventListener("input", () => setTime((Number(cursor.value) + 0.5) * bin_s));
    const follow = (event) => {
      const plot = event.currentTarget.getBoundingClientRect();
      if (plot.width > 0) setTime(((event.clientX - plot.left) / plot.width) * duration_s);
    };
    for (const plot of $$(".chart .plot", root)) {
      plot.addEventListener("pointermove", follow);
      plot.addEventListener("pointerdown", follow);
    }
  }

  // Pictures, findings and spans lead to their time, on the timeline of their analyzer.
  for (const button of $$("[data-start]")) {
    button.addEventListener("click", () => {
      const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
      setTime(start);
      setMark(start, end);
      if (button.closest(".timeline")) return;
      const analyzer = button.closest(".analyzer");
      const timeline = (analyzer && $(".timeline", analyzer)) ?? timelines[0]?.root;
      timeline?.scrollIntoView();
    });
  }

  // Findings by severity.
  const chips = $$(".chip");
  for (const chip of chips) {
    chip.addEventListener("click", () => {
      for (const other of chips) other.setAttribute("aria-pressed", String(other === chip));
      const wanted = chip.dataset.filter;
      for (const item of $$(".finding")) item.hidden = wanted !== "" && item.dataset.severity !== wanted;
    });
  }

  // Enlarged pictures.
  const viewer = $("#viewer");
  for (const button of $$(".enlarge")) {
    button.addEventListener("click", () => {
      const shot = button.closest(".shot");
      $(".stage", viewer).replaceChildren($("svg", button).cloneNode(true));
      $(".caption", viewer).textContent = `${$(".reason", shot).textContent} – ${$(".jump", shot).textContent}`;
      viewer.showModal();
    });
  }
  $(".close", viewer).addEventListener("click", () => viewer.close());
  viewer.addEventListener("click", (event) => { if (event.target === viewer) viewer.close(); });

  // Paper shows everything.
  addEventListener("beforeprint", () => { for (const part of $$("details")) part.open = true; });

  // Start where there is something to read.
  if (timelines.length > 0) {
    const { bin_s, bins, traces } = timelines[0];
    const values = Object.values(traces);
    const known = (bin) => values.filter((trace) => trace[bin] != null).length;
    let first = 0;
    for (let bin = 1; bin < bins; bin += 1) if (known(bin) > known(first)) first = bin;
    setTime((first + 0.5) * bin_s);
  }
})();
