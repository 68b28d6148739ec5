// The legend under a chart, in HTML so that it is read out and wraps on a phone.

import { h, svg } from "./dom.js";
import { percent, t } from "./i18n.js";
import { columnName, namesOf } from "./names.js";

function sample(kind, colour) {
  const box = svg("svg", { width: "18", height: "12", "aria-hidden": "true" });
  box.style.setProperty("color", `var(${colour})`);
  const shapes = {
    line: () => svg("path", { d: "M0 6h18", stroke: "currentColor", "stroke-width": "2.5" }),
    dash: () => svg("path", { d: "M0 6h18", stroke: "currentColor", "stroke-width": "2.5", "stroke-dasharray": "4 3" }),
    fan: () => svg("path", { d: "M0 2h18v8H0z", fill: "currentColor", opacity: ".35" }),
    event: () => svg("path", { d: "M4 2h10l-5 8z", fill: "currentColor" }),
    flag: () => svg("path", { d: "M0 8h18v4H0z", fill: "currentColor" }),
  };
  box.append(shapes[kind]());
  return box;
}

/** The legend's entries: [kind, colour, words]. */
export const legend = (entries) =>
  h("ul.legend", {}, entries.map(([kind, colour, words]) => h("li", {}, sample(kind, colour), words)));

/** The entries of a forecast's legend; `marked` as in series.js. */
export function entriesOf(data, kinds, marked) {
  const shares = data.ranges.map(({ share }) => percent(share, { decimals: 1 })).join(", ");
  const events = namesOf(kinds, "category").map(columnName).join(", ");
  const flags = namesOf(kinds, "boolean").map(columnName).join(", ");
  return [
    ["line", "--history", t("legend.sold")],
    ["line", "--forecast", t("legend.forecast")],
    data.ranges.length && ["fan", "--forecast", t("legend.range", { shares })],
    marked.some((one) => one.events.length) && ["event", "--event", events],
    marked.some((one) => one.flags.length) && ["flag", "--flag", flags],
    marked.some((one) => one.empty) && ["flag", "--down", t("mark.empty")],
  ].filter(Boolean);
}
