import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import fc from 'fast-check';
import { PlinthError } from '../errors/index.ts';
import { configFields, formatSource, loadConfig, type ConfigInput, type LoadedConfig } from './index.ts';

const folder = mkdtempSync(join(tmpdir(), 'plinth-config-'));
const home = join(folder, 'home');
mkdirSync(home);
after(() => rmSync(folder, { recursive: true, force: true }));

interface Given extends Omit<ConfigInput, 'env'> {
  readonly env?: Readonly<Record<string, string>>;
  readonly yaml?: string;
}

function load({ yaml, env = {}, ...rest }: Given): LoadedConfig {
  const directory = mkdtempSync(join(folder, 'd-'));
  if (yaml !== undefined) writeFileSync(join(directory, 'plinth.yaml'), yaml);
  return loadConfig({ directory, env: { PLINTH_HOME: home, ...env }, ...rest });
}

/** The message, with the folder of the file cut off. */
function refusal(given: Given): string {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof PlinthError, String(error));
    assert.equal(error.code, 'invalid_request');
    return error.message.replaceAll(/\/\S*\/(plinth\.yaml)/g, '$1');
  }
  throw new assert.AssertionError({ message: 'the configuration was accepted' });
}

const oneLine: ReadonlyArray<readonly [title: string, given: Given, message: string]> = [
  [
    'an unknown key gets the nearest name and its place',
    { yaml: 'host: a\nprot: 1\n' },
    'unknown key "prot"; did you mean port? (plinth.yaml:2:1)',
  ],
  [
    'an unknown key of a section gets the nearest name of that section',
    { yaml: 'limits:\n  bodyByte: 1\n' },
    'unknown key "bodyByte" in limits; did you mean bodyBytes? (plinth.yaml:2:3)',
  ],
  [
    'an unknown variable gets the nearest name',
    { env: { PLINTH_PROT: '1' } },
    'unknown variable PLINTH_PROT; did you mean PLINTH_PORT?',
  ],
  [
    'an unknown flag gets the nearest name',
    { flags: { 'log-levle': 'info' } },
    'unknown flag --log-levle; did you mean --log-level?',
  ],
  [
    'a wrong value of a file names line and column',
    { yaml: 'queue:\n  length: many\n' },
    'queue.length: expected a whole number of at least 0, got "many" (plinth.yaml:2:3)',
  ],
  [
    'a wrong value of a variable names the variable',
    { env: { PLINTH_MANAGEMENT_PORT: '70000' } },
    'managementPort: expected a whole number from 0 to 65535, got 70000 (PLINTH_MANAGEMENT_PORT)',
  ],
  [
    'a wrong value of a flag names the flag',
    { flags: { 'security-allow-insecure-listen': 'maybe' } },
    'security.allowInsecureListen: expected true or false, got "maybe" (--security-allow-insecure-listen)',
  ],
  [
    'a fraction is no whole number',
    { env: { PLINTH_PORT: '80.5' } },
    'port: expected a whole number from 0 to 65535, got 80.5 (PLINTH_PORT)',
  ],
  [
    'an exponent is no number here',
    { env: { PLINTH_PORT: '1e3' } },
    'port: expected a whole number from 0 to 65535, got "1e3" (PLINTH_PORT)',
  ],
  [
    'a delay that no timer takes is refused',
    { env: { PLINTH_LIMITS_DRAIN_MS: '2147483648' } },
    'limits.drainMs: expected a whole number from 0 to 2147483647, got 2147483648 (PLINTH_LIMITS_DRAIN_MS)',
  ],
  [
    'a closed set lists its members',
    { flags: { 'log-format': 'xml' } },
    'log.format: expected one of auto, json, pretty, got "xml" (--log-format)',
  ],
  [
    'a model of the wrong kind is told what a model may be',
    { yaml: 'models: [smollm2, 3]' },
    'models[1]: expected a name, a path, a source reference or a mapping with "name", got 3 (plinth.yaml:1:19)',
  ],
  [
    'an unknown key of a model is found',
    { yaml: 'models:\n  - name: a\n    sorce: x\n' },
    'unknown key "sorce" in models[0]; did you mean source? (plinth.yaml:3:5)',
  ],
  [
    'a model without a name is told so',
    { yaml: 'models:\n  - engine: echo\n' },
    'models[0].name: expected letters, digits, ".", "_", "/" and "-", at most 128, got nothing (plinth.yaml:2:5)',
  ],
  [
    'half of TLS is not enough',
    { yaml: 'tls:\n  certFile: a.pem\n' },
    'tls: certFile and keyFile go together; one is missing (plinth.yaml:1:1)',
  ],
  [
    'half of TLS by a flag is told with that flag',
    { flags: { 'tls-key-file': 'a.pem' } },
    'tls: certFile and keyFile go together; one is missing (--tls-key-file)',
  ],
  ['no model at all is refused', { yaml: 'models: []' }, 'models: expected a list, got [] (plinth.yaml:1:1)'],
  ['a secret has no place in a file', { yaml: 'apiKey: x' }, 'unknown key "apiKey" (plinth.yaml:1:1)'],
];

for (const [title, given, message] of oneLine) {
  test(title, () => assert.equal(refusal(given), `The configuration is not usable: ${message}`));
}

const unreadable: ReadonlyArray<readonly [title: string, yaml: string, pattern: RegExp]> = [
  ['broken YAML names its place', 'a: [1\nb: 2', /^plinth\.yaml:2:1: not valid YAML: /],
  ['a key that stands twice is refused', 'port: 1\nport: 2', /^plinth\.yaml:2:1: not valid YAML: Map keys must be unique/],
  ['an unknown tag is refused', 'host: !!js/function x', /^plinth\.yaml:1:7: not valid YAML: /],
  ['a bomb of aliases is refused', `a: &a [x,x,x,x,x,x,x,x,x,x]\n${bomb()}`, /^plinth\.yaml: aliases are nested too deeply/],
  ['a list is no configuration', '- 1', /^plinth\.yaml: expected a mapping of fields/],
  [
    'a file of a megabyte is refused',
    `# ${'x'.repeat(1024 * 1024)}`,
    /^plinth\.yaml: a configuration file has at most 1048576 bytes/,
  ],
];

function bomb(): string {
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
  return names
    .map((name, i) => `${names[i + 1] ?? 'z'}: &${names[i + 1] ?? 'z'} [${Array(10).fill(`*${name}`).join(',')}]`)
    .join('\n');
}

for (const [title, yaml, pattern] of unreadable) {
  test(title, () => assert.match(refusal({ yaml }), pattern));
}

test('a file that was named must be there', () => {
  assert.match(refusal({ file: join(folder, 'none.yaml') }), /none\.yaml: the configuration file cannot be read: ENOENT/);
  assert.match(refusal({ env: { PLINTH_CONFIG: join(folder, 'none.yaml') } }), /cannot be read/);
});

test('every problem is told at once', () => {
  const message = refusal({ yaml: 'prot: 1\nhost: 5\n', env: { PLINTH_PORT: 'x' }, flags: { models: '' } });
  assert.equal(message.split('\n').length, 5);
});

test('flags win over variables, variables over the file, the file over defaults', () => {
  const yaml = 'port: 1\nhost: file\nlimits: {bodyBytes: 1, bodyDepth: 1, headerCount: 1}\n';
  const env = { PLINTH_LIMITS_BODY_DEPTH: '2', PLINTH_LIMITS_HEADER_COUNT: '2' };
  const { config, sources, file } = load({ yaml, env, flags: { 'limits-header-count': '3' } });
  const { bodyBytes, bodyDepth, headerCount, headerBytes } = config.limits;
  assert.deepEqual([bodyBytes, bodyDepth, headerCount, headerBytes], [1, 2, 3, 16_384]);
  const told = ['limits.bodyBytes', 'limits.bodyDepth', 'limits.headerCount', 'limits.headerBytes'].map((key) => {
    const source = sources.get(key);
    return source === undefined ? '' : formatSource(source);
  });
  assert.deepEqual(told, [`${file}:3:10`, 'PLINTH_LIMITS_BODY_DEPTH', '--limits-header-count', 'default']);
});

test('a file may stand in the home', () => {
  writeFileSync(join(home, 'plinth.yaml'), 'port: 4\n');
  assert.equal(load({}).config.port, 4);
  assert.equal(load({ yaml: 'port: 5\n' }).config.port, 5);
  rmSync(join(home, 'plinth.yaml'));
});

test('a tilde in the home means the directory of the user', () => {
  assert.equal(load({ env: { PLINTH_HOME: '~/x' } }).config.home, join(homedir(), 'x'));
});

test('lists are separated by commas in text, and taken as they are otherwise', () => {
  assert.deepEqual(load({ env: { PLINTH_MODELS: 'a, b,,c' } }).config.models, ['a', 'b', 'c']);
  assert.deepEqual(load({ flags: { models: ['./a,b.gguf'] } }).config.models, ['./a,b.gguf']);
});

test('an empty variable and an empty section set nothing', () => {
  const { config } = load({ yaml: 'queue:\n  # length: 1\n', env: { PLINTH_PORT: '' } });
  assert.deepEqual([config.queue.length, config.port], [256, 8080]);
});

test('keys of the environment are neither fields nor problems', () => {
  const { config } = load({ env: { PLINTH_API_KEY: 'k', PLINTH_ADMIN_KEY: 'a', PLINTH_DATABASE_URL: 'postgres://k' } });
  assert.ok(!/"k"|postgres:/.test(JSON.stringify(config)));
});

test('a variable that a field names is known under that name only', () => {
  const env = { PLINTH_BOOK_ADDRESS: 'postgres://k', PLINTH_OTHER_KEY: 'x' };
  const upstream = 'models:\n  - name: far\n    upstream: { url: "https://h/v1", model: m, keyVariable: PLINTH_OTHER_KEY }\n';
  assert.ok(load({ env, yaml: `book:\n  urlVariable: PLINTH_BOOK_ADDRESS\n${upstream}` }));
  assert.match(refusal({ env, yaml: upstream }), /unknown variable PLINTH_BOOK_ADDRESS/);
  assert.match(refusal({ env: { PLINTH_DATABSE_URL: 'x' } }), /did you mean PLINTH_DATABASE_URL/);
});

test('a key named like a property of every object is only unknown', () => {
  assert.match(refusal({ yaml: '__proto__: {port: 1}\n' }), /unknown key "__proto__"/);
  assert.match(refusal({ yaml: 'constructor: 1\n' }), /unknown key "constructor"/);
});

test('no two fields share a variable or a flag', () => {
  assert.equal(new Set(configFields.map((field) => field.variable)).size, configFields.length);
  assert.equal(new Set(configFields.map((field) => field.flag)).size, configFields.length);
});

test('whatever a file holds, it is read or refused in words', () => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.json(),
    fc.constantFrom('[', '{', '&a *a', '? :', '%YAML 9', 'a: !!binary x'),
  );
  fc.assert(
    fc.property(anything, (yaml) => {
      try {
        load({ yaml });
      } catch (error) {
        assert.ok(error instanceof PlinthError, String(error));
      }
    }),
    { numRuns: 200 },
  );
});
