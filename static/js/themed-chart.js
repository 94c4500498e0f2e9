/** What every chart of ours shares: chart.js, bars on bars, the colours of the page as it is now. */
import "chart.js"; // one classic file for the browser, which sets globalThis.Chart

export function colour(node, property = "color") {
  return getComputedStyle(node)[property];
}

/** Options for stacked bars; `ink` and `line` are colours, `format` makes words of a value. */
export function stackedBars({ ink, line }, format) {
  const ticks = { color: ink, maxRotation: 0, autoSkipPadding: 12 };
  const scale = { stacked: true, border: { display: false } };
  return {
    animation: false,
    maintainAspectRatio: false,
    interaction: { mode: "index", intersect: false },
    scales: {
      x: { ...scale, grid: { display: false }, ticks },
      y: {
        ...scale, beginAtZero: true, grid: { color: line }, ticks: { ...ticks, maxTicksLimit: 6, callback: format },
      },
    },
    plugins: {
      legend: { display: false },
      tooltip: {
        filter: ({ raw }) => raw !== 0 && raw !== null,
        callbacks: { label: ({ dataset, raw }) => ` ${dataset.label}: ${format(raw)}` },
      },
    },
  };
}

/** Draws what `configOf()` says, again whenever light and dark change. */
export function drawThemed(canvas, configOf) {
  const chart = new globalThis.Chart(canvas, configOf());
  const redraw = () => {
    const { data, options } = configOf();
    Object.assign(chart, { data, options });
    chart.update("none");
  };
  // The switch of a page sets the attribute; "auto" follows the system.
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  return chart;
}
