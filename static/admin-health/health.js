// The page reads without this: it draws the chart from the table below it, and keeps the page new.
import { colour, drawThemed, stackedBars } from "../js/themed-chart.js";

const EVERY_MS = 30_000;
const FOCUSED = "chatsite-health-focus";
const OPENED = "chatsite-health-open";

const seconds = (ms) => (ms < 1000 ? `${ms} ms` : `${(ms / 1000).toFixed(1)} s`);

/** What the table says: a label for each row, and for each column its values; none: null. */
function read(table) {
  const rows = [...table.tBodies[0].rows];
  const value = (cell) => (cell.dataset.value === "" ? null : Number(cell.dataset.value));
  const cells = rows.map((row) => [...row.querySelectorAll("[data-value]")].map(value));
  return {
    labels: rows.map((row) => row.cells[0].textContent.trim()),
    columns: cells[0].map((_cell, at) => cells.map((row) => row[at])),
  };
}

function options(legend) {
  const ink = colour(document.body);
  const all = stackedBars({ ink, line: colour(legend, "borderTopColor") }, (count) => count.toLocaleString("en-US"));
  all.scales.y.ticks.precision = 0;
  all.scales.time = {
    position: "right",
    beginAtZero: true,
    border: { display: false },
    grid: { display: false },
    ticks: { color: ink, maxTicksLimit: 6, callback: seconds },
  };
  all.plugins.tooltip.callbacks.label = ({ dataset, raw }) => (
    ` ${dataset.label}: ${dataset.yAxisID === "time" ? seconds(raw) : raw.toLocaleString("en-US")}`
  );
  return all;
}

function draw(place) {
  const { labels, columns } = read(document.getElementById(place.dataset.chart));
  const legend = document.querySelector(".legend");
  const series = [...legend.querySelectorAll("[data-series]")];
  const datasets = () => series.map((item, at) => {
    const hue = colour(item.querySelector(".swatch"), "backgroundColor");
    const same = { label: item.textContent.trim(), data: columns[at], backgroundColor: hue };
    return item.dataset.series === "line"
      ? { ...same, type: "line", yAxisID: "time", borderColor: hue, borderWidth: 2, pointRadius: 2, spanGaps: true }
      : { ...same, maxBarThickness: 24, order: 1 };
  });
  place.hidden = false;
  drawThemed(place.querySelector("canvas"), () => (
    { type: "bar", data: { labels, datasets: datasets() }, options: options(legend) }
  ));
}

/** Puts back what a reload takes away; the browser itself keeps the place. */
function remember() {
  const details = document.querySelector("details");
  if (sessionStorage.getItem(OPENED)) details?.setAttribute("open", "");
  document.getElementById(sessionStorage.getItem(FOCUSED))?.focus({ preventScroll: true });
  sessionStorage.removeItem(OPENED);
  sessionStorage.removeItem(FOCUSED);
}

function reload() {
  if (document.querySelector("details")?.open) sessionStorage.setItem(OPENED, "1");
  sessionStorage.setItem(FOCUSED, document.activeElement?.id ?? "");
  location.reload();
}

/** Loads the page again when it is old, seen, and nobody is marking something to copy. */
function keepNew() {
  const loaded = Date.now();
  const look = () => {
    const old = Date.now() - loaded >= EVERY_MS;
    if (!old || document.visibilityState !== "visible" || !getSelection().isCollapsed) return;
    clearInterval(ticking); // a second reload would break off the first
    document.removeEventListener("visibilitychange", look);
    reload();
  };
  const ticking = setInterval(look, 1000);
  document.addEventListener("visibilitychange", look);
  document.getElementById("refreshed").hidden = false;
}

document.querySelectorAll("[data-chart]").forEach(draw);
remember();
keepNew();
