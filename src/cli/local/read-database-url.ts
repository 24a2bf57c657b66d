import { configSchema, type Config } from '../../core/config/index.ts';
import { PlinthError } from '../../core/errors/index.ts';

const DEFAULT_VARIABLE = configSchema.shape.book.parse(undefined).urlVariable;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The address of the database that the book is in, a secret; undefined when the book is a file of the home. Throws `invalid_request` when
 * the configuration names a variable of its own and that is not set: a gateway that was meant to share a book must not begin another.
 */
export function readDatabaseUrl({ book }: Pick<Config, 'book'>, env: Environment): string | undefined {
  const address = env[book.urlVariable] || undefined;
  if (address !== undefined || book.urlVariable === DEFAULT_VARIABLE) return address;
  const message = `book.urlVariable names ${book.urlVariable}, which is not set: it must hold a postgres:// address`;
  throw new PlinthError({ code: 'invalid_request', message, param: 'book.urlVariable' });
}

/** The environment without the secrets that the configuration gives names to: what programs that fetch models may see. */
export function withoutNamedSecrets({ book, models }: Pick<Config, 'book' | 'models'>, env: Environment): Environment {
  const keys = models.flatMap((model) => (typeof model === 'string' ? [] : (model.upstream?.keyVariable ?? [])));
  const secret = new Set([book.urlVariable, ...keys]);
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.has(name)));
}
