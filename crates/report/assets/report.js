"use strict";
(() => {
  const $ = (selector, root = document) => root.querySelector(selector);
  const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];
  const data = JSON.parse($("#data").textContent);
  const series = data.series;
  const tracks = $(".tracks");

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
  const cursor = $("#cursor");
  const setTime = (seconds) => {
    if (!series) return;
    const time = Math.min(Math.max(seconds, 0), data.duration_s);
    const bin = Math.min(Math.floor(time / series.bin_s + 1e-6), series.bins - 1);
    cursor.value = bin;
    for (const cell of $$("[data-trace]")) {
      const value = series.traces[cell.dataset.trace]?.[bin];
      const unit = cell.dataset.unit;
      const digits = unit === "°" ? 0 : 2;
      cell.textContent = value == null ? "–" : `${value.toFixed(digits)}${unit}`;
    }
    $("#now").textContent = clock(time);
    cursor.setAttribute("aria-valuetext", clock(time));
    const line = $(".line", tracks);
    line.style.setProperty("--t", data.duration_s > 0 ? time / data.duration_s : 0);
    line.hidden = false;
  };
  const setMark = (start, end) => {
    if (!series || !(data.duration_s > 0)) return;
    const mark = $(".mark", tracks);
    const a = Math.min(start / data.duration_s, 1);
    mark.style.setProperty("--a", a);
    mark.style.setProperty("--w", Math.max(Math.min(end / data.duration_s, 1) - a, 0));
    mark.hidden = false;
  };

  if (series) {
    cursor.addEventListener("input", () => setTime((Number(cursor.value) + 0.5) * series.bin_s));
    const follow = (event) => {
      const plot = event.currentTarget.getBoundingClientRect();
      if (plot.width > 0) setTime(((event.clientX - plot.left) / plot.width) * data.duration_s);
    };
    for (const plot of $$(".chart .plot", tracks)) {
      plot.addEventListener("pointermove", follow);
      plot.addEventListener("pointerdown", follow);
    }
  }

  // Moments, findings and spans lead to their time.
  for (const button of $$("[data-start]")) {
    button.addEventListener("click", () => {
      const [start, end] = [Number(button.dataset.start), Number(button.dataset.end)];
      setTime(start);
      setMark(start, end);
      if (tracks && !tracks.contains(button)) $("#timelines").scrollIntoView();
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
  if (series) {
    const traces = Object.values(series.traces);
    const known = (bin) => traces.filter((values) => values[bin] != null).length;
    let first = 0;
    for (let bin = 1; bin < series.bins; bin += 1) if (known(bin) > known(first)) first = bin;
    setTime((first + 0.5) * series.bin_s);
  }
})();
