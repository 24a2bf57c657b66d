const monthDay = String.raw`(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)`;
const leapYear = String.raw`\d\d(?:0[48]|[2468][048]|[13579][26])`;
const date = `(?:[0-9]{4}-${monthDay}|${leapYear}-02-29)`;
const clock = String.raw`(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?`;
const time = String.raw`${clock}(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)`;
const label = '[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?';
const host = String.raw`${label}(?:\.${label}){1,5}`;
const byte = String.raw`(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)`;

/** Each matches a subset of what the `ajv-formats` package takes for the format, so that a text written by it always passes there. */
const patterns: Readonly<Record<string, string>> = {
  date,
  time,
  'date-time': `${date}T${time}`,
  uuid: '[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}',
  email: String.raw`[A-Za-z0-9_+-]{1,64}(?:\.[A-Za-z0-9_+-]{1,64}){0,3}@${host}`,
  hostname: host,
  ipv4: String.raw`${byte}(?:\.${byte}){3}`,
  uri: String.raw`https?://${host}(?::[1-9]\d{1,3})?(?:/[A-Za-z0-9._~-]+)*/?(?:\?[A-Za-z0-9._~=&-]+)?`,
};

/** A regular expression for texts of a `format`; undefined when the format is not guaranteed. */
export function formatPattern(format: string): string | undefined {
  return Object.hasOwn(patterns, format) ? `^(?:${patterns[format]})$` : undefined;
}
