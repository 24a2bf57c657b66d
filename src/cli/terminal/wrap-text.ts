import type { Terminal } from './terminal.ts';

/** Words in lines of at most `width` characters; a word that is longer has a line of its own. Always at least one line. */
function wrapText(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if ([...longer].length <= width || line === '') line = longer;
    else {
      lines.push(line);
      line = word;
    }
  }
  return [...lines, line];
}

/** A text after a heading, its further lines below the first, as wide as the terminal: `Waits for  38 more answers`. A pipe gets one line. */
export function hangText(heading: string, text: string, { isInteractive, columns }: Terminal): string {
  const indent = [...heading].length;
  const lines = isInteractive ? wrapText(text, Math.max(20, columns - indent)) : [text];
  return lines.map((line, i) => `${i === 0 ? heading : ' '.repeat(indent)}${line}\n`).join('');
}
