// Renders the OpenAPI document of this server as one readable page. Nothing is loaded from elsewhere.

import {
  api, byId, code, coloured, copyable, deref, el, inline, limits, literal, markdown, sample, schemaTree,
  slug, table, termList, typeLabel, useDocument, view,
} from '/v2/reference-parts.js';

const DOCUMENT_URL = '/v2/openapi';
const METHODS = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options', 'trace', 'query'];
const LONG_EXAMPLE = 16;
const wide = matchMedia('(min-width: 60rem)');

// --- Reading the document ---

/** Every operation as {method, path, id, tags, ...}, in the document's order. */
function operations() {
  return Object.entries(api.paths ?? {}).flatMap(([path, reference]) => {
    const item = deref(reference);
    return METHODS.filter((method) => item[method]).map((method) => ({
      ...item[method], method, path,
      id: item[method].operationId ?? slug(`${method} ${path}`),
      title: item[method].summary ?? path,
      tags: item[method].tags?.length ? item[method].tags : ['other'],
      parameters: [...(item.parameters ?? []), ...(item[method].parameters ?? [])].map(deref),
      security: item[method].security ?? api.security ?? [],
    }));
  });
}

/** Operations under their first tag; the document's tag list gives the order. */
function groups(all) {
  const declared = (api.tags ?? []).map((tag) => tag.name);
  const names = [...new Set([...declared, ...all.map((operation) => operation.tags[0])])];
  return names.map((name) => ({
    name,
    description: api.tags?.find((tag) => tag.name === name)?.description,
    members: all.filter((operation) => operation.tags[0] === name),
  })).filter((group) => group.members.length > 0);
}

/** The base URL is the address of this page; the document has only the path. */
function baseUrl() {
  const { pathname } = new URL(api.servers?.[0]?.url ?? '/', location.origin);
  return location.origin + pathname.replace(/\/$/, '');
}

/** [name, {summary, description, value}] pairs of a media type. */
function examplesOf(media) {
  const named = Object.entries(media.examples ?? {}).map(([name, example]) => [name, deref(example)]);
  if (named.length > 0) return named;
  const schema = view(media.schema);
  const value = media.example ?? schema.example ?? schema.examples?.[0];
  return value === undefined ? [] : [['Example', { value }]];
}

const valueOf = (example) => example.value ?? example.dataValue ?? example.serializedValue ?? null;
const mediaOf = (node) =>
  Object.entries(node.content ?? {}).map(([type, media]) => [type, deref(media)]);

/** The `error` objects among the examples of a response. */
function errorsIn(response) {
  return mediaOf(response).flatMap(([, media]) => examplesOf(media))
    .map(([, example]) => valueOf(example)?.error).filter((error) => error?.code);
}

// --- Examples ---

function exampleBlock([name, example], index, all) {
  const value = valueOf(example);
  const text = typeof value === 'string' ? value.trimEnd() : JSON.stringify(value, null, 2);
  const block = [markdown(example.description),
    el('pre', null, el('code', null, typeof value === 'string' ? text : coloured(text)))];
  if (all.length === 1) return el('div', { class: 'example' }, block);
  const open = index === 0 || text.split('\n').length < LONG_EXAMPLE;
  return el('details', { class: 'example', open: open && '' },
    el('summary', null, inline(example.summary || name)), block);
}

// --- The curl line ---

const variable = (name) =>
  `$${name.replace(/([a-z0-9])([A-Z])/g, '$1_$2').replace(/\W+/g, '_').toUpperCase()}`;
const singleQuoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

function credentialArgument(name) {
  const scheme = deref(api.components?.securitySchemes?.[name]);
  if (scheme.type === 'apiKey' && scheme.in === 'cookie') return `-b "${scheme.name}=${variable(name)}"`;
  if (scheme.type === 'apiKey') return scheme.in === 'header' && `-H "${scheme.name}: ${variable(name)}"`;
  if (scheme.scheme === 'basic') return '-u "$USER_NAME:$PASSWORD"';
  return `-H "Authorization: Bearer ${variable(name)}"`;
}

/** Required parameters, and optional ones for which the document offers an example. */
function queryString(parameters) {
  const given = (parameter) => {
    const shape = view(parameter.schema);
    const likely = parameter.required ? shape.default ?? shape.enum?.[0] : undefined;
    return parameter.example ?? shape.example ?? likely;
  };
  const pairs = parameters
    .filter((parameter) => parameter.in === 'query' && (parameter.required || given(parameter) !== undefined))
    .map((parameter) => `${parameter.name}=${given(parameter) === undefined
      ? variable(parameter.name) : encodeURIComponent(literal(given(parameter)))}`);
  return pairs.length ? `?${pairs.join('&')}` : '';
}

function bodyArguments(requestBody) {
  const body = deref(requestBody);
  const [type, media] = mediaOf(body)[0] ?? [];
  if (!type) return [];
  const examples = examplesOf(media).map(([, one]) => one);
  // An example that is not an empty object is preferred.
  const example = examples.find((one) => JSON.stringify(valueOf(one)) !== '{}') ?? examples[0];
  const value = example ? valueOf(example) : sample(media.schema);
  if (!body.required && !example && JSON.stringify(value) === '{}') return [];
  return [`-H "Content-Type: ${type}"`,
    `-d ${singleQuoted(typeof value === 'string' ? value : JSON.stringify(value))}`];
}

function curlLine({ method, path, parameters, security, requestBody, responses }) {
  const inQuery = Object.keys(security[0] ?? {}).map((name) => deref(api.components?.securitySchemes?.[name]))
    .filter((scheme) => scheme.in === 'query' && !parameters.some(({ name }) => name === scheme.name))
    .map(({ name }) => ({ name, in: 'query', required: true }));
  const url = baseUrl() + path.replace(/\{(\w+)\}/g, (_, name) => variable(name))
    + queryString([...parameters, ...inQuery]);
  const streams = Object.values(responses ?? {}).some((one) => deref(one).content?.['text/event-stream']);
  const verb = method === 'get' ? '' : ` -X ${method.toUpperCase()}`;
  const headers = parameters.filter((parameter) => parameter.in === 'header' && parameter.required)
    .map((parameter) => `-H "${parameter.name}: ${variable(parameter.name)}"`);
  return [`curl${streams ? ' -N' : ''}${verb} "${url}"`,
    ...Object.keys(security[0] ?? {}).map(credentialArgument), ...headers, ...bodyArguments(requestBody),
  ].filter(Boolean).join(' \\\n  ');
}

// --- One operation ---

function credentials(security) {
  if (security.length === 0) return 'none';
  return security.map((requirement, index) => [index > 0 && ' or ',
    Object.keys(requirement).length === 0 && 'none',
    Object.keys(requirement).map((name, position) => [position > 0 && ' with ',
      el('a', { href: `#section/authentication/${name}` }, name)]).flat()].flat());
}

function parameterRow(parameter) {
  const schema = parameter.schema ?? mediaOf(parameter)[0]?.[1].schema;
  const shape = view(schema);
  const example = parameter.example ?? shape.example;
  const extra = limits(shape);
  if (example !== undefined) extra.push(['Example', code(literal(example))]);
  return [
    [code(parameter.name), ' ', parameter.required && el('span', { class: 'required' }, 'required'),
      parameter.deprecated && el('span', { class: 'deprecated' }, 'deprecated')],
    parameter.in,
    [el('span', { class: 'type' }, typeLabel(shape)), termList(extra)],
    shape.default === undefined ? '\u2013' : code(literal(shape.default)),
    [markdown(parameter.description ?? shape.description), schemaTree(schema)],
  ];
}

function parameterSection(parameters) {
  return parameters.length > 0 && [el('h4', null, 'Parameters'),
    table('Parameters', ['Name', 'In', 'Type', 'Default', 'Description'], parameters.map(parameterRow))];
}

/** Schema and examples of each media type; the fields of an error stay folded. */
function mediaSection([type, media], folded) {
  const schema = media.schema ?? media.itemSchema;
  const tree = schema && schemaTree(schema);
  const examples = examplesOf(media);
  return el('div', { class: 'media' },
    el('p', { class: 'media-type' }, code(type), schema && [' ',
      el('span', { class: 'type' }, typeLabel(view(schema)))]),
    tree && el('details', { class: 'schema', open: !folded && '' }, el('summary', null, 'Fields'), tree),
    examples.length > 0 && el('div', { class: 'examples' },
      el('p', { class: 'label' }, examples.length > 1 ? 'Examples' : 'Example'), examples.map(exampleBlock)));
}

function requestSection(requestBody) {
  if (!requestBody) return null;
  const body = deref(requestBody);
  return [el('h4', null, 'Request body ', body.required
    ? el('span', { class: 'required' }, 'required') : el('span', { class: 'type' }, 'optional')),
  markdown(body.description), mediaOf(body).map((media) => mediaSection(media, false))];
}

function headerTable(headers) {
  const rows = Object.entries(headers ?? {}).map(([name, reference]) => {
    const header = deref(reference);
    const shape = view(header.schema);
    return [code(name), [el('span', { class: 'type' }, typeLabel(shape)), termList(limits(shape))],
      markdown(header.description)];
  });
  return rows.length > 0 && [el('p', { class: 'label' }, 'Headers'),
    table('Response headers', ['Name', 'Type', 'Description'], rows)];
}

function responseSection([status, reference]) {
  const response = deref(reference);
  const failed = /^[45]/.test(status);
  const [first, ...rest] = (response.description ?? '').trim().split(/\n\s*\n/);
  const codes = [...new Set(errorsIn(response).map((error) => error.code))]
    .filter((one) => !first.includes(one));
  const content = [markdown(rest.join('\n\n')), headerTable(response.headers),
    mediaOf(response).map((media) => mediaSection(media, failed))].flat().filter(Boolean);
  const head = [el('span', { class: `status status-${status[0]}` }, status), ' ',
    el('span', { class: 'meaning' }, inline(first), codes.map((one) => [' ', code(one)]).flat())];
  if (content.length === 0) return el('div', { class: 'response' }, el('p', { class: 'bare' }, head));
  return el('details', { class: 'response', open: !failed && '' }, el('summary', null, head),
    el('div', { class: 'response-body' }, content));
}

const route = (method, path) =>
  [el('span', { class: `method method-${method}` }, method.toUpperCase()), ' ', code(path)];

function operationSection(operation) {
  const { id, method, path, tags, title } = operation;
  const aliases = tags.map((tag) => el('span', { class: 'anchor', id: `tag/${slug(tag)}/${method}${path}` }));
  return el('section', { class: 'operation', id, 'aria-label': title },
    aliases,
    el('h3', null, inline(title), ' ',
      operation.deprecated && el('span', { class: 'deprecated' }, 'deprecated'),
      el('a', { class: 'permalink', href: `#${id}`, 'aria-label': `Link to: ${title}` }, '#')),
    el('p', { class: 'route' }, route(method, path)),
    markdown(operation.description, 4),
    el('p', { class: 'credentials' }, el('span', { class: 'label' }, 'Credential'), ' ',
      credentials(operation.security)),
    copyable(curlLine(operation), `the curl line for: ${title}`),
    parameterSection(operation.parameters), requestSection(operation.requestBody),
    el('h4', null, 'Responses'), Object.entries(operation.responses ?? {}).map(responseSection));
}

// --- The page ---

function howToSend(scheme) {
  if (scheme.type === 'apiKey') return [`${scheme.in} `, code(scheme.name)];
  if (scheme.type !== 'http') return scheme.type;
  const word = scheme.scheme[0].toUpperCase() + scheme.scheme.slice(1);
  return ['header ', code(`Authorization: ${word} <${scheme.bearerFormat ?? 'credentials'}>`)];
}

function authentication() {
  const schemes = Object.entries(api.components?.securitySchemes ?? {});
  if (schemes.length === 0) return null;
  const rows = schemes.map(([name, reference]) => {
    const scheme = deref(reference);
    return [el('span', { id: `section/authentication/${name}` }, code(name)), howToSend(scheme),
      markdown(scheme.description)];
  });
  return el('section', { id: 'section/authentication', 'aria-label': 'Authentication' },
    el('h2', null, 'Authentication'), table('Credentials', ['Name', 'Sent as', 'What it is'], rows));
}

function overview() {
  const { title = 'API reference', version, description, license } = api.info ?? {};
  return el('section', { class: 'overview', id: 'section/overview', 'aria-label': 'Overview' },
    el('h1', null, title, ' ', version && el('span', { class: 'version' }, `version ${version}`)),
    markdown(description, 2),
    el('h2', null, 'Base URL'), copyable(baseUrl(), 'the base URL'),
    el('p', { class: 'quiet' }, 'In the curl lines below, names such as ', code('$SESSION_TOKEN'),
      ' stand for values of your own: set them in the shell first. The same reference for programs: ',
      el('a', { href: DOCUMENT_URL }, DOCUMENT_URL), license?.name && `. License: ${license.name}`, '.'));
}

/** The error codes that the responses show, each once, with all keys seen in its details. */
function errorCatalogue(all) {
  const seen = new Map();
  for (const [status, reference] of all.flatMap(({ responses }) => Object.entries(responses ?? {}))) {
    for (const { code: name, message, details } of errorsIn(deref(reference))) {
      const entry = seen.get(`${status} ${name}`) ?? { status, name, message, keys: new Set() };
      Object.keys(details ?? {}).forEach((key) => entry.keys.add(key));
      seen.set(`${status} ${name}`, entry);
    }
  }
  if (seen.size === 0) return null;
  const rows = [...seen].sort(([a], [b]) => a.localeCompare(b)).map(([, entry]) => [
    el('span', { class: `status status-${entry.status[0]}` }, entry.status), code(entry.name), entry.message,
    entry.keys.size ? [...entry.keys].map((key) => [code(key), ' ']).flat() : '\u2013']);
  return el('section', { id: 'section/errors', 'aria-label': 'Errors' }, el('h2', null, 'Errors'),
    table('Error codes', ['Status', 'Code', 'For example', 'Details'], rows));
}

function groupSection({ name, description, members }) {
  return el('section', { class: 'group', id: `tag/${slug(name)}`, 'aria-label': name },
    el('h2', null, name), markdown(description, 3), members.map(operationSection));
}

function navLink({ id, method, path, title, tags }) {
  const words = `${method} ${path} ${title} ${id} ${tags.join(' ')}`.toLowerCase();
  return el('li', { 'data-words': words }, el('a', { href: `#${id}` },
    el('span', { class: `method method-${method}` }, method.toUpperCase()), ' ',
    el('span', null, inline(title))));
}

function navigation(grouped, sections) {
  const plain = sections.filter(Boolean).map((section) =>
    el('li', null, el('a', { href: `#${section.id}` }, section.getAttribute('aria-label'))));
  return [el('ul', null, plain), grouped.map(({ name, members }) => el('div', { class: 'nav-group' },
    el('h2', null, name), el('ul', null, members.map(navLink))))].flat();
}

function filter() {
  const words = byId('reference-filter').value.toLowerCase().split(/\s+/).filter(Boolean);
  const links = [...document.querySelectorAll('[data-words]')];
  for (const link of links) link.hidden = !words.every((word) => link.dataset.words.includes(word));
  for (const group of document.querySelectorAll('.nav-group')) {
    group.hidden = !group.querySelector('[data-words]:not([hidden])');
  }
  const left = links.filter((link) => !link.hidden).length;
  byId('reference-count').textContent = words.length ? `${left} of ${links.length} operations` : '';
}

/** Marks the operation at the top of the window in the sidebar. */
function followScrolling() {
  const links = new Map([...document.querySelectorAll('#reference-nav a')]
    .map((link) => [link.getAttribute('href').slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    const shown = entries.find((entry) => entry.isIntersecting);
    if (!shown) return;
    for (const link of links.values()) link.removeAttribute('aria-current');
    links.get(shown.target.id).setAttribute('aria-current', 'true');
    if (wide.matches) links.get(shown.target.id).scrollIntoView({ block: 'nearest' });
  }, { rootMargin: '-10% 0px -85% 0px' });
  for (const id of links.keys()) observer.observe(byId(id));
}

/** Printed pages have no folded parts. */
function unfoldForPrint() {
  let folded = [];
  addEventListener('beforeprint', () => {
    folded = [...document.querySelectorAll('details:not([open])')];
    folded.forEach((details) => { details.open = true; });
  });
  addEventListener('afterprint', () => folded.forEach((details) => { details.open = false; }));
}

function show() {
  const all = operations();
  const grouped = groups(all);
  const [start, access, errors] = [overview(), authentication(), errorCatalogue(all)];
  const title = `${api.info?.title ?? 'API'} reference`;
  document.title = byId('reference-brand').textContent = title;
  byId('reference-nav').replaceChildren(...navigation(grouped, [start, access, errors]));
  byId('reference-content').replaceChildren(
    ...[start, access, errors, ...grouped.map(groupSection)].filter(Boolean));
  byId('reference-contents').hidden = false;
  // The browser resolved the fragment before its target existed.
  byId(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView({ behavior: 'instant' });
  followScrolling();
}

function showFailure(reason) {
  byId('reference-content').replaceChildren(el('h1', null, 'API reference'),
    el('div', { class: 'notice', role: 'alert' },
      el('p', null, el('strong', null, 'The API document could not be shown.'), ` ${reason}`),
      el('p', null, 'See whether ', el('a', { href: DOCUMENT_URL }, DOCUMENT_URL),
        ' opens. If it does not, start the server (or look at its log); then reload this page.')));
}

async function load() {
  const response = await fetch(DOCUMENT_URL, { headers: { Accept: 'application/json' } });
  if (!response.ok) throw new Error(`The server answered ${response.status}.`);
  useDocument(await response.json());
  show();
}

const contents = byId('reference-contents');
const foldContents = () => { contents.open = wide.matches; };
wide.addEventListener('change', foldContents);
foldContents();
byId('reference-filter').addEventListener('input', filter);
unfoldForPrint();
load().catch((error) => showFailure(error.message))
  .finally(() => byId('reference-content').removeAttribute('aria-busy'));
