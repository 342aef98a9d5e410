// Components of the reference page: elements, code blocks, Markdown and schemas. Content of the document is
// inserted as text nodes, never as markup.

const MACHINE_FORMATS = ['int32', 'int64', 'float', 'double'];

export const byId = (id) => document.getElementById(id);

/** The OpenAPI document, to resolve references. */
export let api = {};
export const useDocument = (loaded) => { api = loaded; };

// --- Elements ---

/** Builds an element; empty children (null, false, '') are left out. */
export function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.flat(2).filter((child) => child || child === 0));
  return node;
}

export const code = (text) => el('code', null, String(text));
export const slug = (text) => text.trim().toLowerCase().replace(/\s+/g, '-');
export const literal = (value) => (typeof value === 'string' ? value : JSON.stringify(value));

/** The roles are spelled out because the narrow layout turns rows into blocks, which drops them. */
export function table(label, columns, rows) {
  const head = columns.map((name) => el('th', { scope: 'col', role: 'columnheader' }, name));
  const cell = (content, column) =>
    el('td', { role: 'cell', 'data-label': columns[column] }, el('div', null, content));
  const body = rows.map((row) => el('tr', { role: 'row' }, row.map(cell)));
  return el('table', { role: 'table', 'aria-label': label },
    el('thead', { role: 'rowgroup' }, el('tr', { role: 'row' }, head)),
    el('tbody', { role: 'rowgroup' }, body));
}

// --- Code blocks ---

const JSON_TOKEN = /("(?:\\.|[^"\\])*")(\s*:)?|\b(?:true|false|null)\b|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;

export function coloured(json) {
  const out = [];
  let end = 0;
  for (const found of json.matchAll(JSON_TOKEN)) {
    const [token, text, colon] = found;
    const kind = colon ? 'key' : text ? 'text' : 'value';
    out.push(json.slice(end, found.index), el('span', { class: `json-${kind}` }, text ?? token), colon);
    end = found.index + token.length;
  }
  return [...out, json.slice(end)];
}

/** The clipboard API needs HTTPS or localhost; a selection and the old command work without. */
async function copy(block) {
  try {
    await navigator.clipboard.writeText(block.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(block);
    return document.execCommand('copy');
  }
}

export function copyable(text, what) {
  const said = byId('reference-said');
  const block = el('code', null, text);
  const button = el('button', { type: 'button', class: 'copy', 'aria-label': `Copy ${what}` }, 'Copy');
  button.addEventListener('click', async () => {
    const done = await copy(block);
    button.textContent = done ? 'Copied' : 'Selected';
    said.textContent = done ? 'Copied' : 'Selected: copy it with the keyboard';
    setTimeout(() => { button.textContent = 'Copy'; said.textContent = ''; }, 2000);
  });
  return el('div', { class: 'copyable' }, el('pre', null, block), button);
}

// --- Markdown: headings, paragraphs, lists, fences, `code`, **bold**, *emphasis*, [links](url) ---

const INLINE = /`([^`]+)`|\*\*(.+?)\*\*|\*(\S(?:[^*]*\S)?)\*|\[((?:`[^`]*`|[^\]])+)\]\(([^)\s]+)\)/g;
const SAFE_LINK = /^(https?:\/\/|mailto:|[/#])/i;

export function inline(text) {
  const out = [];
  let end = 0;
  for (const found of text.matchAll(INLINE)) {
    const [whole, literalText, strong, emphasis, label, href] = found;
    out.push(text.slice(end, found.index));
    if (literalText) out.push(code(literalText));
    else if (strong) out.push(el('strong', null, inline(strong)));
    else if (emphasis) out.push(el('em', null, inline(emphasis)));
    else if (SAFE_LINK.test(href)) out.push(el('a', { href }, inline(label)));
    else out.push(...inline(label));
    end = found.index + whole.length;
  }
  return [...out, text.slice(end)];
}

function listBlock(lines) {
  const items = [];
  for (const line of lines) {
    const item = line.match(/^\s*(?:[-*+]|\d+[.)])\s+(.*)/);
    if (item) items.push(item[1]);
    else items[items.length - 1] += ` ${line.trim()}`;
  }
  const tag = /^\s*\d/.test(lines[0]) ? 'ol' : 'ul';
  return el(tag, null, items.map((item) => el('li', null, inline(item))));
}

function textBlock(block, level) {
  if (block.startsWith('```')) {
    return el('pre', null, code(block.replace(/^```[^\n]*\n?/, '').replace(/\n?```\s*$/, '')));
  }
  const heading = block.match(/^(#+)\s+(.*)/);
  if (heading) return el(`h${Math.min(6, level + (heading[1].length > 2))}`, null, inline(heading[2]));
  const lines = block.split('\n');
  const start = lines.findIndex((line) => /^\s*(?:[-*+]|\d+[.)])\s/.test(line));
  const before = start < 0 ? lines : lines.slice(0, start);
  return [before.length > 0 && el('p', null, inline(before.join(' '))),
    start >= 0 && listBlock(lines.slice(start))];
}

export function markdown(text, level = 5) {
  if (!text) return null;
  // A fence keeps its blank lines; a heading ends at its line.
  const blocks = text.replace(/\r\n/g, '\n').match(/```[\s\S]*?(?:```|$)|#+ .*|(?:(?!```|#+ ).+\n?)+/g);
  return el('div', { class: 'prose' }, (blocks ?? []).map((block) => textBlock(block.trimEnd(), level)));
}

// --- Schemas ---

/** Follows a local reference; keys beside `$ref` win, and the last name is kept for labels. */
export function deref(node) {
  if (!node || typeof node !== 'object') return {};
  const { $ref, ...beside } = node;
  if (!$ref) return node;
  const steps = $ref.replace(/^#\//, '').split('/')
    .map((step) => decodeURIComponent(step).replace(/~1/g, '/').replace(/~0/g, '~'));
  const target = steps.reduce((at, step) => at?.[step], api);
  return { ...deref(target), $name: steps.at(-1), ...beside };
}

function mergeAllOf({ allOf, ...rest }) {
  const parts = [...allOf.map(view), rest];
  const merged = Object.assign({}, ...parts);
  merged.properties = Object.assign({}, ...parts.map((part) => part.properties));
  merged.required = parts.flatMap((part) => part.required ?? []);
  if (allOf.length > 1) merged.$name = rest.$name;
  return merged;
}

/** One flat view of a schema: references followed, allOf merged, null moved out of the types. */
export function view(schema) {
  let flat = deref(schema);
  if (flat.allOf) flat = mergeAllOf(flat);
  let nullable = flat.nullable === true || [flat.type].flat().includes('null');
  const { oneOf, anyOf, ...rest } = flat;
  const all = oneOf ?? anyOf ?? [];
  const variants = all.filter((variant) => deref(variant).type !== 'null');
  if (variants.length < all.length) nullable = true;
  if (variants.length === 1) {
    const only = view(variants[0]);
    return { ...only, ...rest, nullable: nullable || only.nullable };
  }
  const types = [flat.type].flat().filter((type) => type && type !== 'null');
  return { ...flat, types, nullable, variants };
}

const itemsOf = (shape) => (shape.types.includes('array') ? view(shape.items) : null);
const innermost = (shape) => (itemsOf(shape) ? innermost(itemsOf(shape)) : shape);
const mapValue = (shape) => typeof shape.additionalProperties === 'object' && shape.additionalProperties;

/** The label of a variant: its name, or the only value of its `type`. */
function variantLabel(shape) {
  const kind = view(shape.properties?.type);
  return shape.$name ?? shape.title ?? kind.const ?? (kind.enum?.length === 1 ? kind.enum[0] : bareType(shape));
}

function bareType(shape) {
  const items = itemsOf(shape);
  // Recursive schemas are shown by name.
  if (items) return `array of ${(items.variants.length || itemsOf(items)) && items.$name || typeLabel(items)}`;
  if (shape.variants.length > 4) return shape.$name ?? `one of ${shape.variants.length} shapes`;
  if (shape.variants.length) return shape.variants.map((one) => variantLabel(view(one))).join(' or ');
  const value = shape.const ?? shape.enum?.[0];
  const types = shape.types.join(' or ') || (value === undefined ? 'any' : typeof value);
  if (types === 'object') return shape.$name ?? (mapValue(shape) ? 'object, free keys' : 'object');
  return shape.format && !MACHINE_FORMATS.includes(shape.format) ? `${types} (${shape.format})` : types;
}

export const typeLabel = (shape) => bareType(shape) + (shape.nullable ? ' or null' : '');

function between(low, high, unit = '') {
  if (low === undefined && high === undefined) return null;
  if (high === undefined) return `at least ${low}${unit}`;
  if (low === undefined) return `at most ${high}${unit}`;
  return low === high ? `${low}${unit}` : `${low} to ${high}${unit}`;
}

/** [term, content] pairs for everything that narrows the values. */
export function limits(shape) {
  const values = shape.const !== undefined ? [shape.const] : shape.enum?.filter((one) => one !== null);
  return [
    ['Range', between(shape.minimum, shape.maximum)],
    ['More than', shape.exclusiveMinimum?.toString()],
    ['Less than', shape.exclusiveMaximum?.toString()],
    ['Length', between(shape.minLength, shape.maxLength, ' characters')],
    ['Count', between(shape.minItems, shape.maxItems, ' items')],
    ['Pattern', shape.pattern && code(shape.pattern)],
    [values?.length === 1 ? 'Always' : 'One of', values?.map((one) => [code(literal(one)), ' '])],
    ...(itemsOf(shape) ? limits(itemsOf(shape)) : []),
  ].filter(([, content]) => content);
}

export function termList(pairs) {
  return pairs.length > 0 && el('dl', { class: 'limits' },
    pairs.map(([term, content]) => el('div', null, el('dt', null, term), el('dd', null, content))));
}

const insideLabel = (shape) =>
  (shape.variants.length ? 'Shapes' : 'Fields') + (shape.$name ? ` of ${shape.$name}` : '');

function field(name, schema, required, trail) {
  const shape = view(schema);
  const inside = schemaTree(schema, trail);
  const extra = limits(shape);
  if (shape.default !== undefined) extra.push(['Default', code(literal(shape.default))]);
  if (shape.example !== undefined) extra.push(['Example', code(literal(shape.example))]);
  return el('li', null,
    el('p', { class: 'field-head' }, name, ' ', el('span', { class: 'type' }, typeLabel(shape)), ' ',
      required && el('span', { class: 'required' }, 'required')),
    markdown(shape.description), termList(extra),
    inside && el('details', null, el('summary', null, insideLabel(innermost(shape))), inside));
}

function variantItem(variant, trail) {
  const shape = view(variant);
  const inside = schemaTree(variant, trail);
  const label = variantLabel(shape);
  const type = bareType(shape);
  const title = [code(label), ' ', type !== label && el('span', { class: 'type' }, type)];
  if (!inside) return el('li', null, el('p', { class: 'field-head' }, title), markdown(shape.description));
  return el('li', null, markdown(shape.description),
    el('details', null, el('summary', null, title), inside));
}

/** The fields of an object (or of what an array holds); null for a plain value. */
export function schemaTree(schema, trail = []) {
  const shape = innermost(view(schema));
  if (shape.$name && trail.includes(shape.$name)) {
    return el('p', { class: 'quiet' }, 'The same fields again, as in ', code(shape.$name), ' above.');
  }
  const properties = Object.entries(shape.properties ?? {});
  const nested = properties.length || mapValue(shape)
    || shape.variants.some((variant) => schemaTree(variant, [...trail, shape.$name]));
  if (!nested) return null;
  const path = [...trail, shape.$name];
  const rows = properties.map(([name, property]) =>
    field(code(name), property, shape.required?.includes(name), path));
  if (mapValue(shape)) rows.push(field(el('em', null, 'any key'), shape.additionalProperties, false, path));
  return el('div', { class: 'tree' }, rows.length > 0 && el('ul', { class: 'fields' }, rows),
    shape.variants.length > 0 && [el('p', { class: 'quiet' }, 'One of these shapes:'),
      el('ul', { class: 'fields' }, shape.variants.map((variant) => variantItem(variant, path)))]);
}

/** A value for the curl command: the example of the document, otherwise a minimal value of the type. */
export function sample(schema, depth = 0) {
  const shape = view(schema);
  const offered = shape.example ?? shape.examples?.[0] ?? shape.default ?? shape.const ?? shape.enum?.[0];
  if (offered !== undefined) return offered;
  if (shape.variants.length && depth < 6) return sample(shape.variants[0], depth + 1);
  if (itemsOf(shape)) return depth < 6 ? [sample(shape.items, depth + 1)] : [];
  if (shape.properties || shape.types.includes('object')) {
    const wanted = (shape.required ?? []).filter((name) => shape.properties?.[name] && depth < 6);
    return Object.fromEntries(wanted.map((name) => [name, sample(shape.properties[name], depth + 1)]));
  }
  return { integer: 1, number: 1, boolean: true, null: null }[shape.types[0]] ?? '...';
}
