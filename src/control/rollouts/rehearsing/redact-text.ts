import { isIPv4, isIPv6 } from 'node:net';

/** What is taken out of texts. */
export type RedactedKind = 'e-mail' | 'phone' | 'card' | 'iban' | 'ip' | 'secret' | 'login';

export const redactedKinds: readonly RedactedKind[] = ['e-mail', 'phone', 'card', 'iban', 'ip', 'secret', 'login'];

/** A text without what could be recognised of persons and secrets, and how often each kind was taken out. */
export interface RedactedText {
  readonly text: string;
  readonly counts: Readonly<Partial<Record<RedactedKind, number>>>;
}

/** What is left may look like something else once; more than this nobody has built on purpose yet. */
const MOST_ROUNDS = 8;

/**
 * Puts `[e-mail]`, `[phone]`, `[card]`, `[iban]`, `[ip]`, `[secret]` and `[login]` in the place of e-mail addresses, phone numbers,
 * card numbers (Luhn, ISO/IEC 7812), account numbers (checksum of ISO 13616), IP addresses, keys and passwords, and credentials in
 * addresses. Names and postal addresses are not found. The work grows with the length of the text, whatever it holds. Redacting
 * twice changes nothing.
 */
export function redactText(text: string): RedactedText {
  const counts: Partial<Record<RedactedKind, number>> = {};
  let current = text;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const before = current;
    for (const { kind, find } of FINDERS) {
      current = find(current, () => {
        counts[kind] = (counts[kind] ?? 0) + 1;
        return `[${kind}]`;
      });
    }
    if (current === before) break;
  }
  return { text: current, counts };
}

type Place = () => string;

interface Finder {
  readonly kind: RedactedKind;
  /** The text with `place()` for each finding. */
  readonly find: (text: string, place: Place) => string;
}

const PRIVATE_KEY = '-----BEGIN ';
const LOGIN = /(?<=:\/\/)([^\s/?#@"'<>]+(?:@[^\s/?#@"'<>]+)*)@(?=[^\s/?#@"'<>])/g;
/** Beginnings of keys as their makers document them. */
const KNOWN_KEY =
  /(?<![A-Za-z0-9])(?:[spr]k[-_]|plk_|hf_|npm_|gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|AKIA|ASIA|AIza|ya29\.|SG\.|eyJ)[-_A-Za-z0-9.]{12,}/g;
const BEARER = /(?<![A-Za-z0-9])((?:Bearer|Basic)[ \t]{1,4})([A-Za-z0-9+/=_.~-]{8,})/gi;
const NAMED =
  /(?<![A-Za-z0-9])((?:[A-Za-z0-9]{1,20}[_-]){0,3}(password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|secret[_-]?key)\\?["']?[ \t]{0,3}[:=][ \t]{0,3}\\?["']?)([^\s"'`,;&<>]{3,}?)(?=\\?["'`]|[\s,;&<>]|$)/gi;
const SAID =
  /(?<![A-Za-z0-9])((?:password|passwd|passphrase|pwd|secret|token|api[_ -]?key)[ \t]{1,3}(?:is|was)[ \t]{0,3}:?[ \t]{0,3}["'`]?)([^\s"'`,;&<>]{4,})/gi;
const E_MAIL = /(?<![\p{L}\p{M}\p{N}._%+'-])[\p{L}\p{M}\p{N}._%+'-]+[@＠](?:[\p{L}\p{M}\p{N}-]+[.．。])+[\p{L}\p{M}]{2,}/gu;
/** Between groups of digits: spaces that may break and such that may not, and dashes of every kind. */
const GAP = /^[ \u00a0\u2009\u202f\u2010-\u2013-]$/;
const IBAN_HEAD = /(?<![A-Za-z0-9])[A-Za-z]{2}\d{2}(?=[ \u00a0\u2009\u202f\u2010-\u2013-]?[A-Za-z0-9])/g;
const IPV4 = /(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)/g;
const IPV6 = /(?<![\w:.])[0-9A-Fa-f:.]+(?![\w])/g;
const DIGIT_GROUPS = /(?<!\w|\d\.)\d+(?:[ \u00a0\u2009\u202f\u2010-\u2013-]\d+)*(?!\w)/g;
const PHONE =
  /(?<!\w|\d\.)(?:\+\d{1,3}(?:[ \u00a0\u2009\u202f\u2010-\u2013.()/-]{0,4}\d){6,14}|\(\d{2,5}\)[ \u00a0\u2009\u202f\u2010-\u2013./-]{0,2}\d{2,4}(?:[ \u00a0\u2009\u202f\u2010-\u2013./-]?\d{2,4}){1,3}|(?:1[ \u00a0\u2009\u202f\u2010-\u2013.-])?\d{3}[ \u00a0\u2009\u202f\u2010-\u2013.-]\d{3}[ \u00a0\u2009\u202f\u2010-\u2013.-]\d{4}|0\d(?:[ \u00a0\u2009\u202f\u2010-\u2013./-]?\d){7,12})(?!\w)/g;
const DATE = /^\d{2}[./-]\d{2}[./-]\d{4}/;
const PLACEHOLDER = /^\[(?:e-mail|phone|card|iban|ip|secret|login)\]/;
const LONG_RUN = /(?<![A-Za-z0-9+/=_-])[A-Za-z0-9+/=_-]{32,}/g;

const FINDERS: readonly Finder[] = [
  { kind: 'secret', find: findPrivateKeys },
  {
    kind: 'login',
    find: (text, place) => text.replace(LOGIN, (all, login: string) => (login === '[login]' ? all : `${place()}@`)),
  },
  { kind: 'secret', find: (text, place) => text.replace(KNOWN_KEY, (key) => (hasDigit(key) ? place() : key)) },
  {
    kind: 'secret',
    find: (text, place) => text.replace(BEARER, (all, head: string, key: string) => (isWord(key) ? all : head + place())),
  },
  { kind: 'secret', find: findNamedSecrets },
  {
    kind: 'secret',
    find: (text, place) =>
      text.replace(SAID, (all, head: string, said: string) => (PLACEHOLDER.test(said) || !hasDigit(said) ? all : head + place())),
  },
  { kind: 'e-mail', find: (text, place) => text.replace(E_MAIL, place) },
  { kind: 'iban', find: findIbans },
  { kind: 'ip', find: (text, place) => text.replace(IPV4, (found) => (isIPv4(found) ? place() : found)) },
  { kind: 'ip', find: (text, place) => text.replace(IPV6, (found) => redactIPv6(found, place)) },
  { kind: 'card', find: (text, place) => text.replace(DIGIT_GROUPS, (run) => redactCards(run, place)) },
  { kind: 'phone', find: (text, place) => text.replace(PHONE, (found) => (DATE.test(found) ? found : place())) },
  { kind: 'secret', find: (text, place) => text.replace(LONG_RUN, (run) => (isRandom(run) ? place() : run)) },
];

/** From `-----BEGIN … PRIVATE KEY-----` to the end mark, or to the end of the text where it was cut off. */
function findPrivateKeys(text: string, place: Place): string {
  let written = '';
  let at = 0;
  for (;;) {
    const start = text.indexOf(PRIVATE_KEY, at);
    if (start === -1) return written + text.slice(at);
    const label = text.slice(start, start + 64);
    const isPrivate = /^-----BEGIN [A-Z0-9 ]{0,30}PRIVATE KEY(?: BLOCK)?-----/.test(label);
    if (!isPrivate) {
      written += text.slice(at, start + PRIVATE_KEY.length);
      at = start + PRIVATE_KEY.length;
      continue;
    }
    const end = text.indexOf('-----END ', start);
    const close = end === -1 ? -1 : text.indexOf('-----', end + 9);
    written += text.slice(at, start) + place();
    at = close === -1 ? text.length : close + 5;
  }
}

/** A password is whatever is called one; of the other names only what does not look like a word. */
function findNamedSecrets(text: string, place: Place): string {
  return text.replace(NAMED, (all, head: string, name: string, value: string) => {
    if (PLACEHOLDER.test(value) || value.startsWith('${') || value.startsWith('{{')) return all;
    return /^pass|^pwd/i.test(name) || !isWord(value) ? head + place() : all;
  });
}

function isWord(text: string): boolean {
  return /^\p{L}\p{Ll}*[.!?)]{0,3}$/u.test(text);
}

function hasDigit(text: string): boolean {
  return /\d/.test(text);
}

/** Countries of ISO 13616 with the length of their numbers. */
const IBAN_LENGTHS = new Map(
  (
    'AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 ' +
    'GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 ' +
    'NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20'
  )
    .split(' ')
    .map((entry) => [entry.slice(0, 2), Number(entry.slice(2))] as const),
);

function findIbans(text: string, place: Place): string {
  let written = '';
  let at = 0;
  for (const { index } of text.matchAll(IBAN_HEAD)) {
    if (index < at) continue;
    const end = endOfIban(text, index);
    if (end === undefined) continue;
    written += text.slice(at, index) + place();
    at = end;
  }
  return written + text.slice(at);
}

/** Where a sound account number that begins here ends: so many letters and digits as its country has, in groups or not. */
function endOfIban(text: string, start: number): number | undefined {
  const length = IBAN_LENGTHS.get(text.slice(start, start + 2).toUpperCase());
  if (length === undefined) return undefined;
  let characters = '';
  let at = start;
  while (characters.length < length) {
    const character = text[at] ?? '';
    if (/^[A-Za-z0-9]$/.test(character)) characters += character.toUpperCase();
    else if (!GAP.test(character) || at + 1 >= text.length || GAP.test(text[at + 1] ?? '')) return undefined;
    at++;
  }
  if (/^[A-Za-z0-9]$/.test(text[at] ?? '')) return undefined;
  return remainderOf(characters.slice(4) + characters.slice(0, 4)) === 1 ? at : undefined;
}

/** Modulo 97, letters counting from 10 (ISO 7064). */
function remainderOf(characters: string): number {
  let remainder = 0;
  for (const character of characters) {
    const value = parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder;
}

/** The longest form of an address, with some of the text's own full stops behind it. */
const MOST_ADDRESS = 60;

function redactIPv6(found: string, place: Place): string {
  if (found.length > MOST_ADDRESS) return found;
  const trimmed = found.replace(/[.:]+$/, '');
  const address = isIPv6(trimmed) ? trimmed : isIPv6(`${trimmed}::`) ? `${trimmed}::` : undefined;
  if (address === undefined || !found.startsWith(address) || !hasDigit(address)) return found;
  return place() + found.slice(address.length);
}

const CARD_DIGITS = { least: 13, most: 19 };

/** Of groups of digits, those that make a card number together. */
function redactCards(run: string, place: Place): string {
  const groups = run.split(/([ \u00a0\u2009\u202f\u2010-\u2013-])/);
  let written = '';
  for (let at = 0; at < groups.length;) {
    const end = endOfCard(groups, at);
    written += end === undefined ? (groups[at] ?? '') + (groups[at + 1] ?? '') : place() + (groups[end] ?? '');
    at = end === undefined ? at + 2 : end + 1;
  }
  return written;
}

/** Groups lie at even places, what parts them at odd ones. The place behind the last group of the longest card number. */
function endOfCard(groups: readonly string[], start: number): number | undefined {
  let digits = '';
  let end: number | undefined;
  for (let at = start; at < groups.length && digits.length <= CARD_DIGITS.most; at += 2) {
    digits += groups[at] ?? '';
    const isLength = digits.length >= CARD_DIGITS.least && digits.length <= CARD_DIGITS.most;
    if (isLength && isLuhn(digits)) end = at + 1;
  }
  return end;
}

function isLuhn(digits: string): boolean {
  let sum = 0;
  for (let at = 0; at < digits.length; at++) {
    const digit = Number(digits[digits.length - 1 - at]);
    const value = at % 2 === 0 ? digit : digit * 2;
    sum += value > 9 ? value - 9 : value;
  }
  return sum % 10 === 0 && /[1-9]/.test(digits);
}

/** Least share of neighbours of different kinds (capital, small letter, digit): words and paths have fewer, keys more. */
const LEAST_CHANGES = 0.25;

function isRandom(run: string): boolean {
  let changes = 0;
  let last = '';
  for (const character of run) {
    const kind = kindOf(character);
    if (kind === '') continue;
    if (last !== '' && kind !== last) changes++;
    last = kind;
  }
  return changes >= run.length * LEAST_CHANGES && hasDigit(run);
}

/** Empty for what parts groups in keys. */
function kindOf(character: string): '' | 'digit' | 'small' | 'capital' {
  if (character >= '0' && character <= '9') return 'digit';
  if (character >= 'a' && character <= 'z') return 'small';
  return character >= 'A' && character <= 'Z' ? 'capital' : '';
}
