/* Profile of a layer along a line on the map of webmap.js: drawn by the user, shown in a chart below the map. */

const CHART = { width: 900, height: 210, left: 66, right: 14, top: 14, bottom: 36 }; // px

// asked of the parser, so that the page holds no address at all
const SVG_NAMES = new DOMParser().parseFromString("<svg></svg>", "text/html").querySelector("svg").namespaceURI;

function svgElement(tag, attributes, ...children) {
  const node = document.createElementNS(SVG_NAMES, tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

/** Round values inside a range, about as many as wanted. */
function ticksIn(low, high, count) {
  const step = roundDown((high - low) / count) || 1;
  const ticks = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-6; tick += step) ticks.push(tick);
  return ticks.map((tick) => Number(tick.toPrecision(6)));
}

/** Values of a layer at the cells nearest to points evenly along a line of metres; null where there is none. */
function alongLine(layer, codes, grid, cell, [from, to]) {
  const [rows, columns] = grid.shape;
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]);
  const count = Math.max(2, Math.min(2000, Math.round(length / Math.min(...cell)) + 1));
  return Array.from({ length: count }, (_, n) => {
    const share = n / (count - 1);
    const [x, y] = [0, 1].map((axis) => from[axis] + share * (to[axis] - from[axis]));
    const [row, column] = [Math.floor(y / cell[1]), Math.floor(x / cell[0])];
    const inside = row >= 0 && row < rows && column >= 0 && column < columns;
    const code = inside ? codes[row * columns + column] : NO_DATA;
    return [share * length, code === NO_DATA ? null : valueOf(layer, code)];
  });
}

/** Chart of [distance, value or null] in metres and the layer's unit. */
function profileChart(layer, values) {
  const known = values.filter(([, value]) => value !== null).map(([, value]) => value);
  if (!known.length) return element("p", { className: "quiet" }, "The line crosses no values.");
  const { width, height, left, right, top, bottom } = CHART;
  let [low, high] = [Math.min(...known), Math.max(...known)];
  if (high - low < 1e-9) [low, high] = [low - 0.5, high + 0.5];
  const length = values.at(-1)[0];
  const [unit, scale] = length < 2000 ? ["m", 1] : ["km", 1000];
  const x = (distance) => left + (distance / length) * (width - left - right);
  const y = (value) => top + ((high - value) / (high - low)) * (height - top - bottom);
  const text = (value) => String(value).replace("-", "\u2212");
  const svg = svgElement("svg", { viewBox: `0 0 ${width} ${height}`, class: "chart", role: "img" });
  svg.append(svgElement("title", {}, `${layer.title} along the line`));
  for (const tick of ticksIn(low, high, 4)) {
    svg.append(svgElement("line", { x1: left, x2: width - right, y1: y(tick), y2: y(tick), class: "grid" }),
      svgElement("text", { x: left - 6, y: y(tick) + 4, "text-anchor": "end" }, text(tick)));
  }
  for (const tick of ticksIn(0, length / scale, 6)) {
    svg.append(svgElement("text", { x: x(tick * scale), y: height - bottom + 16, "text-anchor": "middle" }, text(tick)));
  }
  let path = "";
  let pen = false;
  for (const [distance, value] of values) {
    if (value !== null) path += `${pen ? "L" : "M"}${x(distance).toFixed(1)} ${y(value).toFixed(1)}`;
    pen = value !== null;
  }
  svg.append(svgElement("path", { d: path, class: "curve" }),
    svgElement("text", { x: (left + width - right) / 2, y: height - 4, "text-anchor": "middle" },
      `distance from A to B (${unit})`),
    svgElement("text", { x: 12, y: (top + height - bottom) / 2, "text-anchor": "middle",
      transform: `rotate(-90 12 ${(top + height - bottom) / 2})` }, layer.unit || layer.title));
  return svg;
}

/** Table of a profile: distance, place and value of each point, as text with commas between. */
function profileTable(layer, values, grid, [from, to]) {
  const unit = layer.unit === "°" ? "deg" : layer.unit;
  const length = values.at(-1)[0];
  const rows = values.map(([distance, value]) => {
    const share = length ? distance / length : 0;
    const [x, y] = [0, 1].map((axis) => from[axis] + share * (to[axis] - from[axis]));
    const place = lonLat(grid, grid.west + x / grid.metres[0], grid.north - y / grid.metres[1]);
    const text = value === null ? "" : value.toFixed(Math.max(0, layer.decimals));
    return [distance.toFixed(1), ...place.map((degrees) => degrees.toFixed(7)), text];
  });
  return [["distance_m", "lon", "lat", unit ? `${layer.name}_${unit}` : layer.name], ...rows].map((row) => `${row.join(",")}\n`).join("");
}

/** Let the browser save what an address holds itself under a name. */
function save(address, name) {
  element("a", { href: address, download: name }).click();
}

/** Picture of a chart with a line of text above, twice as fine as on the screen: calls back with the address of a PNG. */
function chartPicture(svg, text, done) {
  const { width, height } = CHART;
  const copy = svg.cloneNode(true);
  const [shown, drawn] = [svg, copy].map((root) => [root, ...root.querySelectorAll("*")]);
  shown.forEach((node, n) => { // the picture does not know the styles of the page
    const style = getComputedStyle(node);
    for (const name of ["fill", "stroke", "stroke-width", "font-family", "font-size"]) drawn[n].style.setProperty(name, style.getPropertyValue(name));
  });
  copy.setAttribute("width", width);
  copy.setAttribute("height", height);
  copy.querySelectorAll("text").forEach((node) => node.style.setProperty("font-size", "12px"));
  const image = new Image();
  image.onload = () => {
    const [head, scale] = [28, 2];
    const canvas = element("canvas", { width: scale * width, height: scale * (height + head) });
    const context = canvas.getContext("2d");
    context.scale(scale, scale);
    const page = getComputedStyle(document.body);
    context.fillStyle = page.backgroundColor === "rgba(0, 0, 0, 0)" ? "white" : page.backgroundColor;
    context.fillRect(0, 0, width, height + head);
    context.drawImage(image, 0, head, width, height);
    context.fillStyle = page.color;
    context.font = "bold 13px system-ui, sans-serif";
    context.fillText(text, CHART.left, 19);
    done(canvas.toDataURL("image/png"));
  };
  image.setAttribute("src", `data:image/svg+xml,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`);
}

/** What the map calls: start and drag a line, draw it, and show the values of a layer along it. */
function profileTool(grid, cell, redraw) {
  const tool = { armed: false, line: null, layer: null, codes: null, chart: element("div", { className: "webmap-profile" }) };

  function update() {
    if (!tool.line || !tool.layer) return;
    const values = alongLine(tool.layer, tool.codes, grid, cell, tool.line);
    const close = element("button", { type: "button", textContent: "Remove the line" });
    close.onclick = () => {
      tool.line = null;
      tool.chart.replaceChildren();
      redraw();
    };
    const chart = profileChart(tool.layer, values);
    const name = `profile_${tool.layer.name}`;
    const table = element("button", { type: "button", textContent: "Save as CSV" });
    table.onclick = () => save(
      `data:text/csv;charset=utf-8,${encodeURIComponent(profileTable(tool.layer, values, grid, tool.line))}`, `${name}.csv`);
    const picture = element("button", { type: "button", textContent: "Save as PNG" });
    picture.onclick = () => {
      const ends = tool.line.map(([x, y]) => lonLat(grid, grid.west + x / grid.metres[0], grid.north - y / grid.metres[1]));
      const words = ["A", "B"].map((end, n) => `${end} ${placeText(ends[n])}`).join(" to ");
      chartPicture(chart, `${tool.layer.title}, ${words}`, (address) => save(address, `${name}.png`));
    };
    const saving = chart.matches("svg") ? [table, picture] : []; // a line without values has a sentence in its place
    tool.chart.replaceChildren(chart, ...saving, close);
  }

  tool.start = (point) => { tool.line = [point, point]; };
  tool.drag = (point) => {
    tool.line = [tool.line[0], point];
    if (Math.hypot(point[0] - tool.line[0][0], point[1] - tool.line[0][1]) >= Math.min(...cell)) update();
  };
  tool.show = (layer, codes) => {
    Object.assign(tool, { layer, codes });
    update();
  };
  tool.draw = (context, onScreen, outlined) => {
    if (!tool.line) return;
    const ends = tool.line.map(onScreen);
    outlined(() => {
      context.beginPath();
      context.moveTo(...ends[0]);
      context.lineTo(...ends[1]);
      context.stroke();
      context.font = "bold 14px system-ui, sans-serif";
      ["A", "B"].forEach((name, n) => {
        if (context.lineWidth > 2) context.strokeText(name, ends[n][0] + 6, ends[n][1] - 6);
        context.fillStyle = "black";
        context.fillText(name, ends[n][0] + 6, ends[n][1] - 6);
      });
    });
  };
  return tool;
}
