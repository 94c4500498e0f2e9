/** /usage/: the page is whole without this; it adds the chart and two conveniences. */
import { figuresOf } from "./figures.js";

const byId = (id) => document.getElementById(id);

/** The fields of the days are there when days are chosen freely. */
function installPeriod(period, fields) {
  const show = () => {
    for (const field of fields) field.hidden = period.value !== "custom";
  };
  period.addEventListener("change", show);
  show();
}

/** Offers the time zone of this machine, when that is another one. */
function installZone(select, button) {
  const here = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const offered = [...select.options].some(({ value }) => value === here);
  if (!offered || here === select.value) return;
  button.textContent = `Use ${here.replaceAll("_", " ")}, as this device`;
  button.hidden = false;
  button.addEventListener("click", () => {
    select.value = here;
    select.form.requestSubmit();
  });
}

async function installChart(figure, table) {
  const { drawChart } = await import("./chart.js");
  figure.hidden = false;
  drawChart(document.body, byId("chart-canvas"), figuresOf(table, figure.dataset.from, figure.dataset.to));
}

installPeriod(byId("id_period"), [...document.querySelectorAll("[data-role=custom]")]);
if (byId("zone-here")) installZone(byId("id_time_zone"), byId("zone-here"));
if (byId("chart")) {
  installChart(byId("chart"), byId("spend-table")).catch((error) => {
    console.error("chatsite: no chart", error);
    document.querySelector(".figures").open = true;
  });
}
