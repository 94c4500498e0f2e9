// Draws the stacked chart of the spend dashboard from the table below it, which has the figures.
import { colour, drawThemed, stackedBars } from "../js/themed-chart.js";

/** What the table says: a label for each row, and for each model its values in USD. */
function read(table) {
  const rows = [...table.tBodies[0].rows];
  const names = [...table.tHead.querySelectorAll("[data-series]")].map((th) => th.textContent);
  const cells = rows.map((row) => [...row.querySelectorAll("[data-value]")]);
  return {
    labels: rows.map((row) => row.cells[0].textContent),
    series: names.map((name, i) => ({ name, values: cells.map((row) => Number(row[i].dataset.value)) })),
    links: cells.map((row) => row.map((cell) => cell.querySelector("a").href)),
  };
}

const usd = (value) => `$${value.toLocaleString("en-US", { maximumSignificantDigits: 4 })}`;

function options(data, legend) {
  const all = stackedBars({ ink: colour(document.body), line: colour(legend, "borderTopColor") }, usd);
  all.plugins.tooltip.callbacks.footer = (items) => (
    `together ${usd(items.reduce((sum, item) => sum + item.raw, 0))}`
  );
  all.onClick = (event, _items, chart) => {
    const [bar] = chart.getElementsAtEventForMode(event.native, "nearest", { intersect: true }, false);
    if (bar) location.assign(data.links[bar.index][bar.datasetIndex]);
  };
  return all;
}

function draw(place) {
  const data = read(document.getElementById(place.dataset.chart));
  const legend = document.querySelector(".legend");
  const swatches = [...legend.querySelectorAll(".swatch")]; // a series has the colour of its swatch
  const datasets = () => data.series.map(({ name, values }, i) => ({
    label: name,
    data: values,
    backgroundColor: colour(swatches[i], "backgroundColor"),
    maxBarThickness: 40,
  }));
  place.hidden = false;
  drawThemed(place.querySelector("canvas"), () => (
    { type: "bar", data: { labels: data.labels, datasets: datasets() }, options: options(data, legend) }
  ));
}

/** Choosing a period forgets the days that were named, and the other way round. */
function joinPeriodAndDays(form) {
  const days = [form.elements.from_day, form.elements.to_day];
  form.elements.period.addEventListener("change", ({ target }) => {
    if (target.value !== "days") days.forEach((day) => { day.value = ""; });
  });
  days.forEach((day) => day.addEventListener("change", () => { form.elements.period.value = "days"; }));
}

joinPeriodAndDays(document.querySelector(".spend-filter"));

document.querySelectorAll("[data-chart]").forEach(draw);
