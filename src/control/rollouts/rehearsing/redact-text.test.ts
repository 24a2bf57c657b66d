import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { redactedKinds, redactText } from './redact-text.ts';

const found: ReadonlyArray<readonly [text: string, redacted: string]> = [
  ['write to jane.doe+x@mail.example.co.uk, please', 'write to [e-mail], please'],
  ['Grüße an jürgen@müller.example!', 'Grüße an [e-mail]!'],
  ['Saluts à rene\u0301@cafe\u0301.example', 'Saluts à [e-mail]'],
  ['hers is ada＠example.org', 'hers is [e-mail]'],
  ['call +49\u00a0170\u00a01234567 now', 'call [phone] now'],
  ['call 555–123–4567 now', 'call [phone] now'],
  ['call +49 (0) 170 1234567 now', 'call [phone] now'],
  ['card 4111\u00a01111\u00a01111\u00a01111.', 'card [card].'],
  ['to DE89\u00a03704\u00a00044\u00a00532\u00a00130\u00a000 please', 'to [iban] please'],
  ['my password is hunter2.', 'my password is [secret]'],
  ['-----BEGIN PGP PRIVATE KEY BLOCK-----\nabc\n-----END PGP PRIVATE KEY BLOCK-----', '[secret]'],
  ['call +49 170 1234567 or +1 (555) 123-4567.', 'call [phone] or [phone].'],
  ['(030) 1234 5678, 555-123-4567, 0170/1234567', '[phone], [phone], [phone]'],
  ['card 4111 1111 1111 1111 exp 12/27', 'card [card] exp 12/27'],
  ['5500-0000-0000-0004;378282246310005', '[card];[card]'],
  ['two: 4111111111111111 5500000000000004', 'two: [card] [card]'],
  ['pay to DE89 3704 0044 0532 0130 00 today', 'pay to [iban] today'],
  ['gb82west12345698765432', '[iban]'],
  ['from 192.168.1.17:8080 and 2001:db8::8a2e:370:7334.', 'from [ip]:8080 and [ip].'],
  ['key sk-abcDEF1234567890abcd', 'key [secret]'],
  ['ghp_16C7e42F292c6912E7710c838347Ae178B4a', '[secret]'],
  ['Authorization: Bearer abc.def-123456', 'Authorization: Bearer [secret]'],
  ['basic dXNlcjpwYXNzd29yZA==', 'basic [secret]'],
  ['DB_PASSWORD=hunter', 'DB_PASSWORD=[secret]'],
  ['"password": "correct horse"', '"password": "[secret] horse"'],
  ['{"api_key":"a1b2c3"}', '{"api_key":"[secret]"}'],
  [String.raw`{\"secret\":\"a1b2c3\"}`, String.raw`{\"secret\":\"[secret]\"}`],
  ['https://user:pa[ss@example.org/x?token=a1b2c3&n=1', 'https://[login]@example.org/x?token=[secret]&n=1'],
  ['the hash d41d8cd98f00b204e9800998ecf8427e is here', 'the hash [secret] is here'],
  [`a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b`, 'a [secret] b'],
  ['-----BEGIN PRIVATE KEY-----\nMIIE', '[secret]'],
];

for (const [text, redacted] of found) {
  test(`${JSON.stringify(text)} becomes ${JSON.stringify(redacted)}`, () => {
    assert.equal(redactText(text).text, redacted);
  });
}

const innocent = [
  'The year 2024, version 1.2.3, on 2024-01-15 at 09:30:00 and 05/06/2024 12:30.',
  'Card 4111 1111 1111 1112 has a wrong check digit.',
  'GB83 WEST 1234 5698 7654 32 has a wrong checksum.',
  'std::vector and A::B, ratio 3:1, ::, 999.999.999.999',
  'A secret: never give up. The token: word. Basic understanding of bearer instruments.',
  'src/control/rollouts/rehearsing/redact-text-in-a-long-path.ts',
  'my-long-blog-post-title-about-many-things-2024',
  'mention @someone and a@b, 12 + 34 = 46, 1,234,567.89',
  '-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----',
  'max_tokens: 4096, tokens=12',
  '',
];

for (const text of innocent) {
  test(`${JSON.stringify(text.slice(0, 60))} stays as it is`, () => {
    assert.deepEqual(redactText(text), { text, counts: {} });
  });
}

test('findings are counted by kind', () => {
  const { counts } = redactText('a@b.example c@d.example 10.0.0.1 pwd=abcd');
  assert.deepEqual(counts, { 'e-mail': 2, ip: 1, secret: 1 });
});

const pieces = fc.constantFrom(
  ...found.map(([text]) => text),
  ...redactedKinds.map((kind) => `[${kind}]`),
  ...[
    '@',
    '.',
    ':',
    '://',
    '-',
    ' ',
    '+',
    '[',
    ']',
    '0',
    '4111',
    '1111',
    'DE89',
    'sk-',
    'password=',
    'a',
    'example.org',
    '"',
    '\n',
    '::',
    '_',
  ],
);
const hostileText = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 80 }),
  fc.array(fc.oneof(pieces, fc.string({ maxLength: 4 })), { maxLength: 14 }).map((parts) => parts.join('')),
);

test('redacting twice changes nothing', () => {
  fc.assert(
    fc.property(hostileText, (text) => {
      const once = redactText(text).text;
      assert.deepEqual(redactText(once), { text: once, counts: {} });
    }),
    { numRuns: 3000 },
  );
});

test('an address of each kind is found between any words', () => {
  const words = fc.array(fc.constantFrom('see', 'und', 'please', 'Ω', '(x)', '—'), { maxLength: 5 }).map((all) => all.join(' '));
  const secrets = fc.constantFrom('x.y@mail.example', '+4917012345678', '4111111111111111', 'DE89370400440532013000', '10.1.2.3');
  fc.assert(
    fc.property(words, secrets, words, (before, secret, after) => {
      assert.ok(!redactText(`${before} ${secret} ${after}`).text.includes(secret));
    }),
  );
});

const LONG = 300_000;
for (const unit of [
  'a',
  '1',
  '1 ',
  '@',
  'a@',
  'a.',
  '@a.',
  '+1',
  ':',
  '://',
  '://a@',
  '-',
  '=',
  '_',
  'a_',
  '0 ',
  'DE89',
  'sk-',
  'a:',
  '::1',
  'f',
  'password',
  'pwd=',
  'Bearer ',
  '-----BEGIN ',
  '-----BEGIN PRIVATE KEY-----',
  'é',
  '.1',
  '(1',
  'x@a.1.',
]) {
  test(`a long text of ${JSON.stringify(unit)} ends in time that grows with its length`, { timeout: 20_000 }, () => {
    const text = unit.repeat(Math.ceil(LONG / unit.length));
    assert.equal(typeof redactText(text).text, 'string');
    assert.equal(typeof redactText(`${text}!`).text, 'string');
  });
}

test('any repeated text ends in time that grows with its length', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      hostileText.filter((text) => text !== ''),
      (unit) => {
        redactText(unit.repeat(Math.ceil(60_000 / unit.length)));
      },
    ),
    { numRuns: 60 },
  );
});
