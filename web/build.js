// Builds the files that the program embeds: the panel with its languages, the loader as a
// classic script and as an ES module, the pages, and the inbox. Each file also gets copies
// that are compressed with Brotli and with gzip. Argument: the folder, by default `dist`.

import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

const dist = resolve(process.argv[2] ?? 'dist');
/** Names end in the hash of the content, so that browsers may keep the files forever. */
const HASHED = 'assets/[name]-[hash].js';

/** The settings that all parts share. */
const base = {
  root: import.meta.dirname,
  base: './',
  configFile: false,
  publicDir: false,
  logLevel: 'warn',
};
const buildBase = {
  outDir: dist,
  emptyOutDir: false,
  target: 'es2022',
  modulePreload: false,
  reportCompressedSize: false,
  assetsInlineLimit: 0,
};

/**
 * Keeps only the lexer of marked. Its module also creates an instance with a parser and a
 * renderer of HTML, which a bundler cannot remove: a third of its size.
 */
const lexerOnly = {
  name: 'lexer-only',
  transform(code, id) {
    if (!id.endsWith('/marked.esm.js')) return null;
    const [, lexer] = /export\{.*?(\w+) as Lexer\b/s.exec(code) ?? [];
    const start = code.search(/var \w+=new \w+;function \w+\(\w,\w\)\{return \w+\.parse\(/);
    if (!lexer || start < 0) throw new Error('marked has another form: adapt lexerOnly');
    return `${code.slice(0, start)}export{${lexer} as Lexer};`;
  },
};

async function buildPanel() {
  const output = await build({
    ...base,
    plugins: [lexerOnly],
    build: {
      ...buildBase,
      emptyOutDir: true,
      rolldownOptions: {
        input: { panel: 'widget/panel/index.tsx' },
        preserveEntrySignatures: 'strict',
        output: { format: 'es', entryFileNames: HASHED, chunkFileNames: HASHED },
      },
    },
  });
  const entry = output.output.find((file) => file.type === 'chunk' && file.isEntry);
  return entry.fileName;
}

async function buildLoader(input, fileName, format, panelPath) {
  await build({
    ...base,
    define: { PANEL_PATH: JSON.stringify(panelPath) },
    build: {
      ...buildBase,
      rolldownOptions: {
        input,
        preserveEntrySignatures: 'strict',
        output: { format, entryFileNames: fileName },
      },
    },
  });
}

async function buildPages(panelPath) {
  await build({
    ...base,
    // A page that consists of the chat contains the loader.
    define: { PANEL_PATH: JSON.stringify(panelPath) },
    root: join(import.meta.dirname, 'pages'),
    build: {
      ...buildBase,
      rolldownOptions: {
        input: ['chat.html', 'home.html', 'shop.html'].map((page) =>
          join(import.meta.dirname, 'pages', page),
        ),
        output: { assetFileNames: 'assets/[name]-[hash][extname]', entryFileNames: HASHED },
      },
    },
  });
}

/** The program puts a nonce in place of this text into each response. */
const NONCE = '__CSP_NONCE__';

/** The inbox has English texts only; each of these modules has the texts of a language. */
const englishOnly = {
  name: 'english-only',
  transform(_, id) {
    const isText = /\/(react-aria|react-stately|react-aria-components)\/dist\/.*\/intl\//.test(id);
    return isText && !/\/en-US\.m?js$/.test(id) ? 'export default {};' : null;
  },
};

/** The names of the packages whose code is in the inbox. */
const inboxPackages = new Set();
const packageNames = {
  name: 'package-names',
  generateBundle(_, bundle) {
    for (const file of Object.values(bundle)) {
      for (const id of file.type === 'chunk' ? Object.keys(file.modules) : []) {
        const [, name] = /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(id) ?? [];
        if (name) inboxPackages.add(name);
      }
    }
  },
};

async function buildInbox() {
  const root = join(import.meta.dirname, 'inbox');
  await build({
    ...base,
    base: '/',
    root,
    html: { cspNonce: NONCE },
    plugins: [lexerOnly, englishOnly, packageNames],
    build: {
      ...buildBase,
      chunkSizeWarningLimit: 700,
      // The chunks that a page needs are loaded together.
      modulePreload: { polyfill: false },
      rolldownOptions: {
        checks: { moduleLevelDirective: false },
        input: ['inbox.html', 'setup.html'].map((page) => join(root, page)),
        output: {
          assetFileNames: 'assets/[name]-[hash][extname]',
          chunkFileNames: 'assets/inbox-[name]-[hash].js',
          entryFileNames: HASHED,
        },
      },
    },
  });
}

function compress() {
  const files = readdirSync(dist, { recursive: true, withFileTypes: true });
  for (const file of files) {
    if (!file.isFile()) continue;
    const path = join(file.parentPath, file.name);
    const content = readFileSync(path);
    const params = { [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
    writeFileSync(`${path}.br`, brotliCompressSync(content, { params }));
    writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
  }
}

/** The packages of the panel. */
const PANEL_PACKAGES = ['eventsource-parser', 'marked', 'openapi-fetch', 'preact'];

/** The licences of the packages that are part of the built files. */
function writeNotices() {
  const names = [...new Set([...PANEL_PACKAGES, ...inboxPackages])].sort();
  const notices = names.map((name) => {
    const folder = `node_modules/${name}`;
    const file = readdirSync(folder).find((file) => /^licen[cs]e(\.md|\.txt)?$/i.test(file));
    if (!file) throw new Error(`${name} has no licence`);
    const text = readFileSync(join(folder, file), 'utf8');
    return `# ${name}\n\n${text.trim()}\n`;
  });
  writeFileSync(join(dist, 'third-party-notices.txt'), notices.join('\n'));
}

const panelPath = await buildPanel();
await buildLoader('widget/loader/main.ts', 'widget.js', 'iife', panelPath);
await buildLoader('widget/loader/module.ts', 'widget.mjs', 'es', panelPath);
await buildPages(panelPath);
await buildInbox();
writeNotices();
for (const name of ['favicon.ico', 'robots.txt']) copyFileSync(`pages/${name}`, join(dist, name));
compress();
