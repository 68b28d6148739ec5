// Tabs as the ARIA practices describe them: arrows move between them, the address remembers the open one.

import { fill, freshId, h } from "./dom.js";
import { go, where } from "./router.js";
import { loading, problemNotice } from "./states.js";
import { t } from "./i18n.js";

/** { element, start } for [{ id, name, open }]; `open` answers the content, now or later, and may leave `close` on it. */
export function tabs(panels, query) {
  const panelId = freshId("panel");
  const panel = h("div.card", { id: panelId, role: "tabpanel", tabindex: "0" });
  const buttons = panels.map((one, place) => h("button", {
    id: freshId("tab"), type: "button", role: "tab", "aria-controls": panelId, onclick: () => choose(place), onkeydown: (event) => press(event, place),
  }, one.name));
  let open = { close() {} };
  let turn = 0;

  async function show(place) {
    const mine = (turn += 1);
    open.close?.();
    open = {};
    buttons.forEach((button, at) => {
      button.setAttribute("aria-selected", String(at === place));
      button.setAttribute("tabindex", at === place ? "0" : "-1");
    });
    panel.setAttribute("aria-labelledby", buttons[place].id);
    list.scrollLeft = buttons[place].offsetLeft - list.offsetLeft - list.clientWidth / 3;
    fill(panel, loading()[0]);
    try {
      const content = await panels[place].open();
      if (mine !== turn) return;
      fill(panel, content.element ?? content);
      open = content.element ? content : {};
      open.start?.();
    } catch (problem) {
      if (problem.status === undefined && problem.name !== "AbortError") throw problem;
      if (mine === turn && problem.name !== "AbortError") fill(panel, problemNotice(problem));
    }
  }

  function choose(place) {
    go({ ...where(), tab: panels[place].id }, { replace: true, quiet: true });
    show(place);
  }

  function press(event, place) {
    const moves = { ArrowRight: place + 1, ArrowLeft: place - 1, Home: 0, End: panels.length - 1 };
    if (!(event.key in moves)) return;
    event.preventDefault();
    const next = (moves[event.key] + panels.length) % panels.length;
    buttons[next].focus();
    choose(next);
  }

  const list = h("div.tabs", { role: "tablist", "aria-label": t("tab.label") }, buttons);
  return {
    element: h("div", {}, list, panel),
    start: () => show(Math.max(0, panels.findIndex((one) => one.id === query.tab))),
    close: () => open.close?.(),
  };
}
