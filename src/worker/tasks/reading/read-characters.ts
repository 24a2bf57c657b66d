/** What a recognizer says of one line: for each of `steps` places the probability of each class; class 0 is none. */
export interface CharacterScores {
  readonly values: Float32Array;
  readonly steps: number;
  readonly classes: number;
}

export interface ReadLine {
  readonly text: string;
  /** Mean probability of its characters; 0 when there are none. */
  readonly score: number;
}

/** Greedy connectionist temporal classification (Graves et al. 2006): equal neighbours are one character, class 0 is dropped. */
export function readCharacters({ values, steps, classes }: CharacterScores, alphabet: readonly string[]): ReadLine {
  let text = '';
  let [sum, count, last] = [0, 0, 0];
  for (let step = 0; step < steps; step++) {
    const row = values.subarray(step * classes, (step + 1) * classes);
    const best = indexOfLargest(row);
    if (best !== 0 && best !== last) {
      text += alphabet[best - 1] ?? '';
      sum += row[best] ?? 0;
      count += 1;
    }
    last = best;
  }
  return { text, score: count === 0 ? 0 : sum / count };
}

/** The classes after the first are the dictionary's lines, then a space where the model has one class more. */
export function readAlphabet(dictionary: string, classes: number): readonly string[] {
  const lines = dictionary.split(/\r?\n/);
  const characters = lines.at(-1) === '' ? lines.slice(0, -1) : lines;
  return characters.length + 2 === classes ? [...characters, ' '] : characters;
}

function indexOfLargest(row: Float32Array): number {
  let best = 0;
  for (let index = 1; index < row.length; index++) if ((row[index] ?? 0) > (row[best] ?? 0)) best = index;
  return best;
}
