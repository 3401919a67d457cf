// Brings a report to life: unpacks the plotting library, draws the plots, follows pointer and keyboard.
(async () => {
  "use strict";
  const data = JSON.parse(document.getElementById("data").textContent);
  const view = document.getElementById("view");
  const readout = document.getElementById("readout");
  const layers = document.getElementById("layers");

  function unzip(text) {
    const packed = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    return new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip")));
  }

  async function unpack() {
    const script = document.createElement("script");
    script.textContent = await unzip(document.getElementById("library").textContent).text();
    document.head.append(script);
  }

  // What is known of every column: one array a field, null where a number is not known (page_numbers.py).
  async function numbers({ number, fields, numbers }) {
    const missing = -(2 ** 31);
    const bytes = new DataView(await unzip(numbers).arrayBuffer());
    const found = {};
    fields.forEach(({ name, decimals }, place) => {
      const [times, over] = [10 ** Math.max(-decimals, 0), 10 ** Math.max(decimals, 0)];
      found[name] = Array.from({ length: number }, (_, index) => {
        const whole = bytes.getInt32(4 * (place * number + index), true);
        return whole === missing ? null : (whole * times) / over;
      });
    });
    return found;
  }

  // Puts the columns into the plots, which come without them.
  function fill(columns) {
    const said = data.columns.fields.slice(0, data.said).map(({ name }) => columns[name]);
    const marks = data.plots.view.data[1];
    Object.assign(marks, { x: columns.x, y: columns.y });
    marks.customdata = columns.x.map((_, index) => said.map((values) => values[index]));
    if (columns.calibrated.includes(0)) marks.marker.symbol = columns.calibrated.map((known) => data.symbols[known]);
    for (const trace of data.plots.counting?.data ?? []) {
      Object.assign(trace, { x: columns.intensity, y: columns[trace.meta] });
    }
  }

  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

  // What a layout must change so that its text and lines are the page's.
  function colours(layout) {
    const found = {
      "font.color": css("--text"),
      "modebar.bgcolor": "rgba(0,0,0,0)",
      "modebar.color": css("--soft"),
      "modebar.activecolor": css("--text"),
      "hoverlabel.bgcolor": css("--panel"),
      "hoverlabel.bordercolor": css("--line"),
      "hoverlabel.font.color": css("--text"),
    };
    for (const axis of Object.keys(layout).filter((key) => /^[xy]axis\d*$/.test(key))) {
      found[`${axis}.gridcolor`] = css("--grid");
      found[`${axis}.zerolinecolor`] = css("--grid");
      found[`${axis}.linecolor`] = css("--line");
      found[`${axis}.tickcolor`] = css("--line");
    }
    (layout.shapes || []).forEach((shape, index) => {
      if (shape.type === "line") found[`shapes[${index}].line.color`] = css("--text");
    });
    return found;
  }

  async function paint() {
    for (const place of document.querySelectorAll(".plot")) {
      if (!place.layout) continue;
      const restyle = place.id === "composition" ? { "error_x.color": css("--text") } : {};
      await Plotly.update(place, restyle, colours(place.layout));
    }
  }

  function cell(row, text, head) {
    const made = document.createElement(head ? "th" : "td");
    if (head) made.scope = "row";
    made.textContent = text;
    row.append(made);
  }

  // The read-out of one column; the same words whichever way it was reached.
  function show(index) {
    const values = view.data[1].customdata[index];
    const table = document.createElement("table");
    const caption = table.createCaption();
    caption.textContent =
      `Column ${values[0]}: row ${values[1]}, column ${values[2]} of the image` +
      (values[3] === 0 ? "; total outside the calibrated range" : "");
    data.targets.forEach((target, place) => {
      const order = data.order[place];
      const [count, low, high] = values.slice(data.first + 3 * order, data.first + 3 * order + 3);
      const row = table.insertRow();
      cell(row, target, true);
      cell(row, `${count.toFixed(1)} atoms`);
      if (low !== null) cell(row, `${low} to ${high}`);
    });
    if (values[4] !== null) {
      const row = table.insertRow();
      cell(row, "atom counting", true);
      cell(row, `${values[4].toFixed(1)} atoms`);
      if (values[data.first + 1] !== null) cell(row, "");
    }
    readout.replaceChildren(table);
    readout.dataset.column = values[0];
  }

  // A ring around the column in focus, added to the squares of the domain check.
  function mark(index) {
    const [x, y] = [view.data[1].x[index], view.data[1].y[index]];
    const reach = data.ring;
    const ring = { type: "circle", x0: x - reach, x1: x + reach, y0: y - reach, y1: y + reach,
      line: { color: "#F0E442", width: 3 } };
    Plotly.relayout(view, { shapes: [...data.regions, ring] });
  }

  // The nearest column in the direction of an arrow: how far along counts once, how far aside twice.
  function neighbour(from, across, down) {
    const { x, y } = view.data[1];
    let best = from;
    let least = Infinity;
    for (let index = 0; index < x.length; index += 1) {
      const along = (x[index] - x[from]) * across + (y[index] - y[from]) * down;
      const aside = Math.abs((x[index] - x[from]) * down) + Math.abs((y[index] - y[from]) * across);
      const cost = along + 2 * aside;
      if (along > 1e-9 && aside <= along && cost < least) [best, least] = [index, cost];
    }
    return best;
  }

  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
  let current = null;

  function focus(index) {
    current = index;
    mark(index);
    show(index);
    Plotly.Fx.hover(view, [{ curveNumber: 1, pointNumber: index }]);
  }

  function key(event) {
    const number = view.data[1].x.length;
    if (!number || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Home") focus(0);
    else if (event.key === "End") focus(number - 1);
    else if (event.key === "Escape") {
      current = null;
      Plotly.Fx.unhover(view);
      Plotly.relayout(view, { shapes: data.regions });
      readout.textContent = data.hint;
    } else if (ARROWS[event.key]) focus(current === null ? 0 : neighbour(current, ...ARROWS[event.key]));
    else return;
    event.preventDefault();
  }

  function layer(event) {
    const chosen = data.layers[event.target.value];
    Plotly.restyle(view, { source: chosen.source }, [0]);
    const bar = document.getElementById("scale");
    bar.hidden = chosen.ceiling === null;
    bar.querySelector(".most").textContent = chosen.ceiling === null ? "" : `${chosen.ceiling.toFixed(1)} atoms`;
    document.getElementById("remark").textContent = chosen.remark;
  }

  // Where there is no WebGL, many columns are drawn slowly rather than not at all.
  function drawable(traces) {
    const webgl = document.createElement("canvas").getContext("webgl") !== null;
    return webgl ? traces : traces.map((trace) => (trace.type === "scattergl" ? { ...trace, type: "scatter" } : trace));
  }

  await unpack();
  fill(await numbers(data.columns));
  data.plots.view.data[0].source = data.layers.image.source;
  const config = { responsive: true, displaylogo: false, scrollZoom: true };
  for (const [name, figure] of Object.entries(data.plots)) {
    const place = document.getElementById(name);
    await Plotly.newPlot(place, drawable(figure.data), figure.layout, name === "view" ? config
      : { ...config, scrollZoom: false, displayModeBar: false });
  }
  await Plotly.relayout(view, { shapes: data.regions });
  await paint();
  document.addEventListener("themechange", paint);
  view.on("plotly_hover", (event) => {
    const point = event.points.find((candidate) => candidate.curveNumber === 1);
    if (point && point.pointNumber !== current) {
      current = point.pointNumber;
      show(current);
      mark(current);
    }
  });
  view.addEventListener("keydown", key);
  layers.addEventListener("change", layer);
  document.getElementById("rings").addEventListener("change", (event) => {
    Plotly.restyle(view, { "marker.opacity": event.target.checked ? 1 : 0 }, [1]);
  });
  document.documentElement.dataset.ready = "yes";
})();
