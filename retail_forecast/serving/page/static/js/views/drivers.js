// What drives a forecast: from the model's starting value, driver by driver, to the number.

import { getIfThere, seriesPath } from "../api.js";
import { freshId, h, svg } from "../dom.js";
import { signed, t, units, weekday } from "../i18n.js";
import { driverName } from "../names.js";
import { empty } from "../states.js";

/** One bar from `from` to `to` on the scale [low, high]. */
function bar(kind, from, to, [low, high]) {
  const at = (value) => `${((value - low) / (high - low)) * 100}%`;
  const width = `${(Math.abs(to - from) / (high - low)) * 100}%`;
  return svg("svg.steps", { "aria-hidden": "true" },
    svg("line.zero", { x1: at(0), x2: at(0), y1: "0", y2: "100%" }),
    svg(`rect.${kind}`, { x: at(Math.min(from, to)), y: "15%", width, height: "70%", rx: "2" }));
}

/** [words, amount, kind, from, to] per row: the start, the drivers, the number. */
function steps({ expected, mean, contributions }, drivers) {
  let level = expected;
  const middle = drivers.filter((driver) => contributions[driver] !== 0).map((driver) => {
    const from = level;
    level += contributions[driver];
    return [driverName(driver), signed(contributions[driver]), contributions[driver] >= 0 ? "more" : "less", from, level];
  });
  return [[t("drivers.expected"), units(expected), "base", 0, expected], ...middle, [t("drivers.mean"), units(mean), "total", 0, mean]];
}

function waterfall(sum, drivers) {
  const rows = steps(sum, drivers);
  const ends = rows.flatMap(([, , , from, to]) => [from, to]);
  const scale = [Math.min(0, ...ends), Math.max(0, ...ends) || 1];
  const heads = [h("th", { scope: "col" }, t("drivers.driver")), h("th", { scope: "col" }, h("span.unseen", {}, t("drivers.bar"))), h("th.number", { scope: "col" }, t("drivers.units"))];
  const body = rows.map(([words, amount, kind, from, to]) =>
    h("tr", {}, h("th", { scope: "row" }, words), h("td.bar-cell", {}, bar(kind, from, to, scale)), h("td.number", {}, amount)));
  return h("table.bars", {}, h("caption", {}, t("drivers.what")), h("thead", {}, h("tr", {}, heads)), h("tbody", {}, body));
}

/** The tab of drivers, for the whole horizon or one of its periods. */
export async function driversTab({ store, item }, signal) {
  const answer = await getIfThere(`v1/explain/${seriesPath(store, item)}`, { signal });
  if (!answer) return h("div", {}, empty(t("drivers.none")));
  const holder = h("div", {}, waterfall(answer.total, answer.drivers));
  const options = [h("option", { value: "" }, t("drivers.horizon")), ...answer.periods.map((one, place) => h("option", { value: String(place) }, weekday(one.date)))];
  const choose = (event) => {
    const place = event.target.value;
    holder.replaceChildren(waterfall(place === "" ? answer.total : answer.periods[Number(place)], answer.drivers));
  };
  const id = freshId("period");
  const chooser = h("div.row", {}, h("label", { for: id }, t("drivers.period")), h("select", { id, onchange: choose }, options));
  return h("div.stack", {}, chooser, holder, h("p.small.soft", {}, t("drivers.note")));
}
