/** Where a value of the configuration came from. */
export type ConfigSource =
  | { readonly type: 'default' }
  | { readonly type: 'file'; readonly file: string; readonly line: number; readonly column: number }
  | { readonly type: 'variable'; readonly name: string }
  | { readonly type: 'flag'; readonly name: string };

/** `plinth.yaml:4:9`, `PLINTH_PORT`, `--port` or `default`. */
export function formatSource(source: ConfigSource): string {
  if (source.type === 'file') return `${source.file}:${source.line}:${source.column}`;
  return source.type === 'default' ? 'default' : source.name;
}
