"use strict";

/* A map of raster layers on a canvas: pan, zoom, switch layers, read values.

   webmap(root, data) fills an empty element. data is what web_map.py makes: the grid, the layers, and the reference
   point in map coordinates; if there are any, relief (a layer below the others) with the opacity of what is over it,
   and roi (rings in map coordinates). The map is drawn in metres on the ground, from its upper left corner, y downward. */

const NO_DATA = 0;
const SCALE_BAR = 130; // px at most
const MOST_CELL = 48; // px: zoom ends where a cell is as large

/** Create an element with properties and children. */
function element(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

function bytesOf(base64) {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

/** Codes of a layer: deflated; low bytes, then high bytes; zigzag of the differences along each row. */
async function unpack(layer, [rows, columns]) {
  const stream = new Blob([bytesOf(layer.data)]).stream().pipeThrough(new DecompressionStream("deflate"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const count = rows * columns;
  const codes = new Uint16Array(count);
  let code = 0;
  for (let cell = 0; cell < count; cell++) {
    if (cell % columns === 0) code = 0;
    const zigzag = bytes[cell] | (bytes[cell + count] << 8);
    code += (zigzag >>> 1) ^ -(zigzag & 1);
    codes[cell] = code; // modulo 2**16
  }
  return codes;
}

/** Codes of a layer of the page, with what another one lets expect of them. */
async function codesOf(layer, layers, shape) {
  const codes = await unpack(layer, shape);
  if (!layer.like) return codes;
  const other = await codesOf(layers.find((one) => one.name === layer.like.layer), layers, shape);
  for (let cell = 0; cell < codes.length; cell++) {
    codes[cell] += Math.floor(layer.like.factor * other[cell] + 0.5); // modulo 2**16
  }
  return codes;
}

function valueOf(layer, code) {
  return (code + layer.first) / 10 ** layer.decimals;
}

function textOf(layer, value) {
  const text = value.toFixed(Math.max(0, layer.decimals)).replace("-", "\u2212");
  return layer.unit ? `${text}${layer.unit === "°" ? "" : "\u00a0"}${layer.unit}` : text;
}

/** Number in the table of colours for a value. */
function colourIndex(layer, value, count) {
  if (layer.labels) return (value - 1) % count;
  const [low, high] = layer.limits;
  return Math.min(count - 1, Math.max(0, Math.floor(((value - low) / (high - low)) * count)));
}

function cssColour(colours, index) {
  return `rgb(${colours[3 * index]} ${colours[3 * index + 1]} ${colours[3 * index + 2]})`;
}

/** Canvas with a pixel for each cell; cells without a value are transparent. */
function paint(layer, codes, [rows, columns]) {
  const colours = bytesOf(layer.colours);
  const table = new Uint8ClampedArray(4 * 65536);
  for (let code = 1; code < 65536; code++) {
    const index = 3 * colourIndex(layer, valueOf(layer, code), colours.length / 3);
    table.set([colours[index], colours[index + 1], colours[index + 2], 255], 4 * code);
  }
  const pixels = new Uint32Array(table.buffer);
  const image = new ImageData(columns, rows);
  const target = new Uint32Array(image.data.buffer);
  codes.forEach((code, cell) => { target[cell] = pixels[code]; });
  const canvas = element("canvas", { width: columns, height: rows });
  canvas.getContext("2d").putImageData(image, 0, 0);
  return canvas;
}

/** Longitude and latitude of map coordinates. */
function lonLat(grid, x, y) {
  const terms = grid.lonlat;
  if (!terms) return [x, y];
  const u = (x - terms.middle[0]) / terms.half[0];
  const v = (y - terms.middle[1]) / terms.half[1];
  let [lon, lat, term] = [0, 0, 0];
  for (let i = 0; i <= terms.degree; i++) {
    for (let j = 0; i + j <= terms.degree; j++, term++) {
      const power = u ** i * v ** j;
      lon += terms.lon[term] * power;
      lat += terms.lat[term] * power;
    }
  }
  return [lon, lat];
}

function placeText([lon, lat]) {
  const side = (value, [positive, negative]) => `${Math.abs(value).toFixed(5)}° ${value < 0 ? negative : positive}`;
  return `${side(lat, "NS")}, ${side(lon, "EW")}`;
}

/** The largest of 1, 2, 5, 10, ... that is not larger. */
function roundDown(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return power * [5, 2, 1].find((digit) => digit * power <= value * (1 + 1e-9));
}

function webmap(root, data) {
  if (!("DecompressionStream" in window)) {
    root.append(element("p", { className: "warning" },
      "This browser is too old for the map: it needs Chrome or Edge 80, Firefox 113, Safari 16.4 or newer. ",
      "The files below open in QGIS."));
    return;
  }
  const { grid, layers } = data;
  const [rows, columns] = grid.shape;
  const cell = [grid.step[0] * grid.metres[0], grid.step[1] * grid.metres[1]]; // m
  const size = [columns * cell[0], rows * cell[1]]; // m
  const toMetres = ([x, y]) => [(x - grid.west) * grid.metres[0], (grid.north - y) * grid.metres[1]];
  const reference = data.reference && toMetres(data.reference);
  const stations = (data.stations ?? []).map((station) => ({ ...station, place: toMetres(station.place) }));
  const roi = (data.roi ?? []).map((ring) => ring.map(toMetres));

  const canvas = element("canvas", { className: "webmap-map", tabIndex: 0 });
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", "Map. Arrow keys move it, plus and minus zoom, 0 shows all of it.");
  const context = canvas.getContext("2d");
  const value = element("b");
  const place = element("span", {}, "Point at the map to read values.");
  const key = element("div", { className: "webmap-key" });

  const view = { zoom: 1, x: size[0] / 2, y: size[1] / 2, width: 0, height: 0 }; // px per m; m at the middle; px
  const shown = { layer: null, codes: null, image: null, relief: null, opacity: data.relief ? data.opacity : 1 };
  let point = null; // that is read, px
  let marked = false; // whether it is drawn: a mouse needs no mark

  const onScreen = ([x, y]) => [(x - view.x) * view.zoom + view.width / 2, (y - view.y) * view.zoom + view.height / 2];
  const onGround = ([x, y]) => [(x - view.width / 2) / view.zoom + view.x, (y - view.height / 2) / view.zoom + view.y];
  const fitting = () => Math.min(view.width / size[0], view.height / size[1]) * 0.97;

  function outlined(draw) {
    for (const [colour, width] of [["white", 4], ["black", 1.5]]) {
      context.strokeStyle = colour;
      context.lineWidth = width;
      draw();
    }
  }

  function drawScaleBar() {
    const metres = roundDown(SCALE_BAR / view.zoom);
    const [length, left, bottom] = [metres * view.zoom, 14, view.height - 14];
    const text = metres < 1000 ? `${metres} m` : `${metres / 1000} km`;
    context.font = "13px system-ui, sans-serif";
    context.fillStyle = "black";
    outlined(() => {
      context.beginPath();
      context.moveTo(left, bottom - 6);
      context.lineTo(left, bottom);
      context.lineTo(left + length, bottom);
      context.lineTo(left + length, bottom - 6);
      context.stroke();
      if (context.lineWidth > 2) context.strokeText(text, left + 6, bottom - 6);
    });
    context.fillText(text, left + 6, bottom - 6);
  }

  function drawRoi() {
    if (!roi.length) return;
    outlined(() => {
      context.beginPath();
      for (const ring of roi) {
        ring.forEach((corner, index) => context[index ? "lineTo" : "moveTo"](...onScreen(corner)));
        context.closePath();
      }
      context.stroke();
    });
  }

  function drawStations() {
    context.font = "12px system-ui, sans-serif";
    for (const { name, place, used } of stations) {
      const [x, y] = onScreen(place);
      context.fillStyle = used ? "black" : "white";
      outlined(() => {
        context.beginPath();
        [[0, -8], [7, 5], [-7, 5]].forEach(([dx, dy], n) => context[n ? "lineTo" : "moveTo"](x + dx, y + dy));
        context.closePath();
        context.stroke();
        context.fill();
        if (context.lineWidth > 2) context.strokeText(name, x + 10, y + 5);
      });
      context.fillStyle = "black";
      context.fillText(name, x + 10, y + 5);
    }
  }

  function drawMarks() {
    drawRoi();
    drawStations();
    profile.draw(context, onScreen, outlined);
    if (reference) {
      const [x, y] = onScreen(reference);
      context.fillStyle = "white";
      context.fillRect(x - 7, y - 7, 14, 14);
      context.fillStyle = "black";
      context.fillRect(x - 5, y - 5, 10, 10);
    }
    if (!marked || !point) return;
    outlined(() => {
      context.beginPath();
      for (const [dx, dy] of [[8, 0], [0, 8]]) {
        context.moveTo(point[0] - dx, point[1] - dy);
        context.lineTo(point[0] + dx, point[1] + dy);
      }
      context.stroke();
    });
  }

  function draw() {
    const ratio = window.devicePixelRatio || 1;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, view.width, view.height);
    const [left, top] = onScreen([0, 0]);
    const smooth = cell[0] * view.zoom < 1;
    for (const [image, alpha] of [[shown.relief, 1], [shown.image, shown.opacity]]) {
      if (!image) continue;
      context.globalAlpha = alpha;
      context.imageSmoothingEnabled = smooth && !shown.layer?.labels;
      context.drawImage(image, left, top, size[0] * view.zoom, size[1] * view.zoom);
    }
    context.globalAlpha = 1;
    drawScaleBar();
    drawMarks();
    read();
  }

  function read() {
    if (!point || !shown.layer) return;
    const [x, y] = onGround(point);
    const [row, column] = [Math.floor(y / cell[1]), Math.floor(x / cell[0])];
    const inside = row >= 0 && row < rows && column >= 0 && column < columns;
    const code = inside ? shown.codes[row * columns + column] : NO_DATA;
    value.textContent = code === NO_DATA ? "no data" : textOf(shown.layer, valueOf(shown.layer, code));
    place.textContent = placeText(lonLat(grid, grid.west + x / grid.metres[0], grid.north - y / grid.metres[1]));
  }

  /** Zoom by a factor so that a point of the screen stays where it is. */
  function zoomAt([x, y], factor) {
    const before = onGround([x, y]);
    const most = Math.max(MOST_CELL / Math.max(...cell), fitting());
    view.zoom = Math.min(most, Math.max(fitting() / 2, view.zoom * factor));
    const after = onGround([x, y]);
    move(before[0] - after[0], before[1] - after[1]);
  }

  /** Move the middle by metres, not farther than the edge of the map. */
  function move(x, y) {
    view.x = Math.min(size[0], Math.max(0, view.x + x));
    view.y = Math.min(size[1], Math.max(0, view.y + y));
    draw();
  }

  function showAll() {
    Object.assign(view, { zoom: fitting(), x: size[0] / 2, y: size[1] / 2 });
    draw();
  }

  const middle = () => [view.width / 2, view.height / 2];

  async function show(layer) {
    shown.wanted = layer;
    const codes = await codesOf(layer, layers, grid.shape);
    if (shown.wanted !== layer) return; // another one was chosen meanwhile
    Object.assign(shown, { layer, codes, image: paint(layer, codes, grid.shape) });
    key.replaceChildren(...keyOf(layer, codes));
    profile.show(layer, codes);
    draw();
    root.dataset.layer = layer.name;
  }

  function button(text, label, action) {
    return element("button", { type: "button", textContent: text, title: label, onclick: action, ariaLabel: label });
  }

  const profile = profileTool(grid, cell, draw);
  const line = button("\u2571", "Draw a line for a profile", () => {
    profile.armed = !profile.armed;
    line.setAttribute("aria-pressed", profile.armed);
  });

  function opacityOf() {
    const input = element("input", { type: "range", min: 0, max: 100, value: 100 * shown.opacity });
    input.oninput = () => { shown.opacity = input.value / 100; draw(); };
    return element("label", { className: "webmap-opacity" }, "Opacity over the relief", input);
  }

  function choice(layer, index) {
    const input = element("input", { type: "radio", name: "webmap-layer", value: layer.name, checked: index === 0 });
    input.onchange = () => show(layer);
    return element("label", {}, input, element("span", {}, layer.title));
  }

  root.append(
    element("div", { className: "webmap-frame" }, canvas, element("div", { className: "webmap-buttons" },
      button("+", "Zoom in", () => zoomAt(middle(), 1.6)),
      button("\u2212", "Zoom out", () => zoomAt(middle(), 1 / 1.6)),
      button("\u2922", "Show all", showAll), line)),
    element("div", { className: "webmap-below" },
      element("div", { className: "webmap-value" }, value, place), profile.chart),
    element("div", { className: "webmap-side" },
      element("fieldset", { className: "webmap-layers" }, element("legend", {}, "Layer"), ...layers.map(choice)),
      ...(data.relief ? [opacityOf()] : []), key),
  );

  const pointers = new Map();
  const pointOf = (event) => [event.offsetX, event.offsetY];

  /** Middle of the fingers, and their mean distance from it. */
  function grip() {
    const all = [...pointers.values()];
    const mean = [0, 1].map((axis) => all.reduce((sum, one) => sum + one[axis], 0) / all.length);
    const spread = all.reduce((sum, [x, y]) => sum + Math.hypot(x - mean[0], y - mean[1]), 0) / all.length;
    return { mean, spread };
  }

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    pointers.set(event.pointerId, pointOf(event));
    point = pointOf(event);
    marked = event.pointerType !== "mouse";
    if (profile.armed) profile.start(onGround(point));
    draw();
  });
  canvas.addEventListener("pointermove", (event) => {
    point = pointOf(event);
    marked = event.pointerType !== "mouse";
    if (profile.armed && pointers.has(event.pointerId)) profile.drag(onGround(point));
    if (profile.armed || !pointers.has(event.pointerId)) {
      draw();
      return;
    }
    const before = grip();
    pointers.set(event.pointerId, pointOf(event));
    const after = grip();
    move((before.mean[0] - after.mean[0]) / view.zoom, (before.mean[1] - after.mean[1]) / view.zoom);
    if (before.spread && after.spread) zoomAt(after.mean, after.spread / before.spread);
  });
  for (const end of ["pointerup", "pointercancel"]) {
    canvas.addEventListener(end, (event) => {
      if (profile.armed && pointers.has(event.pointerId)) line.click(); // the next drag moves the map again
      pointers.delete(event.pointerId);
    });
  }
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
    zoomAt(pointOf(event), Math.exp(-Math.max(-300, Math.min(300, pixels)) / 400));
  }, { passive: false });

  const keys = {
    ArrowLeft: () => move(-40 / view.zoom, 0),
    ArrowRight: () => move(40 / view.zoom, 0),
    ArrowUp: () => move(0, -40 / view.zoom),
    ArrowDown: () => move(0, 40 / view.zoom),
    "+": () => zoomAt(middle(), 1.6),
    "=": () => zoomAt(middle(), 1.6),
    "-": () => zoomAt(middle(), 1 / 1.6),
    0: showAll,
  };
  canvas.addEventListener("keydown", (event) => {
    if (!(event.key in keys) || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    point = middle();
    marked = true;
    keys[event.key]();
  });

  new ResizeObserver(() => {
    const first = view.width === 0;
    const whole = !first && Math.abs(view.zoom / fitting() - 1) < 1e-6;
    Object.assign(view, { width: canvas.clientWidth, height: canvas.clientHeight });
    if (!view.width || !view.height) return;
    const ratio = window.devicePixelRatio || 1;
    Object.assign(canvas, { width: Math.round(view.width * ratio), height: Math.round(view.height * ratio) });
    if (first || whole) showAll();
    else draw();
  }).observe(canvas);
  if (data.relief) {
    unpack(data.relief, grid.shape).then((codes) => {
      shown.relief = paint(data.relief, codes, grid.shape);
      draw();
    });
  }
  show(layers[0]);
}
