import type { Config } from '../../core/config/index.ts';
import { createLogger, type Logger } from '../../core/telemetry/index.ts';
import type { Book, FixedKeys, Keyring, ModelStore } from '../../control/index.ts';
import { homeFailure } from './home-failure.ts';
import { readDatabaseUrl, withoutNamedSecrets } from './read-database-url.ts';

/** What lies under PLINTH_HOME, open. */
export interface Home {
  readonly keyring: Keyring;
  readonly store: ModelStore;
  readonly book: Book;
  close(): Promise<void>;
}

export interface HomeOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly logger?: Logger;
}

/** Opens book, keyring and store. Keys of the environment are accepted beside stored ones. Throws `internal_error` when the home cannot be used. */
export async function openHome(options: HomeOptions): Promise<Home> {
  try {
    return await openParts(options);
  } catch (error) {
    throw homeFailure(options.config.home, error);
  }
}

async function openParts({ config, env, logger = createLogger({ level: 'warn' }) }: HomeOptions): Promise<Home> {
  const { openBook, openKeyring, openModelStore } = await import('../../control/index.ts');
  const { home } = config;
  const databaseUrl = readDatabaseUrl(config, env);
  const book = await openBook({ home, logger, ...(databaseUrl !== undefined && { databaseUrl }) });
  const keyring = await openKeyring({ book, home, logger, fixedKeys: readFixedKeys(env) });
  const store = openModelStore({ home, book, logger, environment: withoutNamedSecrets(config, env) });
  return {
    keyring,
    store,
    book,
    close: async () => {
      await keyring.close();
      await book.close();
    },
  };
}

/** Opens the home for the time that `use` takes. */
export async function withHome<T>(options: HomeOptions, use: (home: Home) => Promise<T>): Promise<T> {
  const home = await openHome(options);
  try {
    return await use(home);
  } finally {
    await home.close();
  }
}

function readFixedKeys(env: HomeOptions['env']): FixedKeys {
  const apiKey = env['PLINTH_API_KEY'];
  const adminKey = env['PLINTH_ADMIN_KEY'];
  return { ...(apiKey ? { apiKey } : {}), ...(adminKey ? { adminKey } : {}) };
}
