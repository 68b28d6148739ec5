// The bar at the top: name, search, the two switches; and the foot with where the numbers come from.

import { h, svg } from "./dom.js";
import { day, switchLanguage, t } from "./i18n.js";
import { searchBox } from "./search.js";

const ICONS = {
  light: "M12 4V2m0 20v-2m8-8h2M2 12h2m13.7-5.7 1.4-1.4M4.9 19.1l1.4-1.4m11.4 0 1.4 1.4M4.9 4.9l1.4 1.4M12 7.5a4.5 4.5 0 1 0 0 9 4.5 4.5 0 0 0 0-9z",
  dark: "M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z",
};

const icon = (name) =>
  svg("svg", { viewBox: "0 0 24 24", width: "20", height: "20", "aria-hidden": "true" },
    svg("path", { d: ICONS[name], fill: "none", stroke: "currentColor", "stroke-width": "1.8", "stroke-linecap": "round", "stroke-linejoin": "round" }));

function themeButton() {
  const root = document.documentElement;
  const now = root.dataset.theme;
  const next = now === "dark" ? "light" : "dark";
  const change = () => {
    root.dataset.theme = next;
    localStorage.setItem("retail-forecast-theme", next);
    button.replaceWith(themeButton());
    dispatchEvent(new Event("themechange"));
    document.getElementById("theme").focus();
  };
  const button = h("button#theme", { type: "button", "aria-label": t(`theme.${next}`), title: t(`theme.${next}`), onclick: change }, icon(now));
  return button;
}

function languageButton(redraw) {
  const change = async () => {
    await switchLanguage();
    redraw();
    document.getElementById("language").focus();
  };
  return h("button#language", { type: "button", lang: t("language.other.code"), "aria-label": t("language.other"), title: t("language.other"), onclick: change }, t("language.other.short"));
}

let search;

/** Fills the bar; `redraw` shows everything anew, in another language. */
export function drawBar(bar, redraw) {
  search?.destroy();
  search = searchBox();
  const tools = h("div.tools", {}, languageButton(redraw), themeButton());
  bar.replaceChildren(bar.firstElementChild, search.element, tools);
}

/** The foot: vintage, model and cutoff of what is shown, and the way to what is behind them. */
export function foot(model) {
  const told = { vintage: model.vintage, version: model.model_version, cutoff: day(model.cutoff) };
  return [
    h("a", { href: "?page=origin" }, t("foot.origin", told)),
    h("a", { href: "?page=accuracy" }, t("accuracy.title")),
    h("a", { href: "docs", target: "_self" }, t("foot.docs")),
  ];
}
