// The chart of history and forecast: uPlot, with our colours, marks, and a cursor for mouse, finger and keyboard.

import { compact, month, shortDay } from "./i18n.js";
import { paintMarks } from "./marks.js";
import { isoDate, seconds } from "./series.js";
import { dateTicks } from "./ticks.js";

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const fan = (name, share) => `rgb(${colour(name)} / ${share})`;

const SPACE = 74;

function axes({ low, write = compact }) {
  const shared = {
    stroke: colour("--ink-soft"),
    font: `12px ${getComputedStyle(document.body).fontFamily}`,
    grid: { stroke: colour("--line"), width: 1 },
    ticks: { stroke: colour("--line"), width: 1, size: 4 },
  };
  const ticks = (plot) => dateTicks(plot.scales.x.min, plot.scales.x.max, Math.max(2, plot.bbox.width / devicePixelRatio / SPACE));
  const dates = {
    ...shared, size: low ? 8 : 30,
    splits: (plot) => ticks(plot).times,
    values: (plot, splits) => splits.map((time) => (low ? "" : (ticks(plot).byMonth ? month : shortDay)(isoDate(time)))),
  };
  return [dates, { ...shared, values: (plot, splits) => splits.map(write), size: 52, space: low ? 34 : 44 }];
}

/** A line of the chart; `dash` and `points` as uPlot has them. */
export const line = (name, width, more = {}) => ({ stroke: () => colour(name), width, points: { show: false }, ...more });
export const edge = { stroke: "transparent", width: 0, points: { show: false } };
export const band = (from, to, name, share) => ({ series: [to, from], fill: () => fan(name, share) });

const fromZero = (plot, low, high) => [Math.min(0, low), high > 0 ? high * 1.08 : 1];
const around = (plot, low, high) => [low - Math.abs(low) * 0.12, high + Math.abs(high) * 0.12 || 1];

function finger(chart, told) {
  const move = (event) => {
    if (event.pointerType === "mouse") return;
    const box = chart.over.getBoundingClientRect();
    chart.setCursor({ left: event.clientX - box.left, top: event.clientY - box.top });
    told(chart);
  };
  chart.over.addEventListener("pointerdown", move);
  chart.over.addEventListener("pointermove", move);
}

function step(chart, by) {
  const [first, final] = chart.series[0].idxs;
  const now = chart.cursor.idx ?? (by > 0 ? first - 1 : final + 1);
  const next = Math.min(final, Math.max(first, now + by));
  chart.setCursor({ left: chart.valToPos(chart.data[0][next], "x"), top: chart.over.clientHeight / 2 });
}

/** Left and right move the cursor one period, with shift seven; Home and End go to the first and the last. */
function keys(chart, told, event) {
  const far = event.shiftKey ? 7 : 1;
  const steps = { ArrowLeft: -far, ArrowRight: far, Home: -1e9, End: 1e9 };
  if (!(event.key in steps)) return;
  event.preventDefault();
  step(chart, steps[event.key]);
  told(chart, true);
}

/**
 * A chart in `box`: { data, series, bands, marks, cutoff, label, low, from, onTold, onSelect }.
 * onTold(index, byKeyboard) hears where the cursor is; onSelect(from, to) what was dragged over, as ISO dates.
 * Returns { update(data), show(from), since(), destroy() }.
 */
export function drawChart(box, options) {
  let chart;
  let { data } = options;
  let from = options.from;
  const height = () => (options.low ? 110 : innerWidth < 600 ? 260 : 340);
  const told = (plot, byKeyboard = false) => options.onTold?.(plot.cursor.idx, byKeyboard);

  function build() {
    chart?.destroy();
    chart = new uPlot(configuration(), data, box);
    finger(chart, told);
    show(from);
  }

  function configuration() {
    const select = (plot) => {
      if (plot.select.width < 4) return;
      const at = (left) => isoDate(plot.posToVal(left, "x"));
      options.onSelect(at(plot.select.left), at(plot.select.left + plot.select.width));
      plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    };
    return {
      width: Math.max(200, box.clientWidth),
      height: height(),
      tzDate: (time) => uPlot.tzDate(new Date(time * 1000), "UTC"),
      legend: { show: false },
      padding: [options.marks?.length ? 22 : 8, 8, options.low ? 4 : 0, 0],
      cursor: { y: false, drag: { x: true, y: false, setScale: !options.onSelect }, sync: options.sync && { key: options.sync } },
      scales: { y: { range: options.low ? around : fromZero } },
      axes: axes(options),
      series: [{}, ...options.series],
      bands: options.bands ?? [],
      hooks: {
        draw: [(plot) => paintMarks(plot, options, colour)],
        setCursor: [(plot) => told(plot)],
        setSelect: options.onSelect ? [select] : [],
      },
    };
  }

  function show(since) {
    from = since;
    const times = data[0];
    if (times.length) chart.setScale("x", { min: since ? seconds(since) : times[0], max: times[times.length - 1] });
  }

  const frame = box.closest("[tabindex]") ?? box;
  const pressed = (event) => keys(chart, told, event);
  const resized = new ResizeObserver(() => chart.setSize({ width: Math.max(200, box.clientWidth), height: height() }));
  build();
  frame.addEventListener("keydown", pressed);
  addEventListener("themechange", build);
  resized.observe(box);
  return {
    show,
    since: () => from,
    update(next) {
      data = next;
      chart.setData(next, false);
      show(from);
    },
    destroy() {
      resized.disconnect();
      removeEventListener("themechange", build);
      frame.removeEventListener("keydown", pressed);
      chart.destroy();
    },
  };
}
