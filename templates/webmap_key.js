/* Key of a layer of webmap.js: a colour bar, or a list of labels. */

const MOST_NAMED = 8; // labels

/** Colour bar, or a list of labels, with the ends and what the layer is. */
function keyOf(layer, codes) {
  const colours = bytesOf(layer.colours);
  const count = colours.length / 3;
  const title = element("div", {}, layer.unit ? `${layer.title} (${layer.unit})` : layer.title);
  const parts = [title];
  if (layer.labels) {
    const labels = [...new Set(codes)].filter((code) => code !== NO_DATA).map((code) => valueOf(layer, code));
    labels.sort((a, b) => a - b);
    const named = labels.slice(0, MOST_NAMED).map((label) => {
      const swatch = element("span", { className: "webmap-swatch" });
      swatch.style.background = cssColour(colours, colourIndex(layer, label, count));
      return element("span", {}, swatch, String(label));
    });
    if (labels.length > MOST_NAMED) named.push(`and ${labels.length - MOST_NAMED} more`);
    parts.push(element("div", { className: "webmap-labels" }, ...named));
  } else {
    const bar = element("canvas", { className: "webmap-bar", width: count, height: 1 });
    const context = bar.getContext("2d");
    for (let index = 0; index < count; index++) {
      context.fillStyle = cssColour(colours, index);
      context.fillRect(index, 0, 1, 1);
    }
    parts.push(bar, element("div", { className: "webmap-ends" }, ...endsOf(layer)));
    if (layer.extremes) {
      const [lowest, highest] = layer.extremes.map((value) => textOf(layer, value));
      parts.push(element("div", { className: "webmap-note" }, `Values: ${lowest} to ${highest}`));
    }
  }
  return [...parts, element("div", { className: "webmap-note" }, `${layer.note}.`)];
}

/** Texts under a colour bar; values beyond an end have its colour, and the text says so. */
function endsOf(layer) {
  const [low, high] = layer.limits;
  const number = (value) => String(Number(value.toPrecision(4))).replace("-", "\u2212");
  const [lowest, highest] = layer.extremes ?? layer.limits;
  const half = 0.5 / 10 ** layer.decimals;
  const texts = [
    (lowest < low - half ? "\u2264 " : "") + number(low),
    number((low + high) / 2),
    (highest > high + half ? "\u2265 " : "") + number(high),
  ];
  return texts.map((text) => element("span", {}, text));
}
