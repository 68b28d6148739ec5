// What is shown when there is nothing to show: waiting, an error in words, a missing key, no forecasts yet.

import { forgetKey, hasKey, keepKey } from "./api.js";
import { freshId, h } from "./dom.js";
import { has, t } from "./i18n.js";

export const loading = () => [h("div.skeleton", { role: "status" }, h("span.unseen", {}, t("state.loading"))), h("div.skeleton.tall")];

const state = (title, ...rest) => h("section.card", {}, h("div.state", { role: "alert" }, h("h1", { tabindex: "-1" }, title), ...rest));

/** Nothing to list. */
export const empty = (words) => h("p.soft", {}, words);

function keyForm(retry) {
  const id = freshId("key");
  const field = h("input", { id, type: "password", autocomplete: "off", required: true });
  const submit = (event) => {
    event.preventDefault();
    keepKey(field.value.trim());
    retry();
  };
  return h("form", { onsubmit: submit },
    h("label", { for: id }, t("key.label"), field),
    h("button.primary", { type: "submit" }, t("key.use")));
}

function needsKey(problem, retry) {
  const refused = hasKey();
  forgetKey();
  return state(refused ? t("key.refused") : t("key.title"), h("p", {}, t("key.why")), keyForm(retry));
}

/** The server's own words, which are English in every language. */
const told = (problem) => problem.detail && h("p.soft.small", { lang: "en" }, problem.detail);

/** The problem in words, and what to do about it. */
export function problemState(problem, retry) {
  if (problem.status === 401) return needsKey(problem, retry);
  const known = [`problem.${problem.name}`, `problem.${problem.status}`].find((key) => has(`${key}.title`)) ?? "problem.other";
  const again = h("button.primary", { type: "button", onclick: retry }, t("state.again"));
  return state(t(`${known}.title`), h("p", {}, t(`${known}.what`)), told(problem), h("div.row", {}, again, h("a.button", { href: "./" }, t("state.home"))));
}

/** A problem within a card that otherwise works. */
export function problemNotice(problem) {
  const known = [`problem.${problem.name}.title`, `problem.${problem.status}.title`].find(has) ?? "problem.other.title";
  return h("div.notice.bad", { role: "alert" }, h("p", {}, problem.status === 401 ? t("key.title") : t(known)), told(problem));
}
