// Starts the page: words, bar, and the view that the address names.

import { get } from "./api.js";
import { drawBar, foot } from "./bar.js";
import { fill, h } from "./dom.js";
import { loadLanguage, t } from "./i18n.js";
import { onNavigate, where } from "./router.js";
import { loading, problemState } from "./states.js";
import { accuracyView } from "./views/accuracy.js";
import { groupView } from "./views/group.js";
import { homeView } from "./views/home.js";
import { levelView } from "./views/level.js";
import { originView } from "./views/origin.js";
import { seriesView } from "./views/series.js";
import { storeView } from "./views/store.js";

const ATTEMPT_AGAIN_MS = 10_000;
const main = document.getElementById("main");
let shown = { done() {} };
let running = new AbortController();
let waiting;

function viewOf(query) {
  if (query.page === "accuracy") return accuracyView;
  if (query.page === "origin") return originView;
  if (query.store && query.item) return seriesView;
  if (query.store) return storeView;
  if (query.level && query.group) return groupView;
  return query.level ? levelView : homeView;
}

function placeFocus(title, moved) {
  document.title = title ? `${title} – ${t("brand")}` : t("brand");
  if (moved) main.querySelector("h1")?.focus({ preventScroll: true });
}

function place(nodes, done = () => {}) {
  shown.done();
  shown = { done };
  fill(main, nodes);
}

/** Shows the view of the address; what was being loaded before is given up. */
async function show({ moved = false, back = false } = {}) {
  running.abort();
  running = new AbortController();
  const { signal } = running;
  clearTimeout(waiting);
  const slow = setTimeout(() => place(loading()), 200);
  try {
    const model = await get("v1/model", { signal });
    const view = await viewOf(where())({ query: where(), model, signal });
    if (signal.aborted) return;
    place(view.content, view.done);
    view.start?.();
    fill(document.getElementById("foot"), foot(model));
    placeFocus(view.title, moved);
    if (moved && !back) scrollTo(0, 0);
  } catch (problem) {
    if (signal.aborted) return;
    if (problem.status === undefined) throw problem;
    place([problemState(problem, () => show({ moved: true }))]);
    placeFocus("", moved);
    if (problem.status === 503 || problem.status === 0) waiting = setTimeout(show, ATTEMPT_AGAIN_MS);
  } finally {
    clearTimeout(slow);
  }
}

function redraw() {
  drawBar(document.getElementById("bar"), redraw);
  document.querySelector(".skip").textContent = t("skip");
  show();
}

await loadLanguage();
document.body.prepend(h("a.skip", { href: "#main" }, t("skip")));
document.body.append(h("footer#foot.foot"));
onNavigate(({ back }) => show({ moved: true, back }));
redraw();
