import { PlinthError } from '../../../core/errors/index.ts';

/** Refuses a NUL character by the name of what holds it: PostgreSQL cannot keep one in text, so no book does. Gives the fields back. */
export function plain<T extends object>(fields: T): T {
  for (const [name, value] of Object.entries(fields)) {
    if (typeof value !== 'string' || !value.includes('\0')) continue;
    const message = `${name.replaceAll('_', ' ')} holds a NUL character, which the book cannot keep`;
    throw new PlinthError({ code: 'invalid_request', message, param: name });
  }
  return fields;
}

/** A document as its column holds it. */
export function writeDocument(document: unknown): string {
  return JSON.stringify(document);
}

/** A document as this code wrote it. */
export function readDocument<T extends object>(text: string): T {
  const document: unknown = JSON.parse(text);
  if (typeof document !== 'object' || document === null) throw new TypeError('a document of the book is no object');
  return document as T;
}

/** `limit` rows at most, whatever was asked for. */
export function bounded(most: number, limit = 10_000): number {
  return Math.max(0, Math.min(Math.trunc(most), limit)) || 0;
}
