import { styleText } from 'node:util';

export type Style = 'bold' | 'dim' | 'red' | 'green' | 'yellow' | 'cyan';

/** One of the two output streams, with what is known of its far end. */
export interface Terminal {
  /** Never throws, also when the far end has gone. */
  write(text: string): void;
  readonly isInteractive: boolean;
  /** False once the far end has gone. */
  readonly isOpen: boolean;
  /** Width in characters; 80 when unknown. */
  readonly columns: number;
  /** Height in lines; 24 when unknown. */
  readonly rows: number;
  paint(style: Style, text: string): string;
}

interface OutputStream {
  write(text: string): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Colour follows NO_COLOR and FORCE_COLOR (no-color.org); a closed pipe is not an error. */
export function openTerminal(stream: OutputStream, env: Environment): Terminal {
  const isInteractive = stream.isTTY === true && env['TERM'] !== 'dumb';
  const hasColor = choosesColor(isInteractive, env);
  let isOpen = true;
  stream.on('error', () => (isOpen = false));
  return {
    isInteractive,
    get isOpen() {
      return isOpen;
    },
    get columns() {
      const width = stream.columns ?? 0;
      return width > 0 ? width : 80;
    },
    get rows() {
      const height = stream.rows ?? 0;
      return height > 0 ? height : 24;
    },
    write: (text) => {
      if (isOpen) stream.write(text);
    },
    paint: (style, text) => (hasColor ? styleText(style, text, { validateStream: false }) : text),
  };
}

function choosesColor(isInteractive: boolean, env: Environment): boolean {
  if ((env['NO_COLOR'] ?? '') !== '') return false;
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined && forced !== '' && forced !== '0' && forced !== 'false') return true;
  return isInteractive;
}
