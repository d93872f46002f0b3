// The canvas on which a person marks objects. It runs in `js_on_load` of
// gr.HTML, which hands in `element`, `props`, `trigger` and `watch`.
const find = (selector) => element.querySelector(selector);
const picture = find('img');
const canvas = find('canvas');
const pen = canvas.getContext('2d');
const chips = find('.chips');
const TOOLS = [
  ['paint', 'Paint', 'Paint over all of the object'],
  ['box', 'Box', 'Drag a box around the object'],
  ['scribble', 'Click', 'Click on the object, or draw a line on it'],
  ['erase', 'Erase', 'Erase marks'],
];
const HEIGHT = 380;  // of the largest picture, in pixels of the screen
const BACKGROUND = {name: 'Background', colour: [130, 130, 130]};
const BACKGROUND_LABEL = 254;
const WAIT = 250;  // milliseconds after the last stroke
let image = null;  // id of the image
let labels = new Uint8Array(0);  // a class number per pixel, 0 for none
let partial = new Set();  // classes that are marked in part only
let coarse = new Set();  // classes that are marked with boxes
let classes = [];
let active = 0;  // index of the class, or -1 for the background
let tool = 'paint';
let undo = [];
let start = null;  // where the pointer went down
let last = null;
let timer = 0;
let stroke = 0;  // number of strokes that were sent

function makeButton(parent, text, title, action) {
  const button = document.createElement('button');
  button.type = 'button';
  button.textContent = text;
  button.title = title;
  button.addEventListener('click', action);
  parent.append(button);
  return button;
}

function showTools() {
  for (const button of element.querySelectorAll('[data-tool]')) {
    button.setAttribute('aria-pressed', button.dataset.tool === tool);
  }
}

function showClasses() {
  chips.replaceChildren();
  classes.forEach(showClass);
  if (classes.length) showClass(BACKGROUND, -1);
}

function showClass(one, i) {
  const chip = makeButton(chips, one.name, `Mark ${one.name}`, () => {
    active = i;
    showClasses();
  });
  chip.className = i < 0 ? 'chip background' : 'chip';
  chip.style.setProperty('--colour', `rgb(${one.colour.join()})`);
  chip.setAttribute('aria-pressed', i === active);
}

function classOf(label) {
  return label === BACKGROUND_LABEL ? BACKGROUND : classes[label - 1];
}

function activeLabel() {
  return active < 0 ? BACKGROUND_LABEL : active + 1;
}

// Show the labels of a rectangle, which is all that a stroke changes.
function show(x0 = 0, y0 = 0, x1 = canvas.width, y1 = canvas.height) {
  x0 = Math.max(0, Math.floor(x0));
  y0 = Math.max(0, Math.floor(y0));
  const w = Math.min(canvas.width, Math.ceil(x1)) - x0;
  const h = Math.min(canvas.height, Math.ceil(y1)) - y0;
  if (w <= 0 || h <= 0) return;
  const pixels = pen.createImageData(w, h);
  for (let y = 0; y < h; y++) {
    for (let x = 0; x < w; x++) {
      const one = classOf(labels[(y0 + y) * canvas.width + x0 + x]);
      if (one) pixels.data.set([...one.colour, 160], 4 * (y * w + x));
    }
  }
  pen.putImageData(pixels, x0, y0);
}

function fill(x0, y0, x1, y1, inside = () => true) {
  const value = tool === 'erase' ? 0 : activeLabel();
  const right = Math.min(canvas.width, x1);
  for (let y = Math.max(0, y0); y < Math.min(canvas.height, y1); y++) {
    for (let x = Math.max(0, x0); x < right; x++) {
      if (inside(x + 0.5, y + 0.5)) labels[y * canvas.width + x] = value;
    }
  }
  show(x0, y0, x1, y1);
}

function radius() {
  const share = tool === 'scribble' ? 10 : find('.size').valueAsNumber;
  return Math.max(1, share / 1000 * Math.max(canvas.width, canvas.height));
}

// Fill all pixels that are near a line.
function line(from, to) {
  const r = radius();
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = dx * dx + dy * dy || 1;
  fill(
    Math.floor(Math.min(from.x, to.x) - r),
    Math.floor(Math.min(from.y, to.y) - r),
    Math.ceil(Math.max(from.x, to.x) + r),
    Math.ceil(Math.max(from.y, to.y) + r), (x, y) => {
      const part = ((x - from.x) * dx + (y - from.y) * dy) / length;
      const t = Math.min(1, Math.max(0, part));
      const [ex, ey] = [x - from.x - t * dx, y - from.y - t * dy];
      return ex * ex + ey * ey <= r * r;
    });
}

function point(event) {
  const box = canvas.getBoundingClientRect();
  return {
    x: (event.clientX - box.left) * canvas.width / box.width,
    y: (event.clientY - box.top) * canvas.height / box.height,
  };
}

// The labels as a PNG whose red channel holds them.
function encode() {
  const copy = document.createElement('canvas');
  [copy.width, copy.height] = [canvas.width, canvas.height];
  const context = copy.getContext('2d');
  const pixels = context.createImageData(copy.width, copy.height);
  labels.forEach((label, i) => pixels.data.set([label, 0, 0, 255], 4 * i));
  context.putImageData(pixels, 0, 0);
  return copy.toDataURL('image/png');
}

function send() {
  clearTimeout(timer);
  timer = 0;
  const used = new Set(labels);
  const any = (some) => [...some].some((label) => used.has(label));
  stroke += 1;
  trigger('stroke', {
    image, stroke, labels: encode(), partial: any(partial),
    coarse: any(coarse), classes: classes.map((one) => one.name)});
}

function changed() {
  clearTimeout(timer);
  timer = setTimeout(send, WAIT);
}

function remember() {
  undo.push([labels.slice(), new Set(partial), new Set(coarse)]);
  undo = undo.slice(-20);
}

function restore() {
  if (!undo.length) return;
  [labels, partial, coarse] = undo.pop();
  show();
  changed();
}

canvas.addEventListener('pointerdown', (event) => {
  if (!image || event.button) return;
  if (!classes.length && tool !== 'erase') {
    trigger('nameless', {});
    return;
  }
  canvas.setPointerCapture(event.pointerId);
  remember();
  start = last = point(event);
  const label = activeLabel();
  if (active < 0) {
    // The background alone leaves the rest unknown or not, as it was.
  } else if (!labels.includes(label)) {
    partial.delete(label);
    coarse.delete(label);
    if (tool === 'scribble') partial.add(label);
  } else if (tool === 'paint' || tool === 'box') {
    partial.delete(label);
  }
  if (tool === 'box' && active >= 0) coarse.add(label);
  if (tool !== 'box') line(start, start);
});
canvas.addEventListener('pointermove', (event) => {
  if (!start) return;
  const here = point(event);
  if (tool === 'box') {
    show();
    pen.strokeStyle = `rgb(${classOf(activeLabel()).colour.join()})`;
    pen.lineWidth = Math.max(2, canvas.width / 300);
    pen.strokeRect(start.x, start.y, here.x - start.x, here.y - start.y);
  } else {
    line(last, here);
  }
  last = here;
});
canvas.addEventListener('pointerup', () => {
  if (!start) return;
  if (tool === 'box') {
    show();
    fill(
      Math.floor(Math.min(start.x, last.x)),
      Math.floor(Math.min(start.y, last.y)),
      Math.ceil(Math.max(start.x, last.x)),
      Math.ceil(Math.max(start.y, last.y)));
  }
  start = null;
  changed();
});
canvas.addEventListener('pointercancel', () => {
  start = null;
  restore();
});
element.addEventListener('keydown', (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === 'z') restore();
});

async function bitmap(source) {
  const one = new Image();
  one.src = source;
  await one.decode();
  return one;
}

async function load(value) {
  if (!value) return;
  if (timer && value.picture !== undefined) send();  // keep the last stroke
  const fewer = value.classes && value.classes.length < classes.length;
  if (fewer) undo = [];  // with the numbers of the classes before
  if (value.classes) {
    classes = value.classes;
    active = value.active ?? Math.min(active, Math.max(0, classes.length - 1));
    showClasses();
  }
  if (value.picture !== undefined) {
    image = value.image;
    picture.src = value.picture;
    picture.alt = value.name;
    [canvas.width, canvas.height] = [value.width, value.height];
    find('.surface').classList.toggle('empty', !image);
    const shape = value.width / value.height;
    find('.paper').style.width = `min(100%, ${HEIGHT * shape}px)`;
    find('.paper').style.aspectRatio = shape;
    undo = [];
    labels = new Uint8Array(canvas.width * canvas.height);
    partial.clear();
    coarse.clear();
  }
  if (value.labels !== undefined) {
    if (value.picture === undefined && !fewer) remember();
    labels.fill(0);
    partial.clear();
    coarse.clear();
    if (value.labels) {
      const copy = document.createElement('canvas');
      [copy.width, copy.height] = [canvas.width, canvas.height];
      const context = copy.getContext('2d');
      context.drawImage(await bitmap(value.labels), 0, 0);
      const {data} = context.getImageData(0, 0, copy.width, copy.height);
      labels.forEach((_, i) => { labels[i] = data[4 * i]; });
      if (value.partial) partial = new Set(labels);
      if (value.coarse) coarse = new Set(labels);
    }
  }
  show();
}

for (const [name, text, title] of TOOLS) {
  const button = makeButton(find('.tools'), text, title, () => {
    tool = name;
    showTools();
  });
  button.dataset.tool = name;
}
makeButton(find('.tools'), 'Undo', 'Undo the last stroke (Ctrl+Z)', restore);
makeButton(find('.tools'), 'Clear', 'Remove all marks of this image', () => {
  if (!image) return;
  remember();
  labels.fill(0);
  partial.clear();
  show();
  changed();
});
showTools();
watch('value', () => load(props.value));
load(props.value);
