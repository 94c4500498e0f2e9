/** The stacked chart of spend by day and model. Colours are those of the page, light or dark. */
import { usd } from "../money.js";
import { colour, drawThemed, stackedBars } from "../themed-chart.js";

function optionsOf(page) {
  const ink = colour(page.querySelector(".legend"));
  const line = colour(page.querySelector(".chart"), "borderTopColor");
  const options = stackedBars({ ink, line }, usd);
  options.plugins.tooltip.callbacks.footer = (items) => (
    items.length > 1 ? `All: ${usd(items.reduce((sum, { raw }) => sum + raw, 0))}` : ""
  );
  return options;
}

/** Draws `figures` (figures.js) into the canvas, again whenever light and dark change. */
export function drawChart(page, canvas, { labels, series }) {
  const swatches = [...page.querySelectorAll(".swatch")];
  const datasets = () => series.map(({ model, amounts }, at) => ({
    label: model,
    data: amounts,
    backgroundColor: colour(swatches[at], "backgroundColor"),
    borderRadius: 2,
    maxBarThickness: 36,
  }));
  return drawThemed(canvas, () => ({
    type: "bar", data: { labels, datasets: datasets() }, options: optionsOf(page),
  }));
}
