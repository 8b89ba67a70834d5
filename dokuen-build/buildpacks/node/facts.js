// What the shell needs to know of package.json, as assignments. Run by the machine's own node, in the app.
'use strict';
const fs = require('fs');

const read = (path) => (fs.existsSync(path) ? fs.readFileSync(path, 'utf8').trim() : '');
const pkg = JSON.parse(read('package.json'));
const scripts = pkg.scripts || {};

// A small reading of npm's ranges: `||`, blanks, `^ ~ >= <= > < =`, `1.x`, `1.2 - 2.3`. Pre-releases are not told apart.
const numbers = (text) => text.replace(/^v/, '').split(/[-+]/)[0].split('.').filter((n) => !/^[xX*]?$/.test(n)).map(Number);
const compare = (a, b) => [0, 1, 2].map((i) => (a[i] || 0) - (b[i] || 0)).find((d) => d !== 0) || 0;
const above = (n, at) => n.slice(0, at).concat(n[at] + 1);

function one(version, text) {
  const [, operator, rest] = /^(\^|~>?|>=|<=|>|<|=)?\s*(.*)$/.exec(text);
  const n = numbers(rest);
  if (n.some(Number.isNaN)) return false;
  if (n.length === 0) return true;
  const last = n.length - 1;
  const within = (end) => compare(version, n) >= 0 && compare(version, end) < 0;
  switch (operator) {
    case '>=': return compare(version, n) >= 0;
    case '>': return compare(version, last < 2 ? above(n, last) : n) >= (last < 2 ? 0 : 1);
    case '<': return compare(version, n) < 0;
    case '<=': return compare(version, above(n, last)) < 0;
    case '^': { const first = n.findIndex((d) => d !== 0); return within(above(n, first < 0 ? last : first)); }
    case '~': case '~>': return within(above(n, Math.min(last, 1)));
    default: return within(above(n, last));
  }
}

function fits(version, range) {
  return range.split('||').some((part) => {
    const text = part.trim().replace(/(\S+)\s+-\s+(\S+)/, '>=$1 <=$2').replace(/([\^~<>=])\s+/g, '$1');
    return text.split(/\s+/).every((each) => each === '' || one(version, each));
  });
}

// nvm has names besides numbers: `node`, `lts/*`, `lts/iron`.
function named(text) {
  if (['node', 'stable', 'latest', 'current', '*'].includes(text)) return true;
  const lts = /^lts\/(.*)$/.exec(text);
  return lts ? Boolean(process.release.lts) && (lts[1] === '*' || lts[1] === process.release.lts.toLowerCase()) : null;
}

const asked = [
  ['package.json', (pkg.engines && pkg.engines.node) || ''],
  ['.nvmrc', read('.nvmrc').split('\n')[0].trim()],
  ['.node-version', read('.node-version').split('\n')[0].trim()],
].find(([, range]) => range !== '') || ['', ''];
const running = numbers(process.version);

const lists = ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies', 'overrides', 'resolutions', 'workspaces', 'pnpm'];
const hooks = ['preinstall', 'install', 'postinstall', 'preprepare', 'prepare', 'postprepare'].filter((name) => scripts[name]);
const told = JSON.stringify(lists.map((name) => pkg[name]));
const build = ['heroku-postbuild', 'build'].find((name) => scripts[name]) || '';
const linker = /^nodeLinker:\s*["']?([a-z-]+)/m.exec(read('.yarnrc.yml'));
const main = ['server.js', pkg.main, 'index.js', 'app.js'].find((file) => file && fs.existsSync(file)) || '';

const facts = {
  wanted_by: asked[0],
  wanted: asked[1],
  fits: named(asked[1]) ?? fits(running, asked[1]) ? 'yes' : '',
  manager: /^[a-z]+/.exec(pkg.packageManager || '')?.[0] || '',
  linker: linker ? linker[1] : 'pnp',
  dependencies: told,
  simple: !pkg.workspaces && !/"(file|link|portal|workspace):/.test(told) ? 'yes' : '',
  hooks: hooks.join(' '),
  prebuild: scripts['heroku-prebuild'] ? 'heroku-prebuild' : '',
  build,
  start: scripts.start ? 'yes' : '',
  main: /^[\w./-]+$/.test(main) ? main : '',
};
for (const [name, value] of Object.entries(facts)) console.log(`${name}='${String(value).replace(/'/g, `'\\''`)}'`);
