// What is painted over the lines: the cutoff, events as triangles at the top, flags as strips at the bottom.

function triangle(context, x, y, size) {
  context.beginPath();
  context.moveTo(x - size, y - size * 1.5);
  context.lineTo(x + size, y - size * 1.5);
  context.lineTo(x, y);
  context.fill();
}

function paintCutoff(plot, cutoff, colour) {
  const { ctx: context, bbox: box } = plot;
  const x = Math.round(plot.valToPos(cutoff, "x", true));
  if (x < box.left || x > box.left + box.width) return;
  context.strokeStyle = colour("--ink-soft");
  context.setLineDash([4 * devicePixelRatio, 4 * devicePixelRatio]);
  context.lineWidth = devicePixelRatio;
  context.beginPath();
  context.moveTo(x, box.top);
  context.lineTo(x, box.top + box.height);
  context.stroke();
}

function paintEvents(plot, marks, colour) {
  const { ctx: context, bbox: box } = plot;
  context.fillStyle = colour("--event");
  for (const mark of marks.filter((one) => one.events.length)) {
    const x = plot.valToPos(mark.time, "x", true);
    if (x >= box.left && x <= box.left + box.width) triangle(context, x, box.top - 3 * devicePixelRatio, 5 * devicePixelRatio);
  }
}

/** A strip of one period's width for each of `marks`, `row` strips above the bottom. */
function paintStrips(plot, marks, step, row, fill) {
  const { ctx: context, bbox: box } = plot;
  const height = 4 * devicePixelRatio;
  context.fillStyle = fill;
  for (const { time } of marks) {
    const [left, right] = [time - step / 2, time + step / 2].map((edge) => plot.valToPos(edge, "x", true));
    const begin = Math.max(box.left, left);
    const end = Math.min(box.left + box.width, right);
    if (end > begin) context.fillRect(begin, box.top + box.height - height * (1 + 1.5 * row), Math.max(1, end - begin), height);
  }
}

/** Paints the marks of a chart; `options` as in drawChart. */
export function paintMarks(plot, { marks = [], cutoff, chosen, low }, colour) {
  const times = plot.data[0];
  if (times.length < 2) return;
  plot.ctx.save();
  if (cutoff) paintCutoff(plot, (cutoff + times[times.findIndex((time) => time > cutoff)]) / 2 || cutoff, colour);
  plot.ctx.setLineDash([]);
  if (!low) {
    paintEvents(plot, marks, colour);
    paintStrips(plot, marks.filter((one) => one.flags.length), times[1] - times[0], 0, colour("--flag"));
    paintStrips(plot, marks.filter((one) => one.empty), times[1] - times[0], 1, colour("--down"));
  }
  const range = chosen?.();
  if (range) paintChosen(plot, range, times[1] - times[0], colour);
  plot.ctx.restore();
}

function paintChosen(plot, [from, to], step, colour) {
  const { ctx: context, bbox: box } = plot;
  const [left, right] = [from - step / 2, to + step / 2].map((time) => plot.valToPos(time, "x", true));
  const begin = Math.max(box.left, left);
  context.globalAlpha = 0.1;
  context.fillStyle = colour("--scenario");
  context.fillRect(begin, box.top, Math.min(box.left + box.width, right) - begin, box.height);
}
