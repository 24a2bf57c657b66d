// Makes `npm start` and `npm test` work in a fresh clone: installs what the lockfile names and is not there, places the pinned Node.
// Runs on Node 20 or later, with nothing installed. When nothing is missing it only compares two files.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { listTrimmed, trimInstall } from './trim-install.mjs';

const root = realpathSync(fileURLToPath(new URL('..', import.meta.url)));
const FLOOR = [22, 18];
const POLL_MS = 500;
const LONGEST_INSTALL_MS = 15 * 60_000;

if (!isInstalled() || !hasPinnedNode()) await withLock(installMissing);

async function installMissing() {
  if (!isInstalled()) await installPackages();
  if (!hasPinnedNode()) await placePinnedNode();
  trimInstall();
}

function isInstalled() {
  const wanted = readPackages('package-lock.json');
  const placed = readPackages('node_modules/.package-lock.json');
  if (wanted === undefined) return true;
  if (placed === undefined) return false;
  const trimmed = listTrimmed();
  return Object.entries(wanted).every(([path, entry]) => {
    if (path === '' || entry.link || trimmed.includes(path) || !fitsPlatform(entry)) return true;
    const found = placed[path];
    if (found === undefined) return entry.optional === true;
    return found.version === entry.version && found.integrity === entry.integrity && existsSync(join(root, path, 'package.json'));
  });
}

function readPackages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), 'utf8')).packages;
  } catch {
    return undefined;
  }
}

function fitsPlatform(entry) {
  return fits(entry.os, process.platform) && fits(entry.cpu, process.arch);
}

function fits(list, own) {
  if (list === undefined || list.length === 0) return true;
  if (list.includes(`!${own}`)) return false;
  return list.includes(own) || list.every((name) => name.startsWith('!'));
}

function hasPinnedNode() {
  return existsSync(join(root, 'node_modules/.bin/node'));
}

async function installPackages() {
  const startedAt = Date.now();
  process.stderr.write('Installing what the lockfile names (npm ci) … ');
  // Said aloud because a user's own settings may leave these out, and nothing works without them.
  const result = await runNpm(['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error']);
  if (result.code !== 0) {
    process.stderr.write(`failed\n${result.output}\n`);
    fail('The install failed; npm has said why above. `npm ci` repeats it with all its output.');
  }
  process.stderr.write(`done in ${Math.round((Date.now() - startedAt) / 1000)} s\n`);
}

/** The package `node` places its binary by an install script, which settings may forbid. */
async function placePinnedNode() {
  const result = await runNpm(['rebuild', 'node', '--ignore-scripts=false', '--loglevel=error']);
  if (hasPinnedNode()) return;
  const [major, minor] = process.versions.node.split('.').map(Number);
  const isRecent = major > FLOOR[0] || (major === FLOOR[0] && minor >= FLOOR[1]);
  if (isRecent) return;
  process.stderr.write(`${result.output}\n`);
  fail(
    `The Node of the lockfile could not be placed, and the Node at hand (${process.version}) is too old: ${FLOOR.join('.')} or later is ` +
      'needed. Allow the install script of the package "node" (npm rebuild node --ignore-scripts=false), or install a newer Node.',
  );
}

/** Runs npm with its output held back, and takes it along when whoever started this script is gone. */
function runNpm(args) {
  const [command, ...first] = chooseNpm();
  const child = spawn(command, [...first, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  // Outright: npm answers a gentle signal by going on for many seconds, and what it leaves half done is installed anew anyway.
  const end = () => {
    try {
      process.kill(-child.pid, 'SIGKILL');
    } catch {
      // It had ended by itself.
    }
    process.exit(130);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);
  const ancestors = readAncestors();
  const watch = setInterval(() => {
    if (readAncestors() !== ancestors) end();
  }, POLL_MS);
  return new Promise((resolve) => {
    const settle = (code) => {
      clearInterval(watch);
      resolve({ code, output });
    };
    child.on('error', (error) => {
      output += `npm could not be started: ${error.message}\n`;
      settle(1);
    });
    child.on('close', settle);
  });
}

/** The shell that npm runs this script in outlives an npm that was killed; so its parent counts too, where that can be read. */
function readAncestors() {
  try {
    const fields = readFileSync(`/proc/${process.ppid}/stat`, 'utf8').split(') ').pop().split(' ');
    return `${process.ppid} ${fields[1]}`;
  } catch {
    return String(process.ppid);
  }
}

/** The npm that runs this script, on a Node that the install will not take away under it. */
function chooseNpm() {
  const { npm_execpath: script = '', npm_node_execpath: node = '' } = process.env;
  if (basename(script) !== 'npm-cli.js' || !existsSync(script)) return ['npm'];
  return [existsSync(node) && !node.startsWith(join(root, 'node_modules')) ? node : process.execPath, script];
}

/** One install at a time in a folder: a second start waits for the first and then has nothing left to do. */
async function withLock(work) {
  const lock = join(
    tmpdir(),
    `plinth-install-${userInfo().uid}-${createHash('sha256').update(root).digest('hex').slice(0, 16)}.lock`,
  );
  while (!takeLock(lock)) await sleep(POLL_MS);
  process.on('exit', () => rmSync(lock, { force: true }));
  await work();
}

function takeLock(lock) {
  try {
    writeFileSync(lock, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') return true;
    if (!isHeld(lock)) rmSync(lock, { force: true });
    return false;
  }
}

function isHeld(lock) {
  try {
    if (Date.now() - statSync(lock).mtimeMs > LONGEST_INSTALL_MS) return false;
    process.kill(Number(readFileSync(lock, 'utf8')), 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}
