// Runs before the first paint, so that a dark page never flashes white.
(() => {
  const stored = localStorage.getItem("retail-forecast-theme");
  const dark = matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = stored ?? (dark ? "dark" : "light");
})();
