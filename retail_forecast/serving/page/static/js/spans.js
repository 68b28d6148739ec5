// How much of the past a chart shows.

import { h } from "./dom.js";
import { t } from "./i18n.js";

const SPANS = { "1d": [56, 182, 400], "1w": [26, 52, 400] };
const PERIODS_PER_UNIT = { "1d": 7, "1w": 1 };

function label(span, past, frequency) {
  return span >= past.length ? t("span.all") : t("span.weeks", { count: span / PERIODS_PER_UNIT[frequency] });
}

/** Buttons that call `show` with the first date to be seen: { element, press(span), first }. */
export function spanButtons(past, frequency, show) {
  const all = SPANS[frequency];
  const spans = all.filter((_, place) => place === 0 || past.length > all[place - 1]);
  const press = (span) => {
    buttons.forEach((button, place) => button.setAttribute("aria-pressed", String(spans[place] === span)));
    show(past.length > span ? past[past.length - span].date : past[0]?.date);
  };
  const buttons = spans.map((span) =>
    h("button.small", { type: "button", onclick: () => press(span) }, label(span, past, frequency)));
  return { element: h("div.row", { role: "group", "aria-label": t("span.label") }, buttons), press, first: spans[0] };
}
