/** Longer texts are alike as far as their beginnings are. */
const MOST_CHARACTERS = 20_000;
/** The comparison of words costs their product. */
const MOST_WORDS = 1500;

/** The text without case, white space and punctuation, so that only its words are left. Unicode's own forms of a letter count as one. */
export function normaliseText(text: string): string {
  return text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[\p{P}\p{S}\s]+/gu, ' ')
    .trim();
}

/**
 * How alike two texts look, 0…1: the cosine between their counts of three neighbouring characters, after normalising. Two empty
 * texts are alike. It sees wording, not meaning. After the profiles of character n-grams of Cavnar and Trenkle, "N-Gram-Based Text
 * Categorization" (1994).
 */
export function trigramLikeness(one: string, other: string): number {
  const a = normaliseText(one.slice(0, MOST_CHARACTERS));
  const b = normaliseText(other.slice(0, MOST_CHARACTERS));
  if (a === b) return 1;
  const counts = countTrigrams(a);
  const others = countTrigrams(b);
  let product = 0;
  for (const [trigram, count] of counts) product += count * (others.get(trigram) ?? 0);
  const lengths = Math.sqrt(squaresOf(counts) * squaresOf(others));
  return lengths === 0 ? 0 : Math.min(1, product / lengths);
}

/** 1 − word error rate of `heard` against `spoken`, never below 0: substitutions, insertions and deletions over the words spoken. */
export function wordAccuracy(spoken: string, heard: string): number {
  const words = wordsOf(spoken);
  const others = wordsOf(heard);
  if (words.length === 0) return others.length === 0 ? 1 : 0;
  return Math.max(0, 1 - editDistance(words, others) / words.length);
}

function wordsOf(text: string): string[] {
  return normaliseText(text)
    .split(' ')
    .filter((word) => word !== '')
    .slice(0, MOST_WORDS);
}

function countTrigrams(text: string): ReadonlyMap<string, number> {
  const padded = `  ${text}  `;
  const counts = new Map<string, number>();
  if (text === '') return counts;
  for (let at = 0; at + 3 <= padded.length; at++) {
    const trigram = padded.slice(at, at + 3);
    counts.set(trigram, (counts.get(trigram) ?? 0) + 1);
  }
  return counts;
}

function squaresOf(counts: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const count of counts.values()) sum += count * count;
  return sum;
}

function editDistance(a: readonly string[], b: readonly string[]): number {
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (const [row, word] of a.entries()) {
    const current = [row + 1];
    for (const [column, other] of b.entries()) {
      const replaced = (last[column] ?? 0) + (word === other ? 0 : 1);
      current.push(Math.min(replaced, (last[column + 1] ?? 0) + 1, (current[column] ?? 0) + 1));
    }
    last = current;
  }
  return last.at(-1) ?? 0;
}
