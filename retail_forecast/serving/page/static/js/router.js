// A view is a query: ?store=…&item=…&tab=…. Links are real links, so a new tab, a bookmark and "back" work.

const listeners = new Set();

/** The present query as a plain object. */
export const where = () => Object.fromEntries(new URLSearchParams(location.search));

/** The address of a view; parameters that are empty are left out. */
export function address(parameters) {
  const given = Object.entries(parameters).filter(([, value]) => value !== undefined && value !== null && value !== "");
  const query = new URLSearchParams(given).toString().replaceAll("%2F", "/").replaceAll("%3A", ":").replaceAll("%2C", ",");
  return query ? `?${query}` : location.pathname;
}

/** Shows another view; with `quiet` only the address changes, as while one drags. */
export function go(parameters, { replace = false, quiet = false } = {}) {
  history[replace ? "replaceState" : "pushState"](null, "", address(parameters));
  if (!quiet) for (const listener of listeners) listener({ back: false, replace });
}

/** Calls back at every change of the view. */
export function onNavigate(listener) {
  listeners.add(listener);
  addEventListener("popstate", () => listener({ back: true }));
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href]");
    const plain = event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!link || !plain || event.defaultPrevented || link.hasAttribute("download") || link.target) return;
    const target = new URL(link.href);
    if (target.origin !== location.origin || target.pathname !== location.pathname || target.hash) return;
    event.preventDefault();
    go(Object.fromEntries(target.searchParams));
  });
}
